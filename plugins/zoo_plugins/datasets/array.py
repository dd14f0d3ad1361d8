"""A local `.npy` file of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field

from zoo.components import Dataset
from zoo.data.npy import read_images
from zoo.hookspecs import hookimpl
from zoo.images import Images

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.images import ImageShape


class Array(Dataset):
    """uint8 (N, 784) as Quick, Draw! has it, (N, H, W), (N, H, W, 1) or (N, H, W, 3).

    Up to 128 MiB are read at once. A larger file is read as its images are drawn, and must stay as it is.
    """

    name: ClassVar[str] = "array"
    path: str = Field(description="the .npy file")
    limit: int | None = Field(default=None, ge=1, description="use at most the first so many images")

    def images(self) -> Images:
        """Return the images as they are.

        Raises:
            InputError: there is no such file, or it holds something else.
        """
        path = Path(self.path)
        return Images(read_images(path, self.limit), licence="unknown", source=path.name)

    @classmethod
    def at(cls, path: Path, shape: ImageShape) -> Self | None:  # noqa: ARG003
        """Answer for `.npy` files."""
        return cls(path=str(path)) if path.suffix.lower() == ".npy" else None


@hookimpl
def zoo_register_datasets() -> Iterable[type[Dataset]]:
    return [Array]
