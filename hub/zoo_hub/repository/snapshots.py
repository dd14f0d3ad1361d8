"""The cache on this disk: `snapshots/<commit>/NAME` are links to `blobs/<hash>`, `refs/<revision>` holds a commit.

A link's name is what the Hub said of the bytes, so that they can be checked again without it. Where the system has
no links, only `config.json`'s own list is left for that.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zoo.errors import ResourceError
from zoo.generators.files import CONFIG
from zoo.system.atomic import write_atomic
from zoo.system.console import say
from zoo_hub.repository.listing import COMMIT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Snapshot(NamedTuple):
    """A commit's files in the cache."""

    folder: Path
    commit: str


def cache_root() -> Path:
    """Return the folder of the client's cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def snapshot_at(repo: str, commit: str) -> Snapshot:
    """Return where a commit's files are, or would be."""
    return Snapshot(_store(repo) / "snapshots" / commit, commit)


def cached(repo: str, revision: str | None) -> Snapshot | None:
    """Return the snapshot that was last pulled for a revision, if its `config.json` is there."""
    commit = revision or "main"
    if not COMMIT.fullmatch(commit):
        try:
            commit = (_store(repo) / "refs" / commit).read_text()
        except (OSError, UnicodeDecodeError):
            return None
    snapshot = snapshot_at(repo, commit) if COMMIT.fullmatch(commit) else None
    return snapshot if snapshot and (snapshot.folder / CONFIG).is_file() else None


def remember(repo: str, revision: str | None, commit: str) -> None:
    """Note which commit a branch or tag was at; a cache that cannot be written serves all the same."""
    reference = _store(repo) / "refs" / (revision or "main")
    if reference.name == commit or (reference.is_file() and reference.read_text() == commit):
        return
    with suppress(OSError, ResourceError):
        reference.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(reference, commit.encode())


def hub_digest(path: Path) -> str | None:
    """Return what the Hub called a cached file's bytes when they came; None where the cache has no links."""
    name = path.readlink().name if path.is_symlink() else ""
    return name if len(name) in (40, 64) else None


def remove(path: Path) -> None:
    """Remove a cached file: the link, the blob, and the shared blob that one may be a link to."""
    root = cache_root().absolute()
    while True:
        onward = path.parent / path.readlink() if path.is_symlink() else None
        path.unlink(missing_ok=True)
        if onward is None:
            return
        path = Path(os.path.normpath(onward))
        if root not in path.parents:
            return


@contextmanager
def alone(repo: str) -> Iterator[None]:
    """Hold the cached repository, waiting for whoever else pulls it."""
    from filelock import FileLock, Timeout

    place = cache_root() / ".locks" / _store(repo).name
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / "zoo.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{repo}: another process pulls it too; waiting for that")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _store(repo: str) -> Path:
    return cache_root() / f"models--{repo.replace('/', '--')}"
