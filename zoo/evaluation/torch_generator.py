"""A torch network as a generator of pictures: calibrated, then asked for images."""

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


@torch.no_grad()
def make_images(generator: nn.Module, seed: int, count: int, latent_dim: int, batch: int) -> Tensor:
    """Return `count` images (N, C, H, W) in [-1, 1] on the CPU; picture i is the one `zoo generate --seed` makes."""
    device = next(generator.parameters()).device
    parts = []
    for start in range(0, count, batch):
        z = latents(seed, min(batch, count - start), latent_dim, start=start)
        parts.append(generator(torch.from_numpy(z).to(device)).float().cpu())
    return torch.cat(parts)
