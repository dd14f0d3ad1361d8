"""Whether two ways of making the same iteration come to the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from zoo.randomness import random_state, restore_random_state, same_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    Places = Mapping[str, Sequence[Tensor]]
    """Tensors that an iteration changes where they stand, in groups with names for people."""

TOLERANCE = 0.1
"""How far one end may be from the other, as a part of the way there: GPUs add up gradients in no fixed order."""


class Moment:
    """What an iteration changes, as it is now: tensors in their places, and random numbers.

    Args:
        places: where.
        device: whose random numbers belong to it.
    """

    def __init__(self, places: Places, device: torch.device) -> None:
        self._places = places
        self._values = {name: [place.clone() for place in group] for name, group in places.items()}
        self._device = device
        self.random = random_state(device)

    def restore(self) -> None:
        """Put everything back."""
        for name, group in self._places.items():
            torch._foreach_copy_(list(group), self._values[name])
        restore_random_state(self.random, self._device)

    def way(self, other: Moment) -> dict[str, float]:
        """Return how far each group of tensors is from what it was at another moment."""
        return {name: _distance(group, other._values[name]) for name, group in self._values.items()}


def doubt(start: Moment, end: Moment, found: Moment) -> str | None:
    """Return what is wrong with `found`, or None where it is `end` as one comes there from `start`."""
    if not same_state(end.random, found.random):
        return "a replay draws other random numbers"
    way, off = end.way(start), found.way(end)
    for name, far in off.items():
        if not math.isfinite(far):
            return f"a replay makes the {name} no numbers"
        if far > TOLERANCE * way[name]:
            return f"a replay ends with the {name} {far:.2g} from where it should, after a way of {way[name]:.2g}"
    return None


def _distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    parts = [torch.linalg.vector_norm(a.double() - b.double()) for a, b in zip(one, other, strict=True)]
    return float(torch.linalg.vector_norm(torch.stack(parts))) if parts else 0.0
