"""Measuring a generator against images it has not been trained on, without changing the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.components import Features, Metric
    from zoo.data.split import Split
    from zoo.evaluation.torch_generator import TorchGenerator
    from zoo.images import Images

EVALUATION_SEED = 2**41


def real_images(images: Images, places: Tensor, device: torch.device) -> Tensor:
    """Return the images at these positions as float32 (N, C, H, W) in [-1, 1]."""
    return torch.from_numpy(images.pixels[places.numpy()]).to(device).float().div(127.5).sub(1)


def measure(
    metric: Metric,
    generator: TorchGenerator,
    images: Images,
    split: Split,
    features: Features | None = None,
) -> float:
    """Return the metric of a generator against the reference images, seen through `features` where it asks for some.

    A metric of images sees fewer of these repeated until they are as many as the generated ones: a handful of
    generated images to match would make the figure mostly noise. Features see each once: many take a vector that
    comes twice for an image that lies on another. A GPU measures in float32 and not in TF32, as a CPU does.
    """
    fake = generator.images(split.generated, EVALUATION_SEED)
    if not metric.any_device:
        fake = fake.cpu()
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        if features is not None:
            real = real_images(images, split.reference, fake.device)
            return float(metric.measure(features.extract(real), features.extract(fake)))
        places = split.reference.repeat(-(-split.generated // len(split.reference)))[: split.generated]
        return float(metric.measure(real_images(images, places, fake.device), fake))
