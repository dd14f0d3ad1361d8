"""Which pictures `zoo generate` is asked for, and how large they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import InputError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from zoo.generators.generator import Generator
    from zoo.images import ImageShape

MOST_PIXELS = 1 << 26
"""In one enlarged file, all frames of a GIF together: beyond it few programs open the file."""


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


def check_scale(scale: int | None, shape: ImageShape, count: int, *, out: Path | None) -> None:
    """Refuse an enlargement whose file would be too large to open, before any picture is made.

    Raises:
        InputError: it would have more than `MOST_PIXELS`.
    """
    if scale is None:
        return
    from zoo.generators.pictures import grid_pixels

    _, height, width = shape
    alone = height * width * scale**2
    suffix = None if out is None else out.suffix.lower()
    pixels = {None: alone, ".npy": alone, ".gif": alone * count}.get(
        suffix, grid_pixels(count, height, width, scale)
    )
    if pixels > MOST_PIXELS:
        what = "each picture" if suffix in (None, ".npy") else str(out)
        raise InputError(
            f"--scale {scale}: {what} would have {pixels:,} pixels, and at most {MOST_PIXELS:,} are written. "
            "Choose a smaller --scale, or fewer pictures"
        )
