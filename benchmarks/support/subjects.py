"""Trainings on images of one's own, and the figure they are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.data.sampler import Sampler
from zoo.data.split import split
from zoo.evaluation.measure import RealImages, measure
from zoo.evaluation.torch_generator import TorchGenerator
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import load_plan, with_data
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.components import Plan
    from zoo.images import Images
    from zoo.training.device import Precision


def plan_of(recipe: str, changes: Sequence[str] = ()) -> Plan:
    """Return a recipe's plan; `changes` as `--set` takes them."""
    return load_plan(recipe, changes)


class Subject:
    """A recipe on the images of a file."""

    def __init__(self, recipe: str, data: Path, changes: Sequence[str] = ()) -> None:
        self.plan: Plan = with_data(plan_of(recipe, changes), data, load_registry())
        self.images: Images = self.plan.data.images()
        self.split = split(len(self.images))

    @property
    def pixels(self) -> Tensor:
        """All images, uint8 (N, C, H, W)."""
        return torch.from_numpy(self.images.pixels[:])

    def trainer(self, device: torch.device, precision: Precision) -> Trainer:
        """Return the zoo's trainer on the training images."""
        return Trainer(self.plan, Sampler(self.pixels, self.split.training, device), device, precision)

    def figure(self, generator: nn.Module) -> float:
        """Return the recipe's metric of a generator, with batch-norm statistics measured for its weights."""
        assert self.plan.metric is not None
        batch = self.plan.training.batch_size
        calibrated = TorchGenerator.calibrated(generator, self.plan.architecture, batch)
        return measure(self.plan.metric, calibrated, RealImages(self.images, self.split), self.plan.features)
