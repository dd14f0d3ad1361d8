"""How many bytes a training takes, told from a few images."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from zoo.training.memory.trial import TooMuchError, tried
from zoo.training.step import tried_slots

if TYPE_CHECKING:
    from torch import nn

    from zoo.components import Plan
    from zoo.training.device import Precision

FLOAT = 4
"""Bytes of a number."""
DRAWN = 4
"""Arrays as large as a rank's whole batch that a step holds: real and generated images, both also augmented."""
FEW = 2
"""Images from which the rest is told, and twice as many."""


@dataclass(frozen=True)
class Need:
    """Bytes that a training takes beside what the process has loaded."""

    fixed: int
    """Whatever the batch: weights, gradients, optimizers' slots, the average, its calibrated copy, and copies for a
    checkpoint.
    """
    drawn: int
    """For each image of a rank's batch."""
    kept: int
    """For each image of a part of the batch: what backward needs of it."""

    def bytes(self, batch: int, parts: int = 1) -> int:
        """Return what a rank takes for a batch that is split into `parts`."""
        return self.fixed + batch * self.drawn + batch // parts * self.kept


def need_of(plan: Plan, most: int, here: int | None = None, precision: Precision = "fp32") -> Need:
    """Return what a plan's training takes.

    Args:
        plan: what is trained.
        most: bytes that there are where it trains.
        here: bytes that this machine's CPU may take to find out; None where it trains there.
        precision: of its convolutions.

    Raises:
        TooMuchError: weights, or four images, take more than one of the two.
    """
    critic, generator = plan.architecture.networks  # without memory for their weights, where that can be
    fixed = _fixed(plan, critic, generator)
    weights = sum(weight.nbytes for network in (critic, generator) for weight in network.parameters())
    if most < fixed:
        raise TooMuchError(fixed)
    here = most - fixed if here is None else min(most - fixed, here - weights)
    try:
        few, more = (tried(plan, count, most - fixed, here, weights, precision) for count in (FEW, 2 * FEW))
    except TooMuchError as error:
        raise TooMuchError(fixed + error.bytes) from None
    an_image = max(0, more - few) // FEW
    drawn = DRAWN * FLOAT * prod(plan.architecture.image_shape)
    return Need(fixed + max(0, few - FEW * an_image), drawn, an_image)


def _fixed(plan: Plan, critic: nn.Module, generator: nn.Module) -> int:
    """Return the bytes of weights, gradients, slots, the average and its calibrated copy, and of a checkpoint."""
    total = 0
    for network, recipe, averages in (
        (critic, plan.recipe.optimizers.critic, 0),
        (generator, plan.recipe.optimizers.generator, 1),
    ):
        size = sum(weight.nbytes for weight in network.parameters())
        slots = sum(bool(value.shape) for value in tried_slots(recipe).values())
        gradients, calibrated = 1, averages
        total += size * (gradients + calibrated + 2 * (1 + slots + averages))
    return total
