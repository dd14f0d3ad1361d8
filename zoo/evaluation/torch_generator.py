"""A torch network as a generator of pictures: calibrated, then asked for images."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol, Self

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.generators.generator import Generator
from zoo.generators.latents import fixed_latents

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from zoo.images import ImageShape

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
        """Return the generator of a copy with batch-norm statistics for its weights, as `calibrated` makes them."""
        return cls(calibrated(network, architecture.latent_dim, batch, batches, tick), architecture, batch)

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


@torch.no_grad()
def calibrated(
    generator: nn.Module,
    latent_dim: int,
    batch: int,
    batches: int = CALIBRATION_BATCHES,
    tick: Tick = lambda _done, _of: None,
) -> nn.Module:
    """Return a copy in eval mode whose batch-norm statistics are the plain average over seeded latent batches.

    `tick` is called after each; what it raises ends the work.

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
    for done, some in enumerate(torch.split(z, batch), 1):
        copied(some)
        tick(done, batches)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return copied.eval()
