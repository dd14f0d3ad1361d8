"""A generator with all that the zoo's have, small enough to export in a test."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LATENT_DIM = 12


class Tiny(nn.Module):
    """Dense, batch norm, upsampling and transposed convolutions: 16 x 16 from 4 x 4."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(nn.Linear(LATENT_DIM, 4 * 4 * 8), nn.BatchNorm1d(4 * 4 * 8), nn.ReLU())
        self.body = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(8, 6, 5, padding=2),
            nn.BatchNorm2d(6),
            nn.LeakyReLU(0.2),
        )
        self.last = nn.ConvTranspose2d(6, channels, 5, 2, 2, 1)
        self.channels = channels

    def forward(self, z: Tensor) -> Tensor:
        x = self.dense(z).view(-1, 4, 4, 8).permute(0, 3, 1, 2)
        return torch.tanh(self.last(self.body(x)).float())


def make(channels: int = 3) -> Tiny:
    """Return a generator in training mode whose batch norms have seen something."""
    torch.manual_seed(0)
    network = Tiny(channels)
    for _ in range(5):
        network(torch.randn(16, LATENT_DIM) * 2)
    return network
