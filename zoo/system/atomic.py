"""Files that are there whole or not at all: written beside their place, synced, then renamed onto it."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from zoo.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_ROOM = "Free space there, or choose another place"
_ADVICE = {
    errno.ENOSPC: _ROOM,
    getattr(errno, "EDQUOT", errno.ENOSPC): _ROOM,
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
}


@contextmanager
def disk_errors(path: Path, size: int | None = None) -> Iterator[None]:
    """Turn what the operating system says while `size` bytes are written to `path` into a ResourceError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        wanted = "it" if size is None else f"its {size:,} bytes"
        advice = _ADVICE.get(error.errno or 0, "Choose another place, or mend that")
        raise ResourceError(f"{path}: {wanted} cannot be written: {reason}{_free(path)}. {advice}") from error


def free_bytes(path: Path) -> int | None:
    """Return how many bytes are free where `path` lies, or would lie; None where nobody knows."""
    there = next((place for place in (path, *path.absolute().parents) if place.exists()), None)
    try:
        return None if there is None else shutil.disk_usage(there).free
    except OSError:
        return None


def _free(path: Path) -> str:
    free = free_bytes(path)
    return "" if free is None else f"; {free:,} bytes are free"


def write_atomic(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what is there, so that a reader sees the old bytes or the new ones.

    Raises:
        ResourceError: the disk is full or the folder cannot be written; `path` is as it was.
    """
    scratch = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with disk_errors(path, len(data)):
            path.parent.mkdir(parents=True, exist_ok=True)
            with scratch.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
            sync_folder(path.parent)
    finally:
        # A disk that cannot even remove it has said so already.
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, size: int | None = None) -> Iterator[Path]:
    """Give a scratch folder that becomes `path` when the block ends well, and vanishes when it does not.

    Args:
        path: where to; what is there is replaced.
        size: how many bytes will be written, for messages.
    """
    scratch = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        with disk_errors(path, size):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            yield scratch
            for file in scratch.rglob("*"):
                if file.is_file():
                    sync_file(file)
            sync_folder(scratch)
            remove_folder(path)
            scratch.rename(path)
            sync_folder(path.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Take a folder away by one rename before its files go: a reader never sees half of it."""
    going = path.with_name(f"{path.name}.old.tmp-{os.getpid()}")
    with suppress(OSError):
        path.rename(going)
        if going.is_symlink() or not going.is_dir():
            going.unlink()
        shutil.rmtree(going, ignore_errors=True)


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
