"""Trainings on images of one's own, and the figure they are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.data.split import split
from zoo.evaluation.measure import measure
from zoo.evaluation.torch_generator import calibrated
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import make_plan, with_data
from zoo.recipes.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.components import Plan
    from zoo.images import Images


class Subject:
    """A recipe on the images of a file."""

    def __init__(self, recipe: str, data: Path, changes: Sequence[str] = ()) -> None:
        registry = load_registry()
        plan = make_plan(read_recipe(registry.recipe(recipe), changes), registry, recipe)
        self.plan: Plan = with_data(plan, data, registry)
        self.images: Images = self.plan.data.images()
        self.split = split(len(self.images))

    @property
    def pixels(self) -> Tensor:
        """All images, uint8 (N, C, H, W)."""
        return torch.from_numpy(self.images.pixels)

    def figure(self, generator: nn.Module) -> float:
        """Return the recipe's metric of a generator, with batch-norm statistics measured for its weights."""
        dim, batch = self.plan.architecture.latent_dim, self.plan.training.batch_size
        assert self.plan.metric is not None
        return measure(
            self.plan.metric, calibrated(generator, dim, batch), self.images, self.split, dim, batch=batch
        )
