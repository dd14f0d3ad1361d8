"""Repositories on disk: `repos/<kind>/<owner>/<name>.json`, blobs by git id, large files by sha256.

A repository is one file, replaced by a rename when all that it names is synced: whoever ends the process at any moment
leaves the commit before or the commit after. Files appear under their final name whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, NotRequired, TypedDict

from zoo.errors import BusyError
from zoo.system.atomic import disk_errors, sync_folder
from zoo_hub.names import parse_hub_name
from zoo_hub.server.messages import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("models", "datasets")
LFS_SUFFIXES = ("safetensors", "onnx", "pt", "bin", "npz", "npy", "zip", "parquet")
GITATTRIBUTES = "".join(f"*.{end} filter=lfs diff=lfs merge=lfs -text\n" for end in LFS_SUFFIXES).encode()
LEFT = ".tmp-"
"""How a file begins that is being written."""


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
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def now() -> str:
    """Return the time in the form the client parses."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that is at `path`, synced, when the block ends well, and nowhere when it does not."""
    with disk_errors(path):
        _make_folder(path.parent)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=LEFT)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(scratch).replace(path)
            sync_folder(path.parent)
        finally:
            Path(scratch).unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that no reader sees half of it and no power cut takes it away."""
    with writing(path) as file:
        file.write(data)


def _make_folder(path: Path) -> None:
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


class Store:
    """What the Hub remembers."""

    def __init__(self, root: Path) -> None:
        """Open or make the folder, for this process alone.

        Raises:
            BusyError: another process has it.
            ResourceError: it cannot be written.
        """
        from filelock import FileLock, Timeout

        self.root = root
        self.lock = threading.RLock()
        with disk_errors(root):
            if not root.exists():
                _make_folder(root.absolute().parent)
                root.mkdir(mode=0o700)
            for name in ("repos", "blobs", "lfs"):
                _make_folder((root / name).absolute())
            self._alone = FileLock(root / "lock")
            try:
                self._alone.acquire(timeout=0)
            except Timeout:
                raise BusyError(
                    f"{root}: another process serves it. Stop that, or give another folder"
                ) from None
            for left in root.rglob(f"{LEFT}*"):
                left.unlink()

    def close(self) -> None:
        """Let another process have the folder."""
        self._alone.release()

    def _file(self, kind: str, repo_id: str) -> Path:
        hub = parse_hub_name(repo_id)
        if kind not in KINDS or hub is None or hub.revision:
            raise RefusedError(400, f"Invalid repo name: {repo_id!r:.200}")
        return self.root / "repos" / kind / f"{repo_id}.json"

    def load(self, kind: str, repo_id: str) -> Repo | None:
        """Return a repository, or None when there is no such one."""
        file = self._file(kind, repo_id)
        try:
            repo: Repo = json.loads(file.read_bytes())
        except FileNotFoundError:
            return None
        return repo

    def every(self, kind: str) -> Iterator[Repo]:
        """Yield the repositories, in the order of their names."""
        for file in sorted((self.root / "repos" / kind).glob("*/*.json")):
            repo = self.load(kind, f"{file.parent.name}/{file.name.removesuffix('.json')}")
            if repo is not None:
                yield repo

    def save(self, repo: Repo) -> None:
        """Keep a repository as it is now."""
        write_whole(self._file(repo["kind"], repo["id"]), json.dumps(repo, indent=1).encode())

    def delete(self, repo: Repo) -> None:
        """Forget a repository; its blobs stay."""
        file = self._file(repo["kind"], repo["id"])
        file.unlink()
        sync_folder(file.parent)

    def lfs_path(self, oid: str) -> Path:
        """Where a large file lies, or will."""
        if not re.fullmatch(r"[0-9a-f]{64}", oid):
            raise RefusedError(422, "not a sha256")
        return self.root / "lfs" / oid

    def path(self, entry: Entry) -> Path:
        """Where a file's bytes lie."""
        return self.lfs_path(entry["lfs"]["oid"]) if "lfs" in entry else self.root / "blobs" / entry["oid"]

    def put(self, data: bytes) -> Entry:
        """Keep a small file's bytes."""
        oid = git_blob(data)
        path = self.root / "blobs" / oid
        if not path.is_file():
            write_whole(path, data)
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
        sha = hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()
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
    raise RefusedError(404, f"Invalid rev id: {revision!r:.200}", "RevisionNotFound")
