"""Images of any size and format from a folder or a zip."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field

from zoo.components import Dataset
from zoo.data.npy import read_images, store_images
from zoo.decoding.archive import list_zip
from zoo.decoding.decode import decode, readable
from zoo.decoding.files import LeftOut
from zoo.decoding.folder import list_folder
from zoo.decoding.left_out import describe, left_out, shown
from zoo.errors import InputError, counted
from zoo.hookspecs import hookimpl
from zoo.images import Images
from zoo.system.atomic import write_atomic
from zoo.system.cache import cache_folder
from zoo.system.console import download_progress
from zoo.system.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from zoo.decoding.files import Listing, PictureFile
    from zoo.images import ImageShape, Pixels

VERSION = 2
"""Of the decoding, part of the cache's key."""
Side = Annotated[int, Field(ge=1, le=4096)]


class Folder(Dataset):
    """All images below a folder or in a .zip: upright, in sRGB, cut to the middle, resized; decoded once.

    Links to folders are followed. Files without an ending are told by their content. What cannot be read, or
    would fill the memory, is left out with one warning that counts it by reason. Transparent parts become white;
    of animations and files of several pages the first picture counts.
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
        source = path.resolve().name
        with _listing(path) as listing:
            if not listing.files:
                raise _without_pictures(path, listing.left_out)
            stored = cache_folder("folder") / f"{self._key(path, listing.files)}.npy"
            kept = _kept(stored)
            if kept is None:
                self._decode_all(path, listing.files, stored)
                kept = read_images(stored), _Outcome.read(stored)
        pixels, outcome = kept
        missing = sorted([*listing.left_out, *outcome.left_out])
        files = len(listing.files) + len(listing.left_out)
        return Images(
            pixels,
            licence="unknown",
            source=source,
            names=outcome.names,
            warnings=(*describe(source, missing, files), *_profiles(source, outcome.profiles_ignored)),
        )

    @classmethod
    def at(cls, path: Path, shape: ImageShape) -> Self | None:
        """Answer for folders and .zip files."""
        if not path.is_dir() and path.suffix.lower() != ".zip":
            return None
        channels, height, width = shape
        return cls(path=str(path), size=(height, width), channels=1 if channels == 1 else 3)

    def _key(self, path: Path, files: Sequence[PictureFile]) -> str:
        """Return what changes with the files or with how they are decoded."""
        known = [VERSION, readable(), str(path.resolve()), self.size, self.channels]
        known += [(file.name, file.size, file.stamp) for file in files]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]

    def _decode_all(self, path: Path, files: Sequence[PictureFile], stored: Path) -> None:
        outcome = _Outcome([], [], [])

        def decoded() -> Iterator[NDArray[np.uint8]]:
            with download_progress() as bar:
                task = bar.add_task(one_line(path.name), total=sum(file.size for file in files))
                for file in files:
                    try:
                        with file.open() as opened:
                            picture = decode(opened, self.size, self.channels)
                    except (
                        Exception
                    ) as error:  # what Pillow's many readers raise for damaged files knows no bounds
                        outcome.left_out.append(left_out(file, error))
                    else:
                        if picture.profile_error is not None:
                            outcome.profiles_ignored.append((file.name, picture.profile_error))
                        outcome.names.append(shown(file.name))
                        yield picture.pixels
                    bar.advance(task, file.size)
            # Before the images are renamed into place, so that they never lie there without.
            outcome.write(stored)

        if not store_images(stored, decoded(), (*self.size, self.channels)):
            _Outcome.file(stored).unlink(missing_ok=True)
            first = outcome.left_out[0]
            raise InputError(
                f"{path}: of its {counted(len(files), 'image')} none can be read: the first, {shown(first.name)}: "
                f"{first.why or first.kind}. Give others"
            )


class _Outcome(NamedTuple):
    """What the warnings say of a decoding, kept beside the images."""

    names: list[str]
    """Of the images."""
    left_out: list[LeftOut]
    profiles_ignored: list[tuple[str, str]]
    """Names, and what was wrong."""

    @staticmethod
    def file(stored: Path) -> Path:
        return stored.with_suffix(".json")

    @classmethod
    def read(cls, stored: Path) -> Self:
        names, missing, profiles = json.loads(cls.file(stored).read_bytes())
        return cls(names, [LeftOut(*entry) for entry in missing], profiles)

    def write(self, stored: Path) -> None:
        write_atomic(self.file(stored), json.dumps(self).encode())


def _kept(stored: Path) -> tuple[Pixels, _Outcome] | None:
    """Return what was decoded before; None where there is nothing, or it is damaged."""
    try:
        pixels, outcome = read_images(stored), _Outcome.read(stored)
    except (InputError, OSError, ValueError, TypeError):
        return None
    return (pixels, outcome) if len(outcome.names) == len(pixels) else None


@contextmanager
def _listing(path: Path) -> Iterator[Listing]:
    """Give what a folder or zip holds; a zip stays open meanwhile."""
    if path.is_dir():
        yield list_folder(path)
    elif not path.exists():
        raise InputError(f"{path}: there is no such folder or file. Give a folder or a .zip")
    else:
        with list_zip(path) as listing:
            yield listing


def _without_pictures(path: Path, missing: Sequence[LeftOut]) -> InputError:
    advice = "Give a folder or .zip of .png, .jpg or the like"
    (line,) = describe(f"{path}", missing, len(missing)) or (f"{path}: it holds no images",)
    return InputError(f"{line}. {advice}")


def _profiles(source: str, ignored: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    if not ignored:
        return ()
    name, why = ignored[0]
    return (f"{source}: the colour profile of {len(ignored)} images is ignored ({shown(name)}: {why})",)


@hookimpl
def zoo_register_datasets() -> Iterable[type[Dataset]]:
    return [Folder]
