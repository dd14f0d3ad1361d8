"""The generator people get: weights averaged over the run, batch-norm statistics measured for exactly those weights."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.generators.latents import latents

if TYPE_CHECKING:
    from torch import Tensor, nn

CALIBRATION_BATCHES = 64
CALIBRATION_SEED = 2**40
"""Far from the small seeds people sample with."""


class Ema:
    """An exponential moving average of a generator's parameters; its buffers are copied, never averaged."""

    def __init__(self, generator: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(generator).eval().requires_grad_(False)
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


@torch.no_grad()
def calibrated(
    generator: nn.Module, latent_dim: int, batch: int, batches: int = CALIBRATION_BATCHES
) -> nn.Module:
    """Return a copy in eval mode whose batch-norm statistics are the plain average over seeded latent batches.

    Statistics gathered while the weights were others do not fit averaged weights. Draws nothing from torch's random
    numbers, so that looking at a generator never changes its training.
    """
    copied = copy.deepcopy(generator).eval()
    norms = [
        module for module in copied.modules() if isinstance(module, _BatchNorm) and module.track_running_stats
    ]
    if not norms:
        return copied
    momenta = [norm.momentum for norm in norms]
    device = next(copied.parameters()).device
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for index in range(batches):
        z = latents(CALIBRATION_SEED, batch, latent_dim, start=index * batch)
        copied(torch.from_numpy(z).to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return copied.eval()
