"""What a network's norms find in many batches, on average; on a GPU, one batch is recorded and replayed."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _NormBase

from zoo.evaluation.replay import replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    Tick = Callable[[int, int], object]
    """Called with how many batches are done, and of how many."""

WORTH_RECORDING = 8
"""Making a recording takes about as long as so many batches."""


class NormStatistics:
    """Estimates the running statistics of a network's norms, as often as its weights change.

    Args:
        network: in eval mode, in which each estimate leaves it.

    Attributes:
        network: the same.
        norms: its layers with running statistics.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.norms = [module for module in network.modules() if _has_running_statistics(module)]
        self._sums = [_Sums(norm) for norm in self.norms if isinstance(norm, _NormBase)]
        self._look: Callable[[], object] = self._forward
        self._drawn: Tensor | None = None
        self._uses = 0
        self._tried = False

    @property
    def has_foreign_norms(self) -> bool:
        """Whether there are norms that torch does not have: they may keep more than tensors between two uses."""
        return any(not type(norm).__module__.startswith("torch.nn.") for norm in self.norms)

    def estimate(self, parts: Sequence[Tensor], tick: Tick) -> None:
        """Set the running statistics to the plain average over these batches of latents, all of one size."""
        self._uses += 1
        if self._drawn is None:
            self._drawn = torch.empty_like(parts[0])
        try:
            for module in self.norms:
                module.training = True
            with _one_call_each([sums.norm for sums in self._sums]):
                self._add_up(parts, self._drawn, tick)
        finally:
            self.network.eval()
        for sums in self._sums:
            sums.settle(len(parts))

    def _add_up(self, parts: Sequence[Tensor], drawn: Tensor, tick: Tick) -> None:
        with ExitStack() as hooks:
            for sums in self._sums:
                sums.begin()
                hooks.enter_context(sums.norm.register_forward_hook(sums.add))
            for done, some in enumerate(parts, 1):
                drawn.copy_(some)
                self._look()
                if done == 1:
                    self._looked_once(len(parts), on_gpu=drawn.is_cuda)
                tick(done, len(parts))

    def _forward(self) -> list[Tensor]:
        self.network(self._drawn)
        return [statistic for sums in self._sums for statistic in _statistics(sums.norm)]

    def _looked_once(self, batches: int, *, on_gpu: bool) -> None:
        """Have the rest replayed on a GPU, where that can be and is worth it."""
        for sums in self._sums:
            sums.each = sums.calls or sums.each
        repeated = batches > WORTH_RECORDING or self._uses > 1
        if self._tried or not (on_gpu and repeated) or self.has_foreign_norms:
            return
        self._tried = True
        totals = [total for sums in self._sums for total in sums.totals]
        so_far = [total.clone() for total in totals]
        self._look = replayed(self._forward)
        torch._foreach_copy_(totals, so_far)


class _Sums:
    """What a norm found in all its calls: one that stands at two places of a network is called twice a batch.

    Attributes:
        norm: the norm.
        totals: of its mean and its variance.
        calls: how often it was called; a replay of a recording adds to the totals alone.
        each: calls of a batch.
    """

    def __init__(self, norm: _NormBase) -> None:
        self.norm = norm
        self.totals = [torch.zeros_like(statistic) for statistic in _statistics(norm)]
        self.calls = self.each = 0

    def begin(self) -> None:
        """Begin anew."""
        torch._foreach_zero_(self.totals)
        self.calls = 0

    def add(self, norm: nn.Module, _given: object, _made: object) -> None:
        """Count a call."""
        torch._foreach_add_(self.totals, _statistics(norm))
        self.calls += 1

    def settle(self, batches: int) -> None:
        """Give the norm the average."""
        calls = batches * self.each
        for statistic, total in zip(_statistics(self.norm), self.totals, strict=True):
            statistic.copy_(total / max(calls, 1))
        if self.norm.num_batches_tracked is not None:
            self.norm.num_batches_tracked.fill_(calls)  # a recording takes some more to make


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
