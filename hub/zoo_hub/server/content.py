"""Upload and download of large files at signed addresses, for which no token is needed."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from zoo_hub.server.messages import Answer, RefusedError, whole_number
from zoo_hub.server.store import large_files
from zoo_hub.server.synced_files import synced_file

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_hub.server.context import Context
    from zoo_hub.server.messages import Request
    from zoo_hub.server.store import Repo

FILE_LIMIT = 5 << 30
"""Bytes of the largest file, the Hub's own limit for uploads in one piece."""


def route(context: Context, request: Request) -> Answer:
    """Answer `/x/<get|put|verify>/<sha256>?exp=...&sig=...`."""
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
        _save_upload(request, path, oid)
        _record_upload(context, repo_name, oid)
        return Answer(b"")
    if what == "verify" and request.method == "POST":
        size = whole_number(request.json(), "size")
        uploaded = oid in large_files(_repo(context, repo_name)) and path.is_file()
        if not uploaded or path.stat().st_size != size:
            raise RefusedError(404, "LFS object was not uploaded")
        return Answer({})
    raise RefusedError(405, "MethodNotAllowed")


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


def _save_upload(request: Request, path: Path, oid: str) -> None:
    """Write a large file piece by piece; refused and removed where its sha256 is not its name."""
    digest, size = hashlib.sha256(), 0
    with synced_file(path) as file:
        for piece in request.pieces:
            size += len(piece)
            if size > FILE_LIMIT:
                raise RefusedError(413, f"the file is longer than {FILE_LIMIT:,} bytes")
            digest.update(piece)
            file.write(piece)
        if digest.hexdigest() != oid:
            raise RefusedError(400, "content does not match its sha256")
