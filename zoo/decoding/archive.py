"""The pictures in a zip, which is bounded before anything in it is unpacked."""

from __future__ import annotations

import io
import shutil
import stat
import tempfile
import zipfile
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from zoo.decoding.decode import endings
from zoo.decoding.files import HIDDEN, SPECIAL, LeftOut, Listing, PictureFile, is_unseen
from zoo.decoding.limits import refuse_too_many_bytes
from zoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

UNPACKED_LIMIT = 512 << 20
"""Bytes of all files in a zip, or `UNPACKED_TIMES` those of the zip itself where these are more."""
UNPACKED_TIMES = 20
TABLE_LIMIT = 24 << 20
"""Bytes of a zip's table of contents: a few hundred thousand files."""
IN_MEMORY = 8 << 20
"""Bytes of a file in a zip; larger ones are unpacked to the disk while they are decoded."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Ways of packing that Python unpacks piece by piece."""
ENCRYPTED, OTHER_METHOD = "encrypted", "not packed with deflate"


class _Bounded(io.FileIO):
    """A zip whose table of contents, which is read in one go, must not be too long."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > TABLE_LIMIT:
            raise zipfile.BadZipFile(
                f"its table of contents has {size:,} bytes, at most {TABLE_LIMIT:,} are read"
            )
        return super().read(size)


@contextmanager
def list_zip(path: Path) -> Iterator[Listing]:
    """Give what a zip holds in the order of the names; it stays open meanwhile, and nothing it names is written.

    Raises:
        InputError: it is no zip, it is damaged, or it unpacks to too much.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise InputError(f"{path}: it is neither a folder nor a .zip. Give one of the two")
    with _Bounded(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except (
            Exception
        ) as error:  # a table of contents is parsed by unpacking numbers, which fails in its own ways
            raise InputError(f"{path}: it is a damaged .zip ({error}). Get it again") from error
        with archive:
            listing = _listed(archive, path)
            listing.sort()
            yield listing


def _listed(archive: zipfile.ZipFile, path: Path) -> Listing:
    members = [member for member in archive.infolist() if not member.is_dir()]
    unpacked, size = sum(member.file_size for member in members), path.stat().st_size
    most = max(UNPACKED_LIMIT, UNPACKED_TIMES * size)
    if unpacked > most:
        raise InputError(
            f"{path}: it has {size:,} bytes and unpacks to {unpacked:,}, at most {most:,} are read. "
            "Unpack it yourself and give the folder"
        )
    listing = Listing()
    for member in members:
        parts = PurePosixPath(member.filename).parts
        if any(map(is_unseen, parts)):
            continue
        kind = _kind(member, parts)
        if kind is None:
            listing.add(
                PictureFile(member.filename, member.file_size, member.CRC, partial(_opened, archive, member))
            )
        elif kind:
            listing.left_out.append(LeftOut(member.filename, kind))
    return listing


def _kind(member: zipfile.ZipInfo, parts: tuple[str, ...]) -> str | None:
    """Return why a member cannot be read; nothing in words where nobody would miss it, None where it can."""
    if any(part.startswith(".") for part in parts):
        return HIDDEN if PurePosixPath(member.filename).suffix.lower() in endings() else ""
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        return SPECIAL
    if member.flag_bits & 1:
        return ENCRYPTED
    return None if member.compress_type in METHODS else OTHER_METHOD


@contextmanager
def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Give a member's bytes as a file that can be read from any place.

    Raises:
        PictureError: it is too large.
    """
    refuse_too_many_bytes(member.file_size)
    with (
        archive.open(member) as packed,
        io.BytesIO() if member.file_size <= IN_MEMORY else tempfile.TemporaryFile() as file,
    ):
        shutil.copyfileobj(packed, file)
        file.seek(0)
        yield file
