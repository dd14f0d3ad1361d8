"""Measuring a generator against images it has not been trained on, without changing the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.components import Metric
    from zoo.data.split import Split
    from zoo.evaluation.torch_generator import TorchGenerator
    from zoo.images import Images

EVALUATION_SEED = 2**41


def real_images(images: Images, places: Tensor, device: torch.device) -> Tensor:
    """Return the images at these positions as float32 (N, C, H, W) in [-1, 1]."""
    return torch.from_numpy(images.pixels[places.numpy()]).to(device).float().div(127.5).sub(1)


def measure(metric: Metric, generator: TorchGenerator, images: Images, split: Split) -> float:
    """Return the metric of a generator against the reference images.

    Where there are fewer of these than generated ones they are repeated: a handful of generated images to match
    would make the figure mostly noise. A GPU measures in float32 and not in TF32, as a CPU does.
    """
    places = split.reference.repeat(-(-split.generated // len(split.reference)))[: split.generated]
    fake = generator.images(split.generated, EVALUATION_SEED)
    if not metric.any_device:
        fake = fake.cpu()
    real = real_images(images, places, fake.device)
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        return float(metric.measure(real, fake))
