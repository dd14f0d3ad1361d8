"""Measuring a generator against images it has not been trained on, without changing the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.generators.latents import latents

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo.components import Metric
    from zoo.images import Images, ImageShape

REFERENCE_LIMIT = 1024
REFERENCE_MINIMUM = 256
EVALUATION_SEED = 2**41
_SPLIT_SEED = 20171030


@dataclass(frozen=True)
class Split:
    """Which images are trained on, and which the metric compares with (positions in the data set)."""

    training: Tensor
    reference: Tensor
    held_out: bool
    """Whether the reference images are kept from training."""

    def protocol(self, metric: Metric, shape: ImageShape) -> str:
        """Return one line that says how the metric's figures came about."""
        kind = "held-out images" if self.held_out else "training images (too few to hold any out)"
        return f"{metric.protocol(shape)}; {self.generated} generated against {len(self.reference)} {kind}"

    @property
    def generated(self) -> int:
        """How many images are generated for a measurement."""
        return len(self.reference) if self.held_out else REFERENCE_LIMIT


def split(count: int) -> Split:
    """Hold out a tenth of `count` images, at most 1,024; where that is under 256, none.

    The choice depends on `count` alone, so that runs with different seeds are measured on the same images.
    """
    order = torch.from_numpy(np.random.Generator(np.random.Philox(_SPLIT_SEED)).permutation(count))
    held = min(REFERENCE_LIMIT, count // 10)
    if held < REFERENCE_MINIMUM:
        return Split(order, order[:REFERENCE_LIMIT], held_out=False)
    return Split(order[held:], order[:held], held_out=True)


@torch.no_grad()
def make_images(generator: nn.Module, seed: int, count: int, latent_dim: int, batch: int) -> Tensor:
    """Return `count` images (N, C, H, W) in [-1, 1] on the CPU; picture i is the one `zoo generate --seed` makes."""
    device = next(generator.parameters()).device
    parts = []
    for start in range(0, count, batch):
        z = latents(seed, min(batch, count - start), latent_dim, start=start)
        parts.append(generator(torch.from_numpy(z).to(device)).float().cpu())
    return torch.cat(parts)


def measure(
    metric: Metric, generator: nn.Module, images: Images, split: Split, latent_dim: int, batch: int
) -> float:
    """Return the metric of a generator in eval mode against the reference images.

    Where there are fewer of these than generated ones they are repeated: a handful of generated images to match
    would make the figure mostly noise.
    """
    places = split.reference.repeat(-(-split.generated // len(split.reference)))[: split.generated]
    real = torch.from_numpy(images.pixels[places.numpy()]).float().div(127.5).sub(1)
    fake = make_images(generator, EVALUATION_SEED, split.generated, latent_dim, batch)
    return float(metric.measure(real, fake))
