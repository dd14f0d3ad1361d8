"""Files that are there whole or not at all: written beside their place, synced, then renamed onto it."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says while `path` is written into one line with exit code 5."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResourceError(
            f"{path}: it cannot be written: {reason}. Free space there, or choose another place"
        ) from error


def write_atomic(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what is there, so that a reader sees the old bytes or the new ones.

    Raises:
        ResourceError: the disk is full or the folder cannot be written; `path` is as it was.
    """
    scratch = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with scratch.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
            sync_folder(path.parent)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a scratch folder that becomes `path` when the block ends well, and vanishes when it does not."""
    scratch = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        with disk_errors(path):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            yield scratch
            for file in scratch.rglob("*"):
                if file.is_file():
                    sync_file(file)
            sync_folder(scratch)
            shutil.rmtree(path, ignore_errors=True)
            scratch.rename(path)
            sync_folder(path.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sync_file(path: Path) -> None:
    """Make sure a file's bytes are on the disk."""
    with path.open("r+b") as file:  # Windows syncs only what may be written
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make sure a rename in this folder is on the disk (POSIX only: Windows cannot open folders)."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sha256_file(path: Path) -> str:
    """Return the hex sha256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
