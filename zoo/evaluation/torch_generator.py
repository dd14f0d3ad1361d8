"""A torch network as a generator of pictures: calibrated, then asked for images."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol, Self

import torch
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm

from zoo.generators.generator import Generator
from zoo.generators.latents import fixed_latents
from zoo.layers.computed_weights import copy_network, settle_spectral_norms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        """Return the generator of a copy with running statistics for its weights, as `calibrated` makes them."""
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
    with ExitStack() as stack:
        for module in counting:
            module.training = True
            if isinstance(module, _NormBase):
                stack.enter_context(_plain_average(module))
        for done, some in enumerate(torch.split(z, batch), 1):
            network(some)
            tick(done, batches)
    return network.eval()


def _has_running_statistics(module: nn.Module) -> bool:
    """Whether a module counts something over the batches of a training."""
    if isinstance(module, _NormBase):
        return module.track_running_stats
    return any(name.startswith("running_") for name, _ in module.named_buffers(recurse=False))


@contextmanager
def _plain_average(norm: _NormBase) -> Iterator[None]:
    """Have a norm forget its statistics, and average those of all calls in the block."""
    momentum = norm.momentum
    norm.reset_running_stats()
    norm.momentum = None  # for a batch norm, that says it
    calls = itertools.count(1)

    def weigh(module: nn.Module, _inputs: object) -> None:
        module.momentum = 1 / next(calls)  # type: ignore[assignment]

    instance = isinstance(norm, _InstanceNorm)
    handle = norm.register_forward_pre_hook(weigh) if instance else None
    try:
        yield
    finally:
        norm.momentum = momentum
        if handle is not None:
            handle.remove()
