"""Images of any size and format from a folder or a zip."""

from __future__ import annotations

import hashlib
import json
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from PIL import UnidentifiedImageError
from pydantic import Field

from zoo.components import Dataset
from zoo.data.decode import decode, formats
from zoo.data.npy import map_images, store_images
from zoo.errors import InputError
from zoo.hookspecs import hookimpl
from zoo.images import Images
from zoo.system.atomic import write_atomic
from zoo.system.cache import cache_folder
from zoo.system.console import download_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from zoo.images import ImageShape

MOST_BYTES = 256 << 20
"""Of an image file, unpacked from the zip."""
VERSION = 1
"""Of the decoding, part of the cache's key."""
Side = Annotated[int, Field(ge=1, le=4096)]


class Folder(Dataset):
    """All images below a folder or in a .zip: turned upright, cut to the middle, resized; decoded once.

    Files whose ending is no image's are ignored. Images that cannot be read, or that would fill the memory,
    are left out with a warning. Transparent parts become white; of animations the first frame counts.
    """

    name: ClassVar[str] = "folder"
    path: str = Field(description="the folder or .zip file")
    size: tuple[Side, Side] = Field(default=(64, 64), description="height and width to make")
    channels: Literal[1, 3] = Field(default=3, description="1 for grey, 3 for colour")

    def images(self) -> Images:
        """Return the images in the order of their names.

        Raises:
            InputError: there is no such folder or zip, or no image in it can be read.
            ResourceError: the cache cannot be written.
        """
        path = Path(self.path)
        with _files(path) as files:
            if not files:
                raise InputError(
                    f"{path}: it holds no images. Give a folder or .zip of .png, .jpg or the like"
                )
            stored = cache_folder("folder") / f"{self._key(path, files)}.npy"
            if not stored.exists():
                self._decode_all(path, files, stored)
        left_out = json.loads(stored.with_suffix(".json").read_bytes())
        return Images(
            map_images(stored),
            licence="unknown",
            source=path.resolve().name,
            warnings=_warnings(path.resolve().name, left_out, len(files)),
        )

    @classmethod
    def at(cls, path: Path, shape: ImageShape) -> Self | None:
        """Answer for folders and .zip files."""
        if not path.is_dir() and path.suffix.lower() != ".zip":
            return None
        channels, height, width = shape
        return cls(path=str(path), size=(height, width), channels=1 if channels == 1 else 3)

    def _key(self, path: Path, files: Sequence[_File]) -> str:
        """Return what changes with the files or with how they are decoded."""
        known = [
            VERSION,
            str(path.resolve()),
            self.size,
            self.channels,
            [(f.name, f.size, f.stamp) for f in files],
        ]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]

    def _decode_all(self, path: Path, files: Sequence[_File], stored: Path) -> None:
        left_out: list[tuple[str, str]] = []

        def decoded() -> Iterator[NDArray[np.uint8]]:
            with download_progress() as bar:
                task = bar.add_task(path.name, total=sum(file.size for file in files))
                for file in files:
                    try:
                        yield decode(file.read(), self.size, self.channels)
                    except (
                        Exception
                    ) as error:  # what Pillow's many readers raise for damaged files knows no bounds
                        left_out.append((file.name, _why(error)))
                    bar.advance(task, file.size)
            # Before the images are renamed into place, so that they never lie there without.
            write_atomic(stored.with_suffix(".json"), json.dumps(left_out).encode())

        if not store_images(stored, decoded(), (*self.size, self.channels)):
            stored.with_suffix(".json").unlink(missing_ok=True)
            name, why = left_out[0]
            raise InputError(
                f"{path}: none of its {len(files)} images can be read: the first, {name}: {why}. Give others"
            )


@dataclass(frozen=True)
class _File:
    name: str
    size: int
    stamp: int
    """Changes with the contents: the time of the last change, or a zip's checksum."""
    read: Callable[[], bytes]


@contextmanager
def _files(path: Path) -> Iterator[list[_File]]:
    """Give the images in a folder or zip in the order of their names; a zip stays open meanwhile."""
    if path.is_dir():
        yield sorted(_in_folder(path), key=lambda file: file.name)
    elif not path.exists():
        raise InputError(f"{path}: there is no such folder or file. Give a folder or a .zip")
    elif not zipfile.is_zipfile(path):
        raise InputError(f"{path}: it is neither a folder nor a .zip. Give one of the two")
    else:
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"{path}: it is a damaged .zip ({error}). Get it again") from error
        with archive:
            yield sorted(_in_zip(archive), key=lambda file: file.name)


def _in_folder(folder: Path) -> Iterator[_File]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if _is_image(name) and path.is_file():
            stat = path.stat()
            yield _File(name, stat.st_size, stat.st_mtime_ns, path.read_bytes)


def _in_zip(archive: zipfile.ZipFile) -> Iterator[_File]:
    """Members are read into memory: whatever their names say, nothing is written."""
    for member in archive.infolist():
        if not member.is_dir() and _is_image(member.filename):
            read = partial(_read_member, archive, member)
            yield _File(member.filename, member.file_size, member.CRC, read)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > MOST_BYTES:
        raise ValueError(f"it unpacks to {member.file_size} bytes, at most {MOST_BYTES} are read")
    return archive.read(member)


def _is_image(name: str) -> bool:
    """Whether a path's ending says so, and no part of it is hidden (as what macOS puts into zips)."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.suffix.lower() in formats()


def _why(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no image"  # Pillow's own words hold an address in memory
    return str(error).partition("\n")[0] or type(error).__name__


def _warnings(source: str, left_out: Sequence[Sequence[str]], count: int) -> tuple[str, ...]:
    if not left_out:
        return ()
    name, why = left_out[0]
    if len(left_out) == 1:
        return (f"{source}: {name} is left out ({why})",)
    return (f"{source}: {len(left_out)} of {count} images are left out, the first is {name} ({why})",)


@hookimpl
def zoo_register_datasets() -> Iterable[type[Dataset]]:
    return [Folder]
