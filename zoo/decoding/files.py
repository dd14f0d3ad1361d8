"""Which pictures a folder or a zip holds, and what in it is none: by ending, and where that says nothing by content."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from zoo.decoding.decode import endings, readable
from zoo.decoding.limits import PictureError, refuse_too_many_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import IO

HEAD = 64
"""Bytes at a file's start that tell what it is."""
SIGNED = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "HEIF", "JPEG2000", "PSD", "QOI", "DDS")
"""Formats whose first bytes nothing else has."""
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".npz", ".npy", ".parquet"}
HEIC_ENDINGS, HEIC_BRANDS = {".heic", ".heif"}, {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"}
HEIC = 'in HEIC, which takes pip install "gan-model-zoo[heic]"'
NO_PICTURE, DAMAGED, HIDDEN, FORBIDDEN = "of another kind", "damaged", "hidden", "that may not be read"
ARCHIVE, NOWHERE, SPECIAL = "archives, which must be unpacked first", "linked to nowhere", "no regular files"
TWICE, LOOP = "that are there already, by a link", "linked to a folder around them"


class LeftOut(NamedTuple):
    """A file that is not trained on."""

    name: str
    kind: str
    """What it has in common with others, in words that follow a count."""
    why: str = ""
    """What is the matter with this one."""


@dataclass(frozen=True)
class PictureFile:
    """A file that should be a picture."""

    name: str
    size: int
    stamp: object
    """Changes with the contents."""
    open: Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass
class Listing:
    """What a folder or zip holds."""

    files: list[PictureFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def add(self, file: PictureFile) -> None:
        """Take a file for a picture, or leave it out."""
        kind = _kind(file)
        if kind is None:
            self.files.append(file)
        else:
            self.left_out.append(LeftOut(file.name, kind))

    def sort(self) -> None:
        """Bring all into the order of their names."""
        self.files.sort(key=lambda file: file.name)
        self.left_out.sort()


def is_unseen(name: str) -> bool:
    """Whether a path's last part is what systems put beside people's files."""
    part = PurePosixPath(name).name
    return part.startswith(("._", "__MACOSX")) or part in (".DS_Store", "Thumbs.db", "desktop.ini")


def _kind(file: PictureFile) -> str | None:
    """Return why a file is no picture; None where it is one."""
    ending = PurePosixPath(file.name).suffix.lower()
    if ending in endings():
        return None
    if ending in HEIC_ENDINGS:
        return HEIC
    if ending in ARCHIVES:
        return ARCHIVE
    try:
        with file.open() as opened:
            head = opened.read(HEAD)
    except Exception:  # whatever stands against reading it, its name does not say that it is a picture
        return NO_PICTURE
    return kind_of_content(head, plain_too=not ending)


def kind_of_content(head: bytes, *, plain_too: bool = False) -> str | None:
    """Return why a file with these first bytes is no picture; None where it is one.

    Args:
        head: its first `HEAD` bytes.
        plain_too: count BMP and TIFF too: raw files of cameras begin as TIFF, with a small picture for display.
    """
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS and "HEIF" not in readable():
        return HEIC
    for name in (*SIGNED, "BMP", "TIFF") if plain_too else SIGNED:
        accepts = Image.OPEN[name][1] if name in readable() else None
        if accepts is not None and accepts(head) is True:
            return None
    return NO_PICTURE


def open_regular(path: str) -> IO[bytes]:
    """Open a file that is read whole; a pipe or device that took its place is not waited for.

    Raises:
        PictureError: it is too large, or no file.
        OSError: it cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise PictureError(SPECIAL, "it is no regular file")
        refuse_too_many_bytes(found.st_size)
    except BaseException:
        file.close()
        raise
    return file
