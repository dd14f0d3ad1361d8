"""Files that are there whole or not at all: written beside their place, synced, then renamed onto it."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zoo.errors import InputError, ResourceError
from zoo.system.regular_files import open_regular
from zoo.system.scratch import remove_ours, scratch_file, scratch_folder, scratch_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_ROOM = "Free space there, or choose another place"
_ADVICE = {
    errno.ENOSPC: _ROOM,
    getattr(errno, "EDQUOT", errno.ENOSPC): _ROOM,
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
"""Of these the free space says nothing."""


@contextmanager
def disk_errors(path: Path, size: int | None = None) -> Iterator[None]:
    """Turn what the operating system says while `size` bytes are written to `path` into a ResourceError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        wanted = "it" if size is None else f"its {size:,} bytes"
        advice = _ADVICE.get(error.errno or 0, "Choose another place, or mend that")
        free = "" if error.errno in _NOT_ALLOWED else _free(path)
        raise ResourceError(f"{path}: {wanted} cannot be written: {reason}{free}. {advice}") from error


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
    with new_file(path, len(data)) as file, disk_errors(path, len(data)):
        file.write(data)


@contextmanager
def new_file(path: Path, size: int | None = None) -> Iterator[IO[bytes]]:
    """Give a file that is `path` once the block ends well, and vanishes when it does not.

    What is raised in the block goes through as it is: who writes there asks for `disk_errors`.

    Args:
        path: where to; a file or link that is there is replaced.
        size: how many bytes will be written, for messages.

    Raises:
        ResourceError: the disk is full or the folder cannot be written; `path` is as it was.
    """
    with ExitStack() as stack:
        with disk_errors(path, size):
            path.parent.mkdir(parents=True, exist_ok=True)
            place, file = stack.enter_context(scratch_file(path))
        yield file
        with disk_errors(path, size):
            file.flush()
            os.fsync(file.fileno())
            if os.name != "posix":
                file.close()  # Windows renames no open file
            place.replace(path)
            sync_folder(path.parent)


@contextmanager
def new_folder(
    path: Path, size: int | None = None, is_ours: Callable[[str], bool] | None = None
) -> Iterator[Path]:
    """Give a scratch folder that becomes `path` when the block ends well, and vanishes when it does not.

    Args:
        path: where to. A folder that is there is replaced if it holds our files only; a link to a folder stays, and
            what it leads to is replaced.
        size: how many bytes will be written, for messages.
        is_ours: as `remove_ours` takes it; without it no file is, and the folder must be empty.

    Raises:
        ResourceError: the disk is full, or the folder cannot be written.
        InputError: what is there holds something else.
    """
    with disk_errors(path, size):
        path = Path(os.path.realpath(path))
        with scratch_folder(path) as scratch:
            yield scratch
            for file in scratch.rglob("*"):
                if file.is_file():
                    sync_file(file)
            sync_folder(scratch)
            _make_way(path, is_ours or _nothing_is)
            scratch.rename(path)
            sync_folder(path.parent)


def _nothing_is(_name: str) -> bool:
    return False


def _make_way(path: Path, is_ours: Callable[[str], bool]) -> None:
    try:
        remove_folder(path, is_ours)
    except FileExistsError as error:
        raise InputError(f"{path}: {error.strerror}. Move that elsewhere") from error


def remove_folder(path: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove a folder, where there is one, by one rename before its files go: a reader never sees half of it.

    Of a link only the link is removed.

    Args:
        path: the folder.
        is_ours: as `remove_ours` takes it.

    Raises:
        FileExistsError: it holds something else; it stays as it was.
        OSError: it cannot be removed.
    """
    if path.is_symlink():
        path.unlink()
        return
    going = path.with_name(scratch_name(f"{path.name}.old"))
    try:
        path.rename(going)
    except FileNotFoundError:
        return
    try:
        remove_ours(going, is_ours)
    except FileExistsError:
        going.rename(path)
        raise


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
    """Return the hex sha256 of a regular file's bytes, read in pieces; raises OSError as `open_regular` does."""
    with open_regular(path) as file:
        return sha256_of(file)


def sha256_of(file: IO[bytes]) -> str:
    """Return the hex sha256 of what is left of an open file, read in pieces."""
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
