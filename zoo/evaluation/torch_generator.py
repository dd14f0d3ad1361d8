"""A torch network as a generator of pictures: calibrated, then asked for images."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Protocol, Self

import torch

from zoo.evaluation.calibration import CALIBRATION_BATCHES, calibrated
from zoo.generators.generator import Generator
from zoo.generators.latents import fixed_latents

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from zoo.evaluation.norm_statistics import Tick
    from zoo.images import ImageShape

LAUNCHED = 256
"""Small pictures at a time on a GPU: fewer take it no less time."""
LAUNCHED_NUMBERS = LAUNCHED * 3 * 64 * 64
"""Of all pictures that are made at a time for that reason alone: larger ones fill a GPU, and its memory."""


class TorchGenerator(Generator):
    """A network that draws as any other generator does, and hands out tensors where it lies.

    Args:
        network: in eval mode, z (N, latent_dim) to images (N, C, H, W) in [-1, 1].
        architecture: of it.
        batch: pictures at a time.
    """

    def __init__(self, network: nn.Module, architecture: Drawn, batch: int) -> None:
        self.name = type(network).__name__
        self.network = network
        self.latent_dim, self.image_shape = architecture.latent_dim, architecture.image_shape
        self.batch = batch
        self.device = next(network.parameters()).device
        self.provider = f"torch on {self.device.type}"

    @classmethod
    def calibrated(
        cls,
        network: nn.Module,
        architecture: Drawn,
        batch: int,
        batches: int = CALIBRATION_BATCHES,
        tick: Tick = lambda _done, _of: None,
    ) -> Self:
        """Return the generator of a copy with running statistics for its weights, as `calibrated` makes them."""
        return cls.launched(
            calibrated(network, architecture.latent_dim, batch, batches, tick), architecture, batch
        )

    @classmethod
    def launched(cls, network: nn.Module, architecture: Drawn, batch: int) -> Self:
        """Return the generator of a network; on a GPU, of at least as many pictures at a time as take it no longer."""
        if next(network.parameters()).device.type == "cuda":
            batch = max(batch, min(LAUNCHED, LAUNCHED_NUMBERS // prod(architecture.image_shape)))
        return cls(network, architecture, batch)

    def generate(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return images (N, C, H, W) in [-1, 1] for latents (N, latent_dim)."""
        made: NDArray[np.float32] = self._images(torch.from_numpy(z).to(self.device)).cpu().numpy()
        return made

    def images(self, count: int, seed: int) -> Tensor:
        """Return the first `count` pictures of a seed as float32 (N, C, H, W) in [-1, 1] on the network's device."""
        z = torch.tensor(fixed_latents(seed, count, self.latent_dim), device=self.device)
        return torch.cat([self._images(some) for some in torch.split(z, self.batch)])

    @torch.no_grad()
    def _images(self, z: Tensor) -> Tensor:
        images: Tensor = self.network(z)
        return images.float()


class Drawn(Protocol):
    """What a generator must know of its architecture."""

    @property
    def latent_dim(self) -> int:
        """Numbers of a latent."""

    @property
    def image_shape(self) -> ImageShape:
        """(C, H, W)."""
