"""Statistics of an averaged generator's normalisations, estimated anew: those of training belong to other weights."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import torch

from zoo.evaluation.norm_statistics import NormStatistics
from zoo.generators.latents import fixed_latents
from zoo.layers.computed_weights import copy_network, settle_spectral_norms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from zoo.evaluation.norm_statistics import Tick

CALIBRATION_BATCHES = 64
FEWEST_BATCHES = 8
CALIBRATION_SEED = 2**40
"""Far from the small seeds people sample with."""


def calibration_batches(step: int) -> int:
    """Return how many batches the statistics of a generator that was trained so many steps are estimated from.

    After the first 64 steps it is always 64; before, that would take longer than the training did.
    """
    return min(max(step, FEWEST_BATCHES), CALIBRATION_BATCHES)


def calibrated(
    generator: nn.Module,
    latent_dim: int,
    batch: int,
    batches: int = CALIBRATION_BATCHES,
    tick: Tick = lambda _done, _of: None,
) -> nn.Module:
    """Return a copy in eval mode whose running statistics are the plain average over seeded latent batches.

    `tick` is called after each; what it raises ends the work.

    Statistics gathered while the weights were others do not fit averaged weights: those of batch and instance norms,
    and the singular vectors of spectral norms. A norm that a plugin writes itself takes its own kind of average.
    Draws nothing from torch's random numbers, so that looking at a generator never changes its training.
    """
    return Calibration(generator, latent_dim, batch).network(batches, tick)


class Calibration:
    """Calibrates a generator that is still trained, as `calibrated` does, as often as its copy is asked for.

    Args:
        generator: whose parameters and buffers change in place.
        latent_dim: of its latents.
        batch: latents of each batch.
    """

    def __init__(self, generator: nn.Module, latent_dim: int, batch: int) -> None:
        self._generator = generator
        self._latent_dim, self._batch = latent_dim, batch
        self._statistics: NormStatistics | None = None
        self._latents = torch.empty(0, latent_dim)

    @torch.no_grad()
    def network(self, batches: int = CALIBRATION_BATCHES, tick: Tick = lambda _done, _of: None) -> nn.Module:
        """Return the copy, calibrated for the generator as it is now, in eval mode; the next call may change it."""
        statistics = self._statistics = self._following()
        settle_spectral_norms(statistics.network)
        if statistics.norms:
            statistics.estimate(self._parts(batches), tick)
        return statistics.network

    def _following(self) -> NormStatistics:
        """Return the statistics of a copy that is as the generator is now."""
        statistics = self._statistics
        if statistics is None or statistics.has_foreign_norms:
            return NormStatistics(copy_network(self._generator).eval())
        # A copy takes a GPU as long as some ten batches do, and what it has recorded is of this one.
        mine, its = (
            chain(network.parameters(), network.buffers())
            for network in (statistics.network, self._generator)
        )
        for copied, original in zip(mine, its, strict=True):
            copied.copy_(original)
        return statistics

    def _parts(self, batches: int) -> Sequence[Tensor]:
        count = batches * self._batch
        if len(self._latents) < count:
            device = next(self._generator.parameters()).device
            self._latents = torch.tensor(
                fixed_latents(CALIBRATION_SEED, count, self._latent_dim), device=device
            )
        return torch.split(self._latents[:count], self._batch)
