"""Upload and download of large files at signed addresses, for which no token is needed."""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import ExitStack
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from zoo.system.atomic import disk_errors
from zoo_hub.server.messages import Answer, RefusedError, json_body, whole_number
from zoo_hub.server.repo import large_files
from zoo_hub.server.synced_files import synced_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zoo_hub.server.context import Context
    from zoo_hub.server.messages import Request, Sink
    from zoo_hub.server.repo import Repo

FILE_LIMIT = 5 << 30
"""Bytes of the largest file, the Hub's own limit for uploads in one piece."""


def route(context: Context, request: Request) -> Answer | Sink:
    """Answer `/x/<get|put|verify>/<sha256>?repo=...&exp=...&sig=...`."""
    if len(request.segments) != 3 or request.segments[0] != "x":
        raise RefusedError(404, "NoSuchKey")
    _, what, oid = request.segments
    expires, repo_name = request.query.get("exp", "0"), request.query.get("repo", "")
    expected = context.signature(what, oid, repo_name, expires).encode()
    if not hmac.compare_digest(request.query.get("sig", "").encode(), expected) or time.time() > int(expires):
        raise RefusedError(403, "SignatureDoesNotMatch or expired")
    path = context.store.lfs_path(oid)
    if what == "get" and request.method in ("GET", "HEAD") and path.is_file():
        return Answer(path, headers={"ETag": f'"{oid}"'})
    if what == "put" and request.method == "PUT":
        return Upload(path, oid, partial(_record_upload, context, repo_name, oid))
    if what == "verify" and request.method == "POST":
        return json_body(partial(_verify, context, repo_name, oid))
    raise RefusedError(405, "MethodNotAllowed")


def _verify(context: Context, repo_name: str, oid: str, body: dict[str, Any]) -> Answer:
    path, size = context.store.lfs_path(oid), whole_number(body, "size")
    uploaded = oid in large_files(_repo(context, repo_name)) and path.is_file()
    if not uploaded or path.stat().st_size != size:
        raise RefusedError(404, "LFS object was not uploaded")
    return Answer({})


class Upload:
    """A large file on its way to the disk; refused and removed where its sha256 is not its name."""

    def __init__(self, path: Path, oid: str, record: Callable[[], None]) -> None:
        self._path, self._oid, self._record = path, oid, record
        self._digest, self._size = hashlib.sha256(), 0
        self._ending = ExitStack()
        self._file: IO[bytes] | None = None

    def write(self, piece: bytes) -> None:
        """Append to the file."""
        if self._file is None:
            self._file = self._ending.enter_context(synced_file(self._path))
        self._size += len(piece)
        if self._size > FILE_LIMIT:
            raise RefusedError(413, f"the file is longer than {FILE_LIMIT:,} bytes")
        self._digest.update(piece)
        with disk_errors(self._path):
            self._file.write(piece)

    def finish(self) -> Answer:
        """Give the file its name, once it is on the disk."""
        self.write(b"")
        if self._digest.hexdigest() != self._oid:
            raise RefusedError(400, "content does not match its sha256")
        self._ending.close()
        self._record()
        return Answer(b"")

    def close(self) -> None:
        """Remove a file that was not finished."""
        unfinished = EOFError()
        self._ending.__exit__(type(unfinished), unfinished, None)


def _record_upload(context: Context, repo_name: str, oid: str) -> None:
    """Note that a large file belongs to the repository whose writer has just proved to have its bytes."""
    with context.store.lock:
        repo = _repo(context, repo_name)
        if oid not in large_files(repo):
            repo.setdefault("uploads", []).append(oid)
            context.store.save(repo)


def _repo(context: Context, repo_name: str) -> Repo:
    kind, _, repo_id = repo_name.partition("/")
    repo = context.store.load(kind, repo_id)
    if repo is None:
        raise RefusedError(404, "the repository was deleted meanwhile", "RepoNotFound")
    return repo
