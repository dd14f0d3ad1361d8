"""Measuring a generator against images it has not been trained on, without changing the training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from zoo.errors import InputError
from zoo.system.console import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.components import Features, Metric, Plan
    from zoo.data.split import Split
    from zoo.evaluation.torch_generator import TorchGenerator
    from zoo.images import Images

EVALUATION_SEED = 2**41
ON_CPU, ON_GPU = 4, 64
"""Images that an extractor is given in one call. Of more, a network of photographs makes maps so large that a CPU
spends as long on getting memory and giving it back as on the arithmetic."""


def looked_at(device: torch.device) -> int:
    """Return how many images an extractor is given in one call."""
    return ON_CPU if device.type == "cpu" else ON_GPU


def real_images(images: Images, places: Tensor, device: torch.device) -> Tensor:
    """Return the images at these positions as float32 (N, C, H, W) in [-1, 1]."""
    return torch.from_numpy(images.pixels[places.numpy()]).to(device).float().div_(127.5).sub_(1)


@dataclass(frozen=True)
class RealImages:
    """The images that generated ones are compared with; what an extractor saw in them is kept."""

    images: Images
    split: Split
    _seen: dict[tuple[Features, str], Tensor] = field(default_factory=dict)

    def repeated(self, metric: Metric, count: int, device: torch.device) -> Tensor:
        """Return what a metric compares with, float32 (N, C, H, W), repeated to `count` where they are fewer.

        A metric of images is given as many as were generated: a handful of generated ones to match fewer would make
        the figure mostly noise. One that needs no torch is given each once (`count` 0), as where torch is missing.
        """
        reference = self.split.compared(metric)
        if len(reference) < count:
            reference = reference.repeat(-(-count // len(reference)))[:count]
        return real_images(self.images, reference, device)

    def features(self, metric: Metric, features: Features, device: torch.device) -> Tensor:
        """Return what `features` see in the images that the metric compares with, each once: (N, D).

        Each once, since many features' metrics take a vector that comes twice for an image that lies on another.
        """
        key = (features, metric.compares_with)
        if key not in self._seen:
            places = torch.split(self.split.compared(metric), looked_at(device))
            self._seen[key] = extracted(features, (real_images(self.images, some, device) for some in places))
        return self._seen[key].to(device)


class Measurement:
    """Figures of one set of generated images; each extractor looks at them once, for all metrics that look through it.

    Args:
        fake: float32 (N, C, H, W) in [-1, 1], on the device that extractors work on.
        real: what they are compared with.
    """

    def __init__(self, fake: Tensor, real: RealImages) -> None:
        self._fake = fake
        self._real = real
        self._seen: dict[Features, Tensor] = {}

    def figure(self, metric: Metric, features: Features | None = None) -> float:
        """Return a metric's figure, seen through the `features` that its `extractor` names; NaN where they are.

        A GPU measures in float32 and not in TF32, as a CPU does.

        Raises:
            ZooError: the features or the metric cannot work on these images, or lack a package or weights.
        """
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            device = self._fake.device if metric.any_device else torch.device("cpu")
            if features is None:
                count = 0 if metric.without_torch else len(self._fake)
                real = self._real.repeated(metric, count, device)
                return float(metric.measure(real, self._fake.to(device)))
            if features not in self._seen:
                self._seen[features] = extracted(
                    features, torch.split(self._fake, looked_at(self._fake.device))
                )
            fake = self._seen[features]
            if not fake.isfinite().all():
                return math.nan
            real = self._real.features(metric, features, self._fake.device)
            return float(metric.measure(real.to(device), fake.to(device)))


def extracted(features: Features, batches: Iterable[Tensor]) -> Tensor:
    """Return what `features` see in all batches, float32 (N, D).

    Raises:
        InputError: they give something else than a vector an image.
    """
    found = []
    with torch.no_grad(), torch.random.fork_rng(devices=[]):  # making a network draws its first weights
        for images in batches:
            seen = features.extract(images)
            if seen.dim() != 2 or len(seen) != len(images) or not seen.shape[1]:
                raise InputError(
                    f"{features.name}: for {len(images)} images it gave a tensor {tuple(seen.shape)}. "
                    "Have it return (N, D)"
                )
            found.append(seen.float())
    return torch.cat(found)


def rehearse(plan: Plan, real: RealImages, device: torch.device) -> None:
    """Look at the real images as the plan's metric will, and compare them with themselves.

    So weights that cannot be had and packages that lack are found before anything is trained.

    Raises:
        ZooError: its subclasses say what is missing, and how to get it.
    """
    if plan.metric is None or plan.features is None:
        return
    say(f"{plan.metric.name}: looking at the real images through {plan.metric.extractor}")
    seen = real.features(plan.metric, plan.features, device)
    at = device if plan.metric.any_device else "cpu"
    plan.metric.measure(seen.to(at), seen.to(at))


def measure(
    metric: Metric, generator: TorchGenerator, real: RealImages, features: Features | None = None
) -> float:
    """Return the metric of a generator, of as many pictures as its training is measured with."""
    fake = generator.images(real.split.generated, EVALUATION_SEED)
    return Measurement(fake, real).figure(metric, features)
