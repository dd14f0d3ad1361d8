"""Small networks and batches whose mathematics is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from zoo.batch import CriticBatch, GeneratorBatch

if TYPE_CHECKING:
    from collections.abc import Callable


class LinearCritic(nn.Module):
    """D(x) = w . x, so that the gradient at every x is w."""

    def __init__(self, norm: float, shape: tuple[int, int, int] = (1, 4, 4)) -> None:
        super().__init__()
        direction = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.weight = nn.Parameter(norm * direction / direction.norm())

    def forward(self, images: Tensor) -> Tensor:
        return (images * self.weight).flatten(1).sum(1)


class ConstantCritic(nn.Module):
    """The same score for every image."""

    def __init__(self, score: float) -> None:
        super().__init__()
        self.score = nn.Parameter(torch.tensor(score, dtype=torch.float64))

    def forward(self, images: Tensor) -> Tensor:
        return self.score.expand(len(images))


def noise(count: int, seed: int = 0, shape: tuple[int, int, int] = (1, 4, 4)) -> Tensor:
    """Return float64 images of uniform noise in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, *shape, generator=generator, dtype=torch.float64) * 2 - 1


def critic_batch(critic: Callable[[Tensor], Tensor], count: int = 8) -> CriticBatch:
    """Return noise as real and fake for a critic."""
    return CriticBatch(noise(count, 1), noise(count, 2), critic, together=True)


def generator_batch(critic: Callable[[Tensor], Tensor], count: int = 8) -> GeneratorBatch:
    """Return noise as generated images for a critic."""
    return GeneratorBatch(noise(count, 2).requires_grad_(), critic, lambda: noise(count, 1))
