"""Distances between many vectors, a block at a time: 10,000 by 10,000 never lie in memory at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

DISTANCES_AT_ONCE = 1 << 22
SAME = 1e-5
"""Vectors nearer than this share of their length are of one image: rounding differs from batch to batch."""


def distance_blocks(points: Tensor, others: Tensor) -> Iterator[Tensor]:
    """Yield Euclidean distances (B, M) of some points (N, D) to all others (M, D), in order; 0 for the same image."""
    lengths = others.square().sum(1)
    for some in torch.split(points, max(1, DISTANCES_AT_ONCE // max(1, len(others)))):
        total = some.square().sum(1)[:, None] + lengths
        squares = total - 2 * some @ others.T
        yield squares.masked_fill(squares < SAME**2 * total, 0).sqrt()


def nearest(points: Tensor, others: Tensor, count: int = 1, *, skip_same: bool = False) -> Tensor:
    """Return each point's distances to its nearest others, ascending: (N, count).

    Args:
        points: (N, D).
        others: (M, D).
        count: how many; beyond those that there are, infinity.
        skip_same: whether others that show the same image are left out.
    """
    found = []
    for block in distance_blocks(points, others):
        if skip_same:
            block = block.masked_fill(block == 0, torch.inf)
        best = block.topk(min(count, block.shape[1]), dim=1, largest=False).values
        found.append(torch.nn.functional.pad(best, (0, count - best.shape[1]), value=torch.inf))
    return torch.cat(found)


def covering(points: Tensor, centres: Tensor, radii: Tensor) -> Tensor:
    """Return in how many balls around `centres` (M, D), of these radii (M,), each point (N, D) lies: int64 (N,)."""
    return torch.cat([(block <= radii).sum(1) for block in distance_blocks(points, centres)])
