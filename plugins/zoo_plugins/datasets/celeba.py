"""CelebA: 202,599 aligned photographs of famous people's faces (Liu et al. 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zoo.components import Dataset
from zoo.hookspecs import hookimpl
from zoo.images import Images
from zoo.system.cache import cache_folder
from zoo_plugins.datasets.hub import Source, decode_once

if TYPE_CHECKING:
    from collections.abc import Iterable

# Of the Hub's copies this one holds the original JPEGs, 1.4 GB; as PNG they take seven times as much.
SOURCE = Source(
    "nielsr/CelebA-faces", tuple(f"data/train-{part:05}-of-00003.parquet" for part in range(3)), image="image"
)


class CelebA(Dataset):
    """The middle 178 x 178 pixels of each photograph, resized; from the Hub (needs pyarrow).

    Its own terms allow non-commercial research only.
    """

    name: ClassVar[str] = "celeba"
    size: int = Field(default=64, ge=8, le=178, description="height and width in pixels")
    limit: int | None = Field(
        default=None, ge=1, description="use at most the first so many faces (67,500 a download of 460 MB)"
    )

    def images(self) -> Images:
        """Return the faces.

        Raises:
            InputError: pyarrow is not installed.
            NetworkError: the Hub did not give a file.
            ResourceError: the disk is full.
        """
        folder = cache_folder("celeba", f"{self.size}-{self.limit or 'all'}")
        pixels, _ = decode_once(SOURCE, folder, (self.size, self.size), self.limit)
        return Images(pixels, licence="other", source=SOURCE.address)


@hookimpl
def zoo_register_datasets() -> Iterable[type[Dataset]]:
    return [CelebA]
