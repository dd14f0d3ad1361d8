"""Repositories on disk: `repos/<kind>/<owner>/<name>.json`, blobs by git id, large files by sha256."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict

from tests.hub_server.messages import RefusedError

LFS_SUFFIXES = ("safetensors", "onnx", "pt", "bin", "npz", "npy", "zip", "parquet")
GITATTRIBUTES = "".join(f"*.{end} filter=lfs diff=lfs merge=lfs -text\n" for end in LFS_SUFFIXES).encode()


class Lfs(TypedDict):
    """A large file's pointer."""

    oid: str
    size: int
    pointerSize: int


class Entry(TypedDict):
    """A file in a commit's tree."""

    oid: str
    size: int
    lfs: NotRequired[Lfs]


Tree = dict[str, Entry]


class Commit(TypedDict):
    """A commit holds its whole tree."""

    parent: str | None
    title: str
    message: str
    author: str
    date: str
    tree: Tree


class Repo(TypedDict):
    """A repository, as its JSON file holds it."""

    kind: str
    id: str
    private: bool
    gated: bool
    created: str
    branches: dict[str, str]
    tags: dict[str, str]
    commits: dict[str, Commit]


def git_blob(data: bytes) -> str:
    """Return the id git gives these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def now() -> str:
    """Return the time in the form the client parses."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(scratch).replace(path)


class Store:
    """What the Hub remembers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        for name in ("repos", "blobs", "lfs"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def _file(self, kind: str, repo_id: str) -> Path:
        if not re.fullmatch(r"[\w][\w.-]*/[\w][\w.-]*", repo_id):
            raise RefusedError(400, f"Invalid repo name: {repo_id}")
        return self.root / "repos" / kind / f"{repo_id}.json"

    def load(self, kind: str, repo_id: str) -> Repo | None:
        """Return a repository, or None when there is no such one."""
        file = self._file(kind, repo_id)
        if not file.is_file():
            return None
        repo: Repo = json.loads(file.read_bytes())
        return repo

    def save(self, repo: Repo) -> None:
        """Keep a repository as it is now."""
        write_whole(self._file(repo["kind"], repo["id"]), json.dumps(repo, indent=1).encode())

    def delete(self, repo: Repo) -> None:
        """Forget a repository; its blobs stay."""
        self._file(repo["kind"], repo["id"]).unlink()

    def lfs_path(self, oid: str) -> Path:
        """Where a large file lies, or will."""
        return self.root / "lfs" / oid

    def path(self, entry: Entry) -> Path:
        """Where a file's bytes lie."""
        return self.lfs_path(entry["lfs"]["oid"]) if "lfs" in entry else self.root / "blobs" / entry["oid"]

    def put(self, data: bytes) -> Entry:
        """Keep a small file's bytes."""
        oid = git_blob(data)
        write_whole(self.root / "blobs" / oid, data)
        return {"oid": oid, "size": len(data)}

    def link(self, oid: str) -> Entry:
        """Return the tree entry of a large file that was uploaded."""
        size = self.lfs_path(oid).stat().st_size
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n".encode()
        lfs: Lfs = {"oid": oid, "size": size, "pointerSize": len(pointer)}
        return {"oid": git_blob(pointer), "size": size, "lfs": lfs}

    def create(self, kind: str, repo_id: str, author: str, *, private: bool) -> Repo:
        """Make a repository with the commit that every new one on the Hub has."""
        repo: Repo = {
            "kind": kind,
            "id": repo_id,
            "private": private,
            "gated": False,
            "created": now(),
            "branches": {},
            "tags": {},
            "commits": {},
        }
        self.commit(repo, "main", {".gitattributes": self.put(GITATTRIBUTES)}, "initial commit", "", author)
        return repo

    def commit(self, repo: Repo, branch: str, tree: Tree, title: str, message: str, author: str) -> str:
        """Put a commit on a branch and return its id."""
        parent = repo["branches"].get(branch)
        seed = json.dumps([parent, tree, title, message, author, time.time_ns(), secrets.token_hex(4)])
        sha = hashlib.sha1(seed.encode()).hexdigest()
        repo["commits"][sha] = {
            "parent": parent,
            "title": title,
            "message": message,
            "author": author,
            "date": now(),
            "tree": tree,
        }
        repo["branches"][branch] = sha
        self.save(repo)
        return sha


def resolve_revision(repo: Repo, revision: str) -> str:
    """Return the commit that a branch, tag, or (shortened) commit id stands for."""
    name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
    found = repo["branches"].get(name) or repo["tags"].get(name)
    if found:
        return found
    if re.fullmatch(r"[0-9a-f]{7,40}", name):
        near = [sha for sha in repo["commits"] if sha.startswith(name)]
        if len(near) == 1:
            return near[0]
    raise RefusedError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
