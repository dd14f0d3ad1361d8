"""The kinds of part a plugin can bring, and the plan they make up.

A component is a frozen pydantic model; its fields are its hyperparameters.

Importing this module does not import torch: a plugin that only brings a command never waits for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field

from zoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.batch import CriticBatch, GeneratorBatch
    from zoo.history import Diagnosis, History
    from zoo.images import Images, ImageShape
    from zoo.recipes.recipe import Recipe, Training
    from zoo.recipes.tables import Table


class Component(BaseModel, ABC):
    """A named part with typed hyperparameters, made from a recipe's table and written to `config.json`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    name: ClassVar[str]
    """What recipes call it."""
    kind: ClassVar[str]
    """The kind of part it is, as a recipe's tables and messages call it."""
    paper: ClassVar[str] = ""
    """The paper it comes from, in one line for model cards and `zoo info`: authors, *title*, year, number, section."""

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

    @cached_property
    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Critic and generator to be looked at, without memory for their weights where their layers allow that."""
        import torch

        try:
            with torch.device("meta"):
                return self.critic(), self.generator()
        except (RuntimeError, NotImplementedError):  # some layers work on their weights as they are made
            return self.critic(), self.generator()

    @property
    def critic_ties_batch(self) -> bool:
        """Whether a layer of the critic makes an image's score depend on the rest of its batch."""
        from torch.nn.modules.batchnorm import _BatchNorm

        return any(isinstance(module, _BatchNorm) for module in self.networks[0].modules())

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """How many trainable numbers the critic and the generator have."""
        critic, generator = (
            sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
            for network in self.networks
        )
        return critic, generator


class Loss(Component):
    """What the critic and the generator minimise. Either side may be left out; a recipe's losses are summed.

    A side returns its unweighted value; the trainer multiplies it by `weight * interval` on the steps where
    `step % interval == 0` (a step is one generator iteration), and leaves it out on the others.
    """

    kind = "loss"
    scores_are_logits: ClassVar[bool] = False
    """Whether a score is the logit of an image's being real, so that the critic need not be Lipschitz."""
    slope_target: ClassVar[float | None] = None
    """The norm that it holds the critic's gradient to between real and generated images, if it does."""
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
    any_device: ClassVar[bool] = False
    """Whether it measures images on the device that trains; others are given them on the CPU."""
    compares_with: ClassVar[Literal["held-out", "training"]] = "held-out"
    """The real images that `measure` is given: some that were not trained on (where there are too few to hold any out,
    training images), or training images, at most 8,192 of them."""
    argument: ClassVar[str] = "features"
    """The field, where it has it, that text after a colon sets on the command line: `--metric kid:drawings`."""
    without_torch: ClassVar[bool] = False
    """Whether it measures where torch is not installed. Its module must not import torch then, and `measure` is given
    arrays in place of tensors, float32 as they are. It is given each real image once, with torch too; for other
    metrics of pixels real images are repeated until they are as many as the generated ones."""

    @property
    def extractor(self) -> str | None:
        """The features that `measure` is given in place of images, `drawings` or `timm:NAME`; None: it takes images."""
        return None

    @abstractmethod
    def measure(self, real: Tensor, fake: Tensor) -> float:
        """Return the figure for real and generated images: float32 (N, C, H, W) in [-1, 1], on one device.

        With an `extractor` they are its features, float32 (N, D).
        """

    def protocol(self, shape: ImageShape) -> str:  # noqa: ARG002
        """Return one line that says how the figure is measured on images of this shape (C, H, W)."""
        return self.name


class Features(Component):
    """What a trained network sees in images: vectors whose distances mean more than those of pixels."""

    kind = "features"
    argument: ClassVar[str | None] = None
    """The field that text after a colon sets: `timm:resnet18` makes the component `timm` with `model="resnet18"`."""

    @abstractmethod
    def extract(self, images: Tensor) -> Tensor:
        """Return float32 (N, D), on the images' device, for float32 (N, C, H, W) in [-1, 1], C 1 or 3, of any size.

        The same image gives the same vector, whatever else is in the batch.

        Raises:
            InputError: the images are not of the kind it was made for.
            zoo.errors.ZooError: its weights or a package cannot be had; the message says how to get them.
        """

    @abstractmethod
    def protocol(self) -> str:
        """Return a few words: the network, the first digits of the sha256 of its weights, how images are resized."""


class Symptom(Component):
    """Something that can ail a training, and how it shows."""

    kind = "symptom"

    @abstractmethod
    def find(self, history: History) -> Diagnosis | None:
        """Return what shows that the training has it, or None. Figures may be few: a run of ten steps is asked too."""


class Tracker(Component):
    """A place where runs are followed, made anew for each run that is to be followed there.

    Its methods named as hooks of a run are these hooks, `def zoo_step_logged(self, step, metrics)`; they are called for
    that run alone. What it holds meanwhile is kept in private attributes. Every field needs a default.
    """

    kind = "tracker"
    needs: ClassVar[Mapping[str, str]] = {}
    """Modules that it imports when a run starts, each with what pip calls its package."""

    @property
    def library(self) -> Any:
        """The first module that it needs, imported when it is first asked for; TypeError where `needs` names none."""
        if not self.needs:
            raise TypeError(f"{self.name}: `needs` names no module")
        return import_module(next(iter(self.needs)))


@dataclass(frozen=True)
class Plan:
    """Everything a trainer needs to know before it sees an image."""

    recipe: Recipe
    where: str
    """The recipe's file, for messages."""
    data: Dataset
    architecture: Architecture
    losses: tuple[Loss, ...]
    regularizers: tuple[Regularizer, ...]
    augmentations: tuple[Augmentation, ...]
    metric: Metric | None
    features: Features | None = None
    """What the metric's `extractor` names."""
    preferred: tuple[str, ...] = ()
    """Distributions whose components are meant by names that others bring too."""

    @property
    def training(self) -> Training:
        """The recipe's `[training]`."""
        return self.recipe.training

    def batch_per_rank(self, ranks: int = 1) -> int:
        """Return how many images of a batch each of `ranks` processes takes.

        Raises:
            InputError: the batch cannot be split evenly over them, or a rank's batch into `training.accumulate` parts.
        """
        batch, parts = self.training.batch_size, self.training.accumulate
        if batch % (ranks * parts) == 0:
            return batch // ranks
        over = [f"{ranks} ranks"] * (ranks > 1) + [f"{parts} parts (accumulate)"] * (parts > 1)
        step = ranks * parts
        near = " or ".join(str(size) for size in (batch // step * step, (batch // step + 1) * step) if size)
        raise InputError(
            f"{self.where} [training]: batch_size {batch} cannot be split evenly over {' of '.join(over)}. "
            f"Use --set training.batch_size={near}"
        )

    def papers(self) -> tuple[str, ...]:
        """Return the papers that the parts come from, the data set aside, each once."""
        parts = (part for key, part in self.components() if key != "data")
        return tuple(dict.fromkeys(part.paper for part in parts if part.paper))

    def components(self) -> Iterator[tuple[str, Component]]:
        """Yield each component with its key in the recipe (`losses.1`)."""
        yield "data", self.data
        yield "architecture", self.architecture
        for table, group in (
            ("losses", self.losses),
            ("regularizers", self.regularizers),
            ("augmentations", self.augmentations),
        ):
            for index, component in enumerate(cast("tuple[Component, ...]", group)):
                yield f"{table}.{index}", component
        if self.metric is not None:
            yield "metric", self.metric

    def resolved(self) -> Table:
        """Return the recipe as a table with every component's every field."""
        table: dict[str, Any] = self.recipe.model_dump(mode="json")
        for path, component in self.components():
            key, _, index = path.partition(".")
            fields = {"name": component.name, **component.model_dump(mode="json")}
            if index:
                table[key][int(index)] = fields
            else:
                table[key] = fields
        if self.recipe.sample is not None:
            table["data"]["sample"] = self.recipe.sample
        return table
