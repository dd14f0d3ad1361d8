"""The Hub's cache on this disk: `snapshots/<commit>/NAME` links to `blobs/<digest>`, `refs/<revision>` holds a commit.

A link's target is named after the digest that the Hub listed, so the bytes can be checked again without the Hub. On
systems without links, only the hashes in `config.json` are left to check against.
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
from zoo.system.regular_files import read_regular
from zoo_hub.client.watch import refuse_empty_settings
from zoo_hub.repository.listing import COMMIT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Snapshot(NamedTuple):
    """A commit's files in the cache."""

    folder: Path
    commit: str


def cache_root() -> Path:
    """Return the folder of the client's cache; raises InputError where it is set to nothing."""
    refuse_empty_settings()
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def snapshot_at(repo: str, commit: str) -> Snapshot:
    """Return the snapshot of a commit, whether it was downloaded or not."""
    return Snapshot(_repo_folder(repo) / "snapshots" / commit, commit)


def cached_snapshot(repo: str, revision: str | None) -> Snapshot | None:
    """Return the snapshot that was last pulled for a revision, if its `config.json` is there."""
    commit = revision or "main"
    if not COMMIT.fullmatch(commit):
        try:
            commit = _read_ref(_repo_folder(repo) / "refs" / commit)
        except OSError:
            return None
    snapshot = snapshot_at(repo, commit) if COMMIT.fullmatch(commit) else None
    return snapshot if snapshot and (snapshot.folder / CONFIG).is_file() else None


def save_ref(repo: str, revision: str | None, commit: str) -> None:
    """Save which commit a branch or tag was at; where the cache cannot be written, nothing is saved."""
    reference = _repo_folder(repo) / "refs" / (revision or "main")
    with suppress(OSError):
        if reference.name == commit or _read_ref(reference) == commit:
            return
    with suppress(OSError, ResourceError):
        reference.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(reference, commit.encode())


def _read_ref(path: Path) -> str:
    return read_regular(path, 1000).decode("ascii", "replace")


def digest_of_link(path: Path) -> str | None:
    """Return the digest that the Hub listed for a cached file; None where the cache has no links."""
    name = path.readlink().name if path.is_symlink() else ""
    return name if len(name) in (40, 64) else None


def remove(path: Path) -> None:
    """Remove a cached file: the link, its blob, and where the blob is a link to a shared one, that too."""
    root = cache_root().absolute()
    while True:
        target = path.parent / path.readlink() if path.is_symlink() else None
        path.unlink(missing_ok=True)
        if target is None:
            return
        path = Path(os.path.normpath(target))
        if root not in path.parents:
            return


@contextmanager
def locked_repo(repo: str) -> Iterator[None]:
    """Lock the cached repository; wait while another process pulls it."""
    from filelock import FileLock, Timeout

    folder = cache_root() / ".locks" / _repo_folder(repo).name
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "zoo.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{repo}: another process pulls it too; waiting for that")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _repo_folder(repo: str) -> Path:
    return cache_root() / f"models--{repo.replace('/', '--')}"
