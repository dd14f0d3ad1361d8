"""The recipes' generators as if they were trained: pictures with contrast, batch norms that have seen something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from benchmarks.support.subjects import plan_of

if TYPE_CHECKING:
    from zoo.components import Architecture


def architecture(recipe: str) -> Architecture:
    """Return a recipe's architecture."""
    return plan_of(recipe).architecture


def generator(recipe: str, seed: int = 0) -> nn.Module:
    """Return a recipe's generator, in eval mode; random weights of the size that keeps activations alive."""
    torch.manual_seed(seed)
    design = architecture(recipe)
    network = design.generator()
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight, mode="fan_in")
            assert module.bias is not None
            nn.init.normal_(module.bias, std=0.1)
    with torch.no_grad():
        for _ in range(10):
            network(torch.randn(32, design.latent_dim))
    return network.eval()
