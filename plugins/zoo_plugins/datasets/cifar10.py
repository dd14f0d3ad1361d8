"""CIFAR-10: 32 x 32 colour photographs of ten things (Krizhevsky 2009)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from zoo.components import Dataset
from zoo.errors import did_you_mean
from zoo.hookspecs import hookimpl
from zoo.images import Images
from zoo.system.cache import cache_folder
from zoo_plugins.datasets.hub import Source, decode_once

if TYPE_CHECKING:
    from collections.abc import Iterable

CATEGORIES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""In the order of the labels."""


class Cifar10(Dataset):
    """5,000 training and 1,000 test images a category, from the Hub's `uoft-cs/cifar10` (needs pyarrow).

    The set states no licence.
    """

    name: ClassVar[str] = "cifar10"
    category: str | None = Field(default=None, description="one of the ten categories; all when left out")
    split: Literal["train", "test"] = Field(default="train", description="50,000 images, or the other 10,000")

    @field_validator("category")
    @classmethod
    def _known(cls, category: str | None) -> str | None:
        if category is not None and category not in CATEGORIES:
            advice = did_you_mean(category, CATEGORIES).rstrip(".")
            raise ValueError(f"{category!r} is no category of CIFAR-10 ({advice})")
        return category

    def images(self) -> Images:
        """Return one category, or all with their labels.

        Raises:
            InputError: pyarrow is not installed.
            NetworkError: the Hub did not give the file.
            ResourceError: the disk is full.
        """
        file = f"plain_text/{self.split}-00000-of-00001.parquet"
        source = Source("uoft-cs/cifar10", (file,), image="img", label="label")
        pixels, labels = decode_once(source, cache_folder("cifar10", self.split), (32, 32))
        if self.category is None:
            return Images(pixels, licence="unknown", source=source.address, labels=labels)
        chosen = pixels[labels == CATEGORIES.index(self.category)]
        return Images(chosen, licence="unknown", source=source.address)


@hookimpl
def zoo_register_datasets() -> Iterable[type[Dataset]]:
    return [Cifar10]
