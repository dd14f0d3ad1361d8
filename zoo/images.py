"""A data set as the trainer sees it: one uint8 array, or what reads like one from a large file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ImageShape = tuple[int, int, int]
"""Channels, height, width."""
HASHED_AT_ONCE = 16 << 20
"""Bytes."""


def describe_shape(shape: ImageShape) -> str:
    """Return `28 x 28 grey` or `64 x 64 colour`: height, width, and what the channels are."""
    channels, height, width = shape
    return f"{height} x {width} {'grey' if channels == 1 else 'colour'}"


class Pixels(Protocol):
    """What is asked of all images, uint8 (N, C, H, W): an array has it, and so has `FileRows`."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def nbytes(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> NDArray[np.uint8]:
        """Return images: `index` is a slice, numbers, or as many truth values as there are images."""


@dataclass(frozen=True)
class StandIn:
    """Says that these images are not the set that was asked for, and how to ask for exactly these."""

    reason: str
    """One line for people: why, and what is used instead."""
    fields: Mapping[str, Any]
    """The data set's fields to change so that the same component gives these images again."""


@dataclass(frozen=True)
class Images:
    """Images, with what must be known to use and to publish what they teach."""

    pixels: Pixels
    """(N, C, H, W), C is 1 or 3."""
    licence: str
    """SPDX identifier in lower case (`cc-by-4.0`), or `unknown`."""
    source: str
    """Where the images came from: an address, or the name of a local file or folder (never its full path)."""
    labels: NDArray[np.int64] | None = None
    """(N,), where the set has classes."""
    stand_in: StandIn | None = None
    warnings: tuple[str, ...] = field(default=())
    """One line each, for people: images that were skipped, and why."""
    names: Sequence[str] = field(default=())
    """(N,), what to call each image in a message, where they have names."""

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 4 or shape[1] not in (1, 3):
            raise InputError(
                f"{self.source}: images must be uint8 (N, 1 or 3, H, W), found {self.pixels.dtype} {shape}. "
                "Convert them first"
            )
        if shape[0] == 0:
            raise InputError(f"{self.source}: it holds 0 images. Give it at least one")

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def shape(self) -> ImageShape:
        """(C, H, W)."""
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of shape, pixels and labels: the same images have the same one, wherever they lie."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        step = max(1, len(self) * HASHED_AT_ONCE // self.pixels.nbytes)
        for start in range(0, len(self), step):
            digest.update(np.ascontiguousarray(self.pixels[start : start + step]).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()
