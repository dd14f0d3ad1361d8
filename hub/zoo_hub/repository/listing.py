"""What the Hub lists of a repository at one commit: hash and size of each file whose name the zoo knows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.generators.files import CONFIG, LIMITS
from zoo_hub.client.errors import MALFORMED, malformed_answer
from zoo_hub.client.retry import retrying
from zoo_hub.client.watch import Watch

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

QUICK_SECONDS, QUICK_TRIES = 10.0, 3
"""After how much time and how many tries a cached copy is used instead of waiting for the Hub."""
COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RemoteFile:
    """A file as the Hub lists it."""

    name: str
    size: int
    digest: str
    """The file's etag: for a large file its sha256, 64 hex digits; for a small one its git id, 40 hex digits."""


@dataclass(frozen=True)
class Listing:
    """A repository at one commit."""

    repo: str
    commit: str
    files: dict[str, RemoteFile]


def fetch_listing(api: HfApi, repo: str, revision: str | None, *, quick: bool = False) -> Listing:
    """Return what the Hub lists at a branch, tag or commit, by default `main`.

    `quick` gives up sooner, for callers that can go on without the Hub.

    Raises:
        InputError: it holds no generator, or a file too large for one.
        NetworkError: the answer makes no sense.
        Exception: what the client raises where it gets no answer.
    """
    watch = Watch(repo, "the list of its files")
    if quick:
        watch = replace(watch, seconds=min(QUICK_SECONDS, watch.seconds), tries=QUICK_TRIES)
    try:
        info = retrying(lambda: api.model_info(repo, revision=revision, files_metadata=True), watch)
        listing = _listing(repo, info)
    except MALFORMED as error:
        raise malformed_answer(repo, type(error).__name__) from error
    if CONFIG not in listing.files:
        raise InputError(f"{repo}: it holds no {CONFIG}, so it is no generator of a zoo. Check the name")
    return listing


def _listing(repo: str, info: ModelInfo) -> Listing:
    if not COMMIT.fullmatch(info.sha or ""):
        raise malformed_answer(repo, f"commit {info.sha!r:.40}")
    known = {file.rfilename: file for file in info.siblings or [] if file.rfilename in LIMITS}
    return Listing(repo, str(info.sha), {name: _remote(repo, file) for name, file in known.items()})


def _remote(repo: str, file: RepoSibling) -> RemoteFile:
    name = file.rfilename
    size, digest, form = file.size, file.blob_id, COMMIT
    if file.lfs is not None:
        size, digest, form = file.lfs.size, file.lfs.sha256, _SHA256
    if type(size) is not int or size < 0 or not isinstance(digest, str) or not form.fullmatch(digest):
        raise malformed_answer(repo, f"size {size!r:.40} and hash {digest!r:.80} of {name}")
    if size > LIMITS[name]:
        raise InputError(
            f"{repo}: {name} has {size:,} bytes, more than {LIMITS[name]:,}. No generator of a zoo needs that"
        )
    return RemoteFile(name, size, digest)
