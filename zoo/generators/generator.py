"""A trained generator as its users see it: latents in, pictures out, whatever runs it. Free of torch."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import InputError, ResourceError, counted
from zoo.generators.latents import latents, tour
from zoo.images import describe_shape
from zoo.system.arguments import given_count, given_flag, given_whole, shown
from zoo.system.disk_space import usable_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from zoo.generators.config import GeneratorConfig
    from zoo.images import ImageShape


RANGE_SLACK = 1e-3
"""How far beyond [-1, 1] a pixel may lie: enough for rounding, not for a generator without tanh."""
SHOWN = 24
"""Pictures that a notebook shows of a generator."""
MOST_SHOWN = 8
"""Stops of a way that a message repeats."""


class Generator(ABC):
    """Makes pictures from latents."""

    name: str
    """What it was opened as."""
    latent_dim: int
    image_shape: ImageShape
    """(C, H, W)."""
    provider: str
    """What really runs it, as the runtime reports it (`CPUExecutionProvider`)."""
    config: GeneratorConfig | None = None
    """What its folder says of it; None where it was opened from nothing but a file."""

    @property
    def recipe(self) -> str | None:
        """The name of the recipe that it was trained by, where that is known."""
        return None if self.config is None else self.config.recipe

    def __repr__(self) -> str:
        look = describe_shape(self.image_shape)
        return f"<{self.name}: {look}, {self.latent_dim} latents, {self.provider}>"

    def _repr_png_(self) -> bytes:
        """Return the grid that a notebook shows: the first pictures of seed 0."""
        from zoo.generators.pictures import grid, png

        return png(grid(self.sample(SHOWN)))

    @abstractmethod
    def generate(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return images (N, C, H, W) in [-1, 1] for latents (N, latent_dim)."""

    def close(self) -> None:  # noqa: B027  # most hold nothing that outlives them
        """Free what runs it, as a process of its own; it may be used again."""

    def fitting(self, count: int) -> int:
        """Return how many pictures, at most `count`, may be made at once.

        Raises:
            InputError: `count` is no whole number from 1.
        """
        return given_count(count, "count")

    def batches(
        self, n: int, seed: int = 0, *, batch: int = 64, truncation: float | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield `n` pictures as uint8 (b, H, W) or (b, H, W, 3), at most `batch` at a time.

        Picture i depends on `seed` and i alone, never on `batch`: on the CPU its bytes are the same.

        Raises:
            InputError: `n` or `batch` is below 1, or `seed` or `truncation` is out of range.
        """
        n, batch = self._check_counts(n, batch)
        batch = self.fitting(min(n, batch))
        for start in range(0, n, batch):
            count = min(batch, n - start)
            z = latents(seed, count, self.latent_dim, start=start, truncation=truncation)
            yield to_uint8(self.generate(z))

    def sample(
        self, n: int = 1, seed: int = 0, *, batch: int = 64, truncation: float | None = None
    ) -> NDArray[np.uint8]:
        """Return `n` pictures as one uint8 array, (n, H, W) for grey and (n, H, W, 3) for colour.

        Raises:
            InputError: as `batches` does.
            ResourceError: less memory is free than so many pictures take.
        """
        self._check_room(n)
        return np.concatenate(list(self.batches(n, seed, batch=batch, truncation=truncation)))

    def walking(
        self,
        stops: Sequence[int],
        steps: int,
        seed: int = 0,
        *,
        loop: bool = False,
        batch: int = 64,
        truncation: float | None = None,
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield `steps` pictures as uint8 (b, H, W) or (b, H, W, 3), at most `batch` at a time, past several pictures.

        Args:
            stops: two or more numbers of pictures of the seed; each is shown.
            steps: how many pictures in all, at least as many as stops.
            seed: whose pictures.
            loop: go back from the last stop to the first, which is not shown again, so that the end meets the start.
            batch: at most so many at a time.
            truncation: see `latents`.

        Raises:
            InputError: a number is out of range, there are too few stops or steps, or one stop follows itself.
            ResourceError: less memory is free than so many pictures take.
        """
        steps, batch = self._check_counts(steps, batch)
        given_flag(loop, "loop")
        stops = check_stops(stops, loop=loop)
        self._check_room(steps)
        batch = self.fitting(batch)
        ends = [latents(seed, 1, self.latent_dim, start=stop, truncation=truncation)[0] for stop in stops]
        path = tour(np.stack(ends), steps, loop=loop)
        for start in range(0, steps, batch):
            yield to_uint8(self.generate(path[start : start + batch]))

    def interpolate(
        self,
        a: int,
        b: int,
        steps: int,
        seed: int = 0,
        *,
        batch: int = 64,
        truncation: float | None = None,
    ) -> NDArray[np.uint8]:
        """Return `steps` pictures from picture `a` of the seed to picture `b`, both included, on an arc (see `walk`).

        Raises:
            InputError: `a` or `b` is negative, both are the same, or `steps` is below 2.
        """
        return np.concatenate(list(self.walking((a, b), steps, seed, batch=batch, truncation=truncation)))

    def _check_counts(self, n: int, batch: int) -> tuple[int, int]:
        n, batch = given_whole(n, "n"), given_whole(batch, "batch")
        if n < 1 or batch < 1:
            raise InputError(
                f"{self.name}: asked for {counted(n, 'picture')} in batches of {batch}. Both must be at least 1"
            )
        return n, batch

    def _check_room(self, n: int) -> None:
        """Refuse more pictures than fit into the memory that is free, with latents, before the first is made."""
        taken = given_whole(n, "n") * (math.prod(self.image_shape) + 8 * self.latent_dim)
        room = usable_memory()
        if taken > room:
            raise ResourceError(
                f"{self.name}: {n:,} pictures take {taken:,} bytes of memory, and at most {room:,} can be had here. "
                "Ask for fewer at a time"
            )


def check_stops(stops: Sequence[int], *, loop: bool) -> list[int]:
    """Return the stops of a way; in a loop the first is left out where it is named again at the end.

    Raises:
        InputError: there are fewer than two, or one follows itself, so that nothing would change on the way.
    """
    if isinstance(stops, str | bytes) or not isinstance(stops, Sequence | np.ndarray):
        raise InputError(f"stops: {shown(stops)} is no list of pictures. Give one, like [3, 8]")
    stops = [given_whole(stop, "stops") for stop in stops]
    named = list(stops[:-1] if loop and len(stops) > 2 and stops[0] == stops[-1] else stops)
    told = ":".join(map(str, stops[:MOST_SHOWN])) + ("..." if len(stops) > MOST_SHOWN else "")
    if len(named) < 2:
        raise InputError(f"{told}: a way leads from one picture to another. Name at least two")
    twice = next((stop for stop, following in pairwise(named) if stop == following), None)
    if twice is not None:
        raise InputError(f"{told}: from picture {twice} to itself nothing changes. Name another picture")
    return named


def checked_latents(z: object, latent_dim: int, name: str) -> NDArray[np.float32]:
    """Return latents as float32 (N, latent_dim); lists and whatever else numpy takes for numbers will do.

    Raises:
        InputError: they are something else, have another shape, or are not finite; the message begins with `name`.
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = np.asarray(z)
            found = np.ascontiguousarray(given, np.float32) if given.dtype.kind in "fiu" else None
    except Exception:  # other people's arrays raise what they like
        found = None
    if found is None:
        raise InputError(
            f"{name}: z is {shown(z)}, which is no array of numbers. Give float32 (N, {latent_dim})"
        )
    if given.ndim != 2 or given.shape[1] != latent_dim or not len(given):
        raise InputError(f"{name}: z must be (N, {latent_dim}) with N >= 1, found {given.shape}. Reshape it")
    if not np.isfinite(found).all():
        raise InputError(f"{name}: z holds numbers that are not finite in float32. Give finite ones")
    return found


def to_uint8(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn float images (N, C, H, W) in [-1, 1] into uint8 (N, H, W) or (N, H, W, 3): `rint((x + 1) * 127.5)`."""
    levels = images + 1
    levels *= 127.5
    np.clip(np.rint(levels, out=levels), 0, 255, out=levels)
    last = levels.astype(np.uint8).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(last[..., 0] if last.shape[-1] == 1 else last)
