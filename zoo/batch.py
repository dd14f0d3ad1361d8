"""What a loss is given on each side of the game."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Score = Callable[[Tensor], Tensor]
    """The critic: images (N, C, H, W) -> float32 raw scores (N,)."""


class CriticBatch:
    """Real and generated images for the critic's step; no generator graph hangs on `fake`.

    Attributes:
        real: float32 (N, C, H, W) in [-1, 1], already augmented.
        fake: the same, from the generator.
    """

    def __init__(self, real: Tensor, fake: Tensor, score: Score, *, together: bool) -> None:
        self.real = real
        self.fake = fake
        self._score = score
        self._together = together

    def score(self, images: Tensor) -> Tensor:
        """Return the critic's raw scores (N,) in float32 for any images (N, C, H, W)."""
        return self._score(images)

    @cached_property
    def _scores(self) -> tuple[Tensor, Tensor]:
        if self._together:
            both = self._score(torch.cat([self.real, self.fake]))
            return both[: len(self.real)], both[len(self.real) :]
        return self._score(self.real), self._score(self.fake)

    @property
    def real_scores(self) -> Tensor:
        """Raw scores (N,) of the real images."""
        return self._scores[0]

    @property
    def fake_scores(self) -> Tensor:
        """Raw scores (N,) of the generated images."""
        return self._scores[1]


class GeneratorBatch:
    """Generated images for the generator's step, with its graph; the critic's weights are frozen.

    Attributes:
        fake: float32 (N, C, H, W) in [-1, 1], already augmented.
    """

    def __init__(self, fake: Tensor, score: Score, draw_real: Callable[[], Tensor]) -> None:
        self.fake = fake
        self._score = score
        self._draw_real = draw_real

    def score(self, images: Tensor) -> Tensor:
        """Return the critic's raw scores (N,) in float32 for any images (N, C, H, W)."""
        return self._score(images)

    @cached_property
    def real(self) -> Tensor:
        """Real images like `fake`, drawn when a loss first asks (relativistic losses do)."""
        return self._draw_real()

    @cached_property
    def real_scores(self) -> Tensor:
        """Raw scores (N,) of the real images."""
        return self._score(self.real)

    @cached_property
    def fake_scores(self) -> Tensor:
        """Raw scores (N,) of the generated images."""
        return self._score(self.fake)
