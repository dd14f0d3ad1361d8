"""Which pictures `zoo generate` is asked for, and how large they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import InputError, ResourceError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from zoo.generators.generator import Generator
    from zoo.images import ImageShape

PIXELS_LIMIT = 1 << 25
"""In one enlarged file, all frames of a GIF together: it takes 300 MB to write one, and few programs open larger."""


@dataclass(frozen=True)
class Request:
    """Which pictures are asked for.

    Attributes:
        count: how many.
        seed: from 0 to 2**64 - 1; picture i of a seed is always the same.
        batch: at most so many at a time; changes no picture.
        stops: the pictures that a walk leads past; None for the first `count` pictures of the seed.
        loop: whether the walk leads back to its first stop.
        truncation: latents beyond it are drawn again; None draws each once.
    """

    count: int
    seed: int
    batch: int
    stops: tuple[int, ...] | None
    loop: bool
    truncation: float | None

    def batches(self, generator: Generator) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures as uint8 (b, H, W) or (b, H, W, 3)."""
        if self.stops is None:
            return generator.batches(self.count, self.seed, batch=self.batch, truncation=self.truncation)
        return generator.walking(
            self.stops, self.count, self.seed, loop=self.loop, batch=self.batch, truncation=self.truncation
        )

    def describe(self, generator: Generator) -> str:
        """Return what is made, in words."""
        _, height, width = generator.image_shape
        pictures = counted(self.count, "picture")
        return f"{pictures} of {height} x {width}, seed {self.seed}, on {generator.provider}"


def check_size(scale: int | None, shape: ImageShape, count: int, *, out: Path | None) -> None:
    """Refuse a file that would be too large to hold and to open, before any picture is made.

    Raises:
        InputError: enlarged as asked for, it would have more than `PIXELS_LIMIT`.
        ResourceError: so many pictures would have more than `PIXELS_LIMIT` as they are enlarged by default.
    """
    from zoo.generators.pictures import GIF_SCALE, GRID_SCALE, grid_pixels

    _, height, width = shape
    suffix = None if out is None else out.suffix.lower()
    if suffix == ".gif":
        pixels = height * width * count * (scale or GIF_SCALE) ** 2
    elif suffix in (None, ".npy"):
        pixels = height * width * (scale or 1) ** 2
    else:
        pixels = grid_pixels(count, height, width, scale or GRID_SCALE)
    if pixels <= PIXELS_LIMIT:
        return
    too_many = f"would have {pixels:,} pixels, and at most {PIXELS_LIMIT:,} are written"
    if scale is not None:
        what = "each picture" if suffix in (None, ".npy") else str(out)
        raise InputError(f"--scale {scale}: {what} {too_many}. Choose a smaller --scale, or fewer pictures")
    raise ResourceError(
        f"{out}: it {too_many}. Ask for fewer pictures, give --scale 1, or write them to --each FOLDER or a .npy"
    )
