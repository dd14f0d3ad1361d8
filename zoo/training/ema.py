"""The generator people get: weights averaged over the run, batch-norm statistics measured for exactly those weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.layers.computed_weights import copy_network

if TYPE_CHECKING:
    from torch import Tensor, nn


class Ema:
    """An exponential moving average of a generator's parameters; its buffers are copied, never averaged."""

    def __init__(self, generator: nn.Module, decay: float) -> None:
        self.module = copy_network(generator).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0
        # On the device, so that a recorded iteration reads another one at every replay.
        self._weight = torch.ones((), device=next(generator.parameters()).device)

    def advance(self) -> None:
        """Begin update t, with decay `min(decay, (1 + t) / (10 + t))`.

        A flat 0.999 would still hold 74 % of the initial weights after 300 steps.
        """
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        self._weight.fill_(1 - decay)

    @torch.no_grad()
    def blend(self, generator: nn.Module) -> None:
        """Move towards `generator` by what `advance` has set."""
        mine: list[Tensor] = list(self.module.parameters())
        theirs: list[Tensor] = list(generator.parameters())
        torch._foreach_lerp_(mine, theirs, [self._weight] * len(mine))
        for copied, original in zip(self.module.buffers(), generator.buffers(), strict=True):
            copied.copy_(original)
