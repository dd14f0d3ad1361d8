"""Reading files that somebody else may have put there: regular ones only, bounded, and through links only where said.

A FIFO or a device would block or never end, so a file is opened without waiting, and then looked at: what is checked is
what is read. Errors are OSErrors with a clause for people in `strerror`.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import IO


class UnfitFileError(OSError):
    """What is there is not what is read: a link, a folder, no regular file, or too many bytes."""


_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _READ
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def open_regular(path: Path, *, links: bool = True) -> IO[bytes]:
    """Open a regular file for reading, at once.

    Args:
        path: the file.
        links: whether it may be reached through a link of its name; links in place of folders are followed.

    Raises:
        OSError: it is missing, something else, or a link that may not be followed.
    """
    return os.fdopen(_regular(path, _READ, links=links), "rb")


def open_to_append(path: Path, *, empty: bool = False) -> IO[bytes]:
    """Open a regular file, made where it is missing, to write at its end; never through a link.

    Raises:
        OSError: it is something else, or cannot be written.
    """
    return os.fdopen(_regular(path, _APPEND | (os.O_TRUNC if empty else 0), links=False), "ab")


def read_regular(path: Path, limit: int, *, links: bool = True) -> bytes:
    """Return the bytes of a regular file of at most `limit` bytes; raises OSError as `open_regular` does."""
    with open_regular(path, links=links) as file:
        return read_at_most(file, limit)


def open_inside(folder: Path, name: str) -> IO[bytes]:
    """Open the file `name`, like `onnx/model.onnx`, of a folder that may come from a stranger.

    Neither the file nor a folder on the way to it may be a link: it could lead to what its reader would publish, and
    no one was to see. One kind is followed, those of the Hub's cache: from `snapshots/COMMIT` to a file that is
    named after its hash, in the same repository's `blobs`, or in those that the cache's repositories share.

    Raises:
        OSError: it is missing, something else, or a link.
    """
    place = folder
    for part in PurePosixPath(name).parent.parts:
        place /= part
        if place.is_symlink():
            raise _link(place)
    path = folder / name
    return open_regular(_blob(folder, path) if path.is_symlink() else path, links=False)


def read_inside(folder: Path, name: str, limit: int) -> bytes:
    """Return the bytes of a file of at most `limit` bytes in a folder; raises OSError as `open_inside` does."""
    with open_inside(folder, name) as file:
        return read_at_most(file, limit)


def read_at_most(file: IO[bytes], limit: int) -> bytes:
    """Return all bytes of an open file; OSError where there are more than `limit`."""
    size = os.fstat(file.fileno()).st_size
    data = b"" if size > limit else file.read(limit + 1)
    if max(size, len(data)) > limit:
        raise UnfitFileError(
            errno.EFBIG, f"it has {max(size, len(data))} bytes, and at most {limit} are read", str(file.name)
        )
    return data


def _regular(path: Path, flags: int, *, links: bool) -> int:
    try:
        handle = os.open(path, flags | (0 if links else _NO_LINK), 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP and not links:
            raise _link(path) from None
        if error.errno == errno.ENXIO:  # a socket, or a FIFO to write to that nobody reads
            raise _no_regular_file(path) from None
        raise
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise UnfitFileError(errno.EISDIR, "it is a folder", str(path))
    raise _no_regular_file(path)


def _blob(folder: Path, link: Path) -> Path:
    """Return where a link of the Hub's cache leads."""
    target, commit = (Path(os.path.realpath(path)) for path in (link, folder))
    repo, place = commit.parent.parent, target.parent
    shared = place.parent == repo.parent / "blobs" and place.name == target.name[:2]
    in_cache = commit.parent.name == "snapshots" and (place == repo / "blobs" or shared)
    if not (in_cache and _BLOB.fullmatch(target.name)):
        raise _link(link)
    return target


def _link(path: Path) -> UnfitFileError:
    return UnfitFileError(errno.ELOOP, "it is a link, which is not followed here", str(path))


def _no_regular_file(path: Path) -> UnfitFileError:
    return UnfitFileError(errno.EINVAL, "it is no regular file", str(path))
