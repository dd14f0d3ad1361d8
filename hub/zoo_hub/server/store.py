"""Repositories on disk: `repos/<kind>/<owner>/<name>.json`, blobs by git id, large files by sha256.

A repository is one file, replaced by a rename after everything that it names is synced: a process that is killed leaves
the commit before or the commit after.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zoo.errors import BusyError, InputError
from zoo.system.atomic import disk_errors, sync_folder
from zoo.system.console import warn
from zoo.system.regular_files import open_regular
from zoo_hub.names import parse_hub_name
from zoo_hub.server.messages import RefusedError
from zoo_hub.server.repo import check
from zoo_hub.server.synced_files import make_folder, sweep, write_synced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zoo_hub.server.repo import Entry, Lfs, Repo, Tree

PARTS = ("repos", "blobs", "lfs")
"""The folders that a Hub's folder holds."""
LOCK = "lock"
TOKEN_FILE = "token"
"""The token that was generated when the folder was served without --user."""
KINDS = ("models", "datasets", "spaces")
LFS_SUFFIXES = ("safetensors", "onnx", "pt", "bin", "npz", "npy", "zip", "parquet")
GITATTRIBUTES = "".join(f"*.{end} filter=lfs diff=lfs merge=lfs -text\n" for end in LFS_SUFFIXES).encode()


def _refuse_foreign(root: Path) -> None:
    """Refuse a folder that holds something and in which no Hub was kept before."""
    names = {path.name for path in root.iterdir()}
    foreign = sorted(names - {*PARTS, LOCK, TOKEN_FILE})
    if foreign and not names.issuperset(PARTS):
        raise InputError(
            f"{root}: it holds {foreign[0]}, and no Hub was kept in it before. Give a new folder, or a Hub's"
        )


def git_blob(data: bytes) -> str:
    """Return the id git gives these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def now() -> str:
    """Return the time in the form the client parses."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Store:
    """The Hub's repositories and files in a folder."""

    def __init__(self, root: Path) -> None:
        """Open or create the folder, and lock it for this process.

        Raises:
            InputError: it holds something, and is no Hub's.
            BusyError: another process has it.
            ResourceError: it cannot be written.
        """
        from filelock import FileLock, Timeout

        self.root = root
        self.lock = threading.RLock()
        with disk_errors(root):
            if not root.exists():
                make_folder(root.absolute().parent)
                root.mkdir(mode=0o700)
            _refuse_foreign(root)
            for name in PARTS:
                make_folder((root / name).absolute())
            self._process_lock = FileLock(root / LOCK)
            try:
                self._process_lock.acquire(timeout=0)
            except Timeout:
                raise BusyError(
                    f"{root}: another process serves it. Stop that, or give another folder"
                ) from None
            for folder in (root, *(root / name for name in PARTS), *(root / "repos").glob("*/*")):
                sweep(folder)

    def close(self) -> None:
        """Unlock the folder for other processes."""
        self._process_lock.release()

    def _file(self, kind: str, repo_id: str) -> Path:
        hub = parse_hub_name(repo_id)
        if kind not in KINDS or hub is None or hub.revision:
            raise RefusedError(400, f"Invalid repo name: {repo_id!r:.200}")
        return self.root / "repos" / kind / f"{repo_id}.json"

    def load(self, kind: str, repo_id: str) -> Repo | None:
        """Return a repository; None where there is none of that name.

        Raises:
            RefusedError: its file is damaged.
        """
        file = self._file(kind, repo_id)
        try:
            with open_regular(file) as opened:
                repo: Repo = json.load(opened)
            check(repo)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise RefusedError(500, f"{repo_id} is damaged in the Hub's folder") from error
        # A file system that ignores case finds another's repository.
        return repo if repo["id"] == repo_id else None

    def every(self, kind: str) -> Iterator[Repo]:
        """Yield the repositories, in the order of their names; one that is damaged is named in a warning."""
        for file in sorted((self.root / "repos" / kind).glob("*/*.json")):
            try:
                repo = self.load(kind, f"{file.parent.name}/{file.name.removesuffix('.json')}")
            except RefusedError:
                warn(f"{file}: it is no repository, and left out. Restore it or remove it")
                continue
            if repo is not None:
                yield repo

    def save(self, repo: Repo) -> None:
        """Write a repository to disk."""
        write_synced(self._file(repo["kind"], repo["id"]), json.dumps(repo, indent=1).encode())

    def delete(self, repo: Repo) -> None:
        """Remove a repository; its blobs stay."""
        file = self._file(repo["kind"], repo["id"])
        file.unlink()
        sync_folder(file.parent)

    def lfs_path(self, oid: str) -> Path:
        """Return the path of a large file, which need not exist yet."""
        if not re.fullmatch(r"[0-9a-f]{64}", oid):
            raise RefusedError(422, "not a sha256")
        return self.root / "lfs" / oid

    def path(self, entry: Entry) -> Path:
        """Return the path of a file's bytes."""
        return self.lfs_path(entry["lfs"]["oid"]) if "lfs" in entry else self.root / "blobs" / entry["oid"]

    def put(self, data: bytes) -> Entry:
        """Store a small file's bytes and return its tree entry."""
        oid = git_blob(data)
        path = self.root / "blobs" / oid
        if not path.is_file():
            write_synced(path, data)
        return {"oid": oid, "size": len(data)}

    def link(self, oid: str) -> Entry:
        """Return the tree entry of a large file that was uploaded."""
        size = self.lfs_path(oid).stat().st_size
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n".encode()
        lfs: Lfs = {"oid": oid, "size": size, "pointerSize": len(pointer)}
        return {"oid": git_blob(pointer), "size": size, "lfs": lfs}

    def create(self, kind: str, repo_id: str, author: str, *, private: bool) -> Repo:
        """Create a repository with the first commit that every repository on the Hub has."""
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
