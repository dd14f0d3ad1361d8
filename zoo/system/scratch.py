"""Temporary files and folders: random names, made anew, never through a link, locked while they are written.

`kill -9` leaves them behind. Whoever clears up afterwards tells them by their names, and by the lock that is gone.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAME = re.compile(r".+\.tmp-\d+(-[0-9a-f]{16})?")
"""Releases up to 0.2.0 ended it after the process's number."""
_NEW = os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_LOOK = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_KEPT_LETTERS = 40
"""Of the file's own name: with 4 bytes each, and what comes after, a name stays under the 255 bytes of most disks."""


def scratch_name(name: str) -> str:
    """Return a name that nobody can guess for what will be called `name`."""
    return f"{name[:_KEPT_LETTERS]}.tmp-{os.getpid()}-{secrets.token_hex(8)}"


def is_scratch_name(name: str) -> bool:
    """Whether a file or folder was named by `scratch_name`."""
    return _NAME.fullmatch(name) is not None


@contextmanager
def scratch_file(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Give a new file beside `path`, open for writing; it is removed at the end unless it was renamed.

    Raises:
        OSError: the folder cannot be written.
    """
    place, handle = _new_file(path)
    file = os.fdopen(handle, "wb")
    try:
        yield place, file
    finally:
        # Closing writes what a full disk has just refused, and one that cannot remove it has said so already.
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            place.unlink(missing_ok=True)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside `path`; it is removed with what is in it at the end unless it was renamed.

    Raises:
        OSError: the folder around it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        place = path.with_name(scratch_name(path.name))
        place.mkdir()
        with _locked_folder(place) as still_there:
            if not still_there:
                continue
            try:
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)
            return


def sweep_files(folder: Path) -> None:
    """Remove the temporary files that killed processes left in `folder`: by name, regular, and locked by nobody."""
    for place in _scratch_in(folder):
        if place.name.startswith("."):
            with suppress(OSError), _taken_over(place, stat.S_ISREG):
                place.unlink()


def sweep_folders(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove the temporary folders in `folder` that killed processes left, where they hold our files only."""
    for place in _scratch_in(folder):
        with suppress(OSError), _taken_over(place, stat.S_ISDIR):
            remove_ours(place, is_ours)


def remove_ours(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove a folder that holds nothing but our files.

    Args:
        folder: it may hold folders, but no empty one.
        is_ours: whether a file is ours, by its name relative to the folder with `/` in between.

    Raises:
        FileExistsError: it holds something else; nothing is removed.
        OSError: it cannot be removed.
    """
    found = list(_walk(folder))
    for path, is_folder in found:
        name = path.relative_to(folder).as_posix()
        if not (any(path.iterdir()) if is_folder else is_ours(name)):
            raise FileExistsError(errno.EEXIST, f"it holds {name}, which is not ours", str(path))
    for path, is_folder in reversed(found):
        if is_folder:
            path.rmdir()
        else:
            path.unlink()
    folder.rmdir()


def _walk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield everything below a folder, and whether it is a folder, each before what is in it; no link is followed."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            is_folder = entry.is_dir(follow_symlinks=False)
            yield Path(entry.path), is_folder
            if is_folder:
                yield from _walk(Path(entry.path))


def _scratch_in(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder) if is_scratch_name(name)]  # noqa: PTH208
    except OSError:
        return []


def _new_file(path: Path) -> tuple[Path, int]:
    while True:
        place = path.with_name(scratch_name(f".{path.name}"))
        handle = os.open(place, os.O_WRONLY | _NEW, 0o666)  # less the umask
        _lock(handle)
        if _is_still(place, handle):
            return place, handle
        os.close(handle)


@contextmanager
def _locked_folder(place: Path) -> Iterator[bool]:
    if sys.platform == "win32":
        yield True
        return
    try:
        handle = os.open(place, _LOOK)
    except FileNotFoundError:  # swept away since it was made
        yield False
        return
    try:
        _lock(handle)
        yield _is_still(place, handle)
    finally:
        os.close(handle)


@contextmanager
def _taken_over(place: Path, is_kind: Callable[[int], bool]) -> Iterator[None]:
    """Hold the lock of what a dead process left; raises OSError where it is no such thing, or somebody has the lock."""
    if sys.platform == "win32":
        yield  # what is open there cannot be removed
        return
    import fcntl

    handle = os.open(place, _LOOK)
    try:
        if not is_kind(os.fstat(handle).st_mode):
            raise FileExistsError(errno.EEXIST, "it is something else", str(place))
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    # Where a network's disk knows no locks, none is swept there either.
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)


def _is_still(place: Path, handle: int) -> bool:
    """Whether nobody has swept it away between its making and its locking."""
    try:
        return os.path.samestat(os.lstat(place), os.fstat(handle))
    except FileNotFoundError:
        return False
