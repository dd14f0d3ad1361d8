"""A torch network as a generator of pictures: calibrated, then asked for images."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.generators.latents import fixed_latents

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
    z = torch.tensor(
        fixed_latents(CALIBRATION_SEED, batches * batch, latent_dim), device=next(copied.parameters()).device
    )
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for some in torch.split(z, batch):
        copied(some)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return copied.eval()


@torch.no_grad()
def make_images(generator: nn.Module, seed: int, count: int, latent_dim: int, batch: int) -> Tensor:
    """Return `count` float32 images (N, C, H, W) in [-1, 1] where the generator is.

    Picture i is the one that `zoo generate --seed` makes.
    """
    z = torch.tensor(fixed_latents(seed, count, latent_dim), device=next(generator.parameters()).device)
    return torch.cat([generator(some).float() for some in torch.split(z, batch)])
