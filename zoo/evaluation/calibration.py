"""Statistics of an averaged generator's normalisations, estimated anew: those of training belong to other weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _NormBase

from zoo.evaluation.replay import replayed
from zoo.generators.latents import fixed_latents
from zoo.layers.computed_weights import copy_network, settle_spectral_norms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    Tick = Callable[[int, int], object]
    """Called with how many batches are done, and of how many."""

CALIBRATION_BATCHES = 64
FEWEST_BATCHES = 8
CALIBRATION_SEED = 2**40
"""Far from the small seeds people sample with."""


def calibration_batches(step: int) -> int:
    """Return how many batches the statistics of a generator that was trained so many steps are estimated from.

    After the first 64 steps it is always 64; before, that would take longer than the training did.
    """
    return min(max(step, FEWEST_BATCHES), CALIBRATION_BATCHES)


@torch.no_grad()
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
    network = copy_network(generator).eval()
    settle_spectral_norms(network)
    counting = [module for module in network.modules() if _has_running_statistics(module)]
    if not counting:
        return network
    z = torch.tensor(
        fixed_latents(CALIBRATION_SEED, batches * batch, latent_dim), device=next(network.parameters()).device
    )
    for module in counting:
        module.training = True
    own = [norm for norm in counting if isinstance(norm, _NormBase)]
    with _one_call_each(own):
        sums = _summed(network, own, torch.split(z, batch), tick, replay=len(own) == len(counting))
    for norm, (totals, each) in zip(own, sums, strict=True):
        calls = batches * each
        for statistic, total in zip(_statistics(norm), totals, strict=True):
            statistic.copy_(total / max(calls, 1))
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.fill_(calls)  # a recording takes some more to make
    return network.eval()


class _Sums:
    """What a norm found in all its calls: one that stands at two places of a network is called twice a batch.

    Attributes:
        totals: of its mean and its variance.
        calls: how often it was called; a replay of a recording adds to the totals alone.
    """

    def __init__(self, norm: _NormBase) -> None:
        self.totals = [torch.zeros_like(statistic) for statistic in _statistics(norm)]
        self.calls = 0

    def add(self, norm: nn.Module, _given: object, _made: object) -> None:
        """Count a call."""
        torch._foreach_add_(self.totals, _statistics(norm))
        self.calls += 1


def _summed(
    network: nn.Module, norms: Sequence[_NormBase], parts: Sequence[Tensor], tick: Tick, *, replay: bool
) -> list[tuple[list[Tensor], int]]:
    """Return each norm's totals over all parts, and its calls in each; on a GPU by a recording, where that can be.

    Its kernels are so small that launching one takes longer than it does.
    """
    sums = [_Sums(norm) for norm in norms]
    handles = [norm.register_forward_hook(own.add) for norm, own in zip(norms, sums, strict=True)]
    drawn = parts[0].clone()
    totals = [total for own in sums for total in own.totals]

    def look() -> list[Tensor]:
        network(drawn)
        return [statistic for norm in norms for statistic in _statistics(norm)]

    try:
        for done, some in enumerate(parts, 1):
            drawn.copy_(some)
            look()
            if done == 1:
                calls = [own.calls for own in sums]
                if replay and drawn.is_cuda and len(parts) > FEWEST_BATCHES:
                    so_far = [total.clone() for total in totals]
                    look = replayed(look)
                    torch._foreach_copy_(totals, so_far)
            tick(done, len(parts))
    finally:
        for handle in handles:
            handle.remove()
    return [(own.totals, each) for own, each in zip(sums, calls, strict=True)]


def _statistics(norm: nn.Module) -> list[Tensor]:
    return [norm.running_mean, norm.running_var]  # type: ignore[list-item]


def _has_running_statistics(module: nn.Module) -> bool:
    """Whether a module counts something over the batches of a training."""
    if isinstance(module, _NormBase):
        return module.track_running_stats
    return any(name.startswith("running_") for name, _ in module.named_buffers(recurse=False))


@contextmanager
def _one_call_each(norms: Sequence[_NormBase]) -> Iterator[None]:
    """Have norms forget their statistics, and keep those of the last call alone in the block."""
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = 1.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
