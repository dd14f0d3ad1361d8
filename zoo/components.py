"""The kinds of part a plugin can bring. A component is a frozen pydantic model; its fields are its hyperparameters.

Importing this module does not import torch: a plugin that only brings a command never waits for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.batch import CriticBatch, GeneratorBatch
    from zoo.images import Images, ImageShape
    from zoo.plan import Plan


class Component(BaseModel, ABC):
    """A named part with typed hyperparameters, made from a recipe's table and written to `config.json`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    name: ClassVar[str]
    """What recipes call it."""
    kind: ClassVar[str]
    """The kind of part it is, as a recipe's tables and messages call it."""

    def check(self, plan: Plan) -> str | None:  # noqa: ARG002
        """Return why this component must not be used with the rest of the plan, or None."""
        return None

    def state(self) -> nn.Module | None:
        """Return what this component learns or counts while training (kept in a private attribute), or None.

        It is moved to the training's device and saved in checkpoints; the component's fields stay frozen. What has no
        state does the same in every iteration: on a GPU it may be recorded once and replayed, without its Python.
        """
        return None


class Architecture(Component):
    """A generator and a critic that fit each other."""

    kind = "architecture"
    latent_dim: int = Field(default=100, ge=1, le=4096, description="length of the latent vector z")

    @property
    @abstractmethod
    def image_shape(self) -> ImageShape:
        """Channels, height and width of the images."""

    @abstractmethod
    def generator(self) -> nn.Module:
        """Return a new network: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1]."""

    @abstractmethod
    def critic(self) -> nn.Module:
        """Return a new network: images (N, C, H, W) -> raw scores (N,), without a sigmoid."""


class Loss(Component):
    """What the critic and the generator minimise. Either side may be left out; a recipe's losses are summed.

    A side returns its unweighted value; the trainer multiplies it by `weight * interval` on the steps where
    `step % interval == 0` (a step is one generator iteration), and leaves it out on the others.
    """

    kind = "loss"
    weight: float = Field(default=1.0, ge=0, description="factor of this loss in the sum")
    interval: int = Field(default=1, ge=1, description="apply on every n-th step, n times as strong")

    def critic(self, batch: CriticBatch) -> Tensor:
        """Return the scalar the critic minimises."""
        raise NotImplementedError

    def generator(self, batch: GeneratorBatch) -> Tensor:
        """Return the scalar the generator minimises."""
        raise NotImplementedError

    def has_critic_side(self) -> bool:
        """Whether this loss says anything to the critic."""
        return type(self).critic is not Loss.critic

    def has_generator_side(self) -> bool:
        """Whether this loss says anything to the generator."""
        return type(self).generator is not Loss.generator


class Regularizer(Component):
    """A constraint on the critic's weights."""

    kind = "regularizer"

    def prepare(self, critic: nn.Module) -> None:
        """Change the new critic once, before optimizers are made and weights are loaded."""

    def after_step(self, critic: nn.Module) -> None:
        """Act on the critic's weights after each of its optimizer steps."""


class Augmentation(Component):
    """A random, differentiable change of images, made to real and generated ones alike."""

    kind = "augmentation"

    @abstractmethod
    def augment(self, images: Tensor) -> Tensor:
        """Return changed images of the same shape: (N, C, H, W) in [-1, 1]."""


class Dataset(Component):
    """Images to learn from."""

    kind = "dataset"

    @abstractmethod
    def images(self) -> Images:
        """Return all images.

        Raises:
            InputError: a file is not what it should be.
            NetworkError: the images cannot be fetched and nothing can stand in.
        """

    @classmethod
    def at(cls, path: Path, shape: ImageShape) -> Self | None:  # noqa: ARG003
        """Return the data set for `--data PATH` when it is of this one's format, else None.

        `shape` is what the architecture makes; a set that can resize its images resizes them to it.
        """
        return None


class Metric(Component):
    """A figure for how far generated images are from real ones."""

    kind = "metric"
    higher_is_better: ClassVar[bool] = False

    @abstractmethod
    def measure(self, real: Tensor, fake: Tensor) -> float:
        """Return the figure for real and generated images: float32 (N, C, H, W) in [-1, 1]."""

    def protocol(self, shape: ImageShape) -> str:  # noqa: ARG002
        """Return one line that says how the figure is measured on images of this shape (C, H, W)."""
        return self.name
