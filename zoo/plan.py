"""A recipe with its components made and found to fit each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from zoo.components import (
    Architecture,
    Augmentation,
    Component,
    Dataset,
    Loss,
    Metric,
    Regularizer,
)
from zoo.errors import InputError
from zoo.recipe import Recipe, merged, parse_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

    from zoo.images import StandIn
    from zoo.recipe import Table, Training
    from zoo.registry import Registry


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

    @property
    def training(self) -> Training:
        """The recipe's `[training]`."""
        return self.recipe.training

    @cached_property
    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Critic and generator without memory for their weights, to be looked at."""
        import torch

        with torch.device("meta"):
            return self.architecture.critic(), self.architecture.generator()

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

    def share(self, ranks: int = 1) -> int:
        """Return how many images of a batch each of `ranks` processes takes.

        Raises:
            InputError: the batch cannot be split evenly over them, and each share into `training.accumulate` parts.
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

    def components(self) -> Iterator[tuple[str, Component]]:
        """Yield each component with its place in the recipe (`losses.1`)."""
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
        for place, component in self.components():
            key, _, index = place.partition(".")
            fields = {"name": component.name, **component.model_dump(mode="json")}
            if index:
                table[key][int(index)] = fields
            else:
                table[key] = fields
        if self.recipe.sample is not None:
            table["data"]["sample"] = self.recipe.sample
        return table


def make_plan(recipe: Recipe, registry: Registry, where: str) -> Plan:
    """Make a recipe's components and check that they fit.

    Raises:
        UsageError: a component is unknown.
        InputError: a field is wrong, or a component refuses the combination; both name file and table.
    """

    def make(kind: str, table: Table, place: str) -> Any:
        return registry.make(kind, table, f"{where} [{place}]")

    def make_all(kind: str, tables: tuple[Table, ...], place: str) -> tuple[Any, ...]:
        return tuple(make(kind, table, f"{place}.{index}") for index, table in enumerate(tables))

    data = {
        key: value for key, value in recipe.data.items() if not (key == "sample" and isinstance(value, dict))
    }
    plan = Plan(
        recipe,
        where,
        data=make("dataset", data, "data"),
        architecture=make("architecture", recipe.architecture, "architecture"),
        losses=make_all("loss", recipe.losses, "losses"),
        regularizers=make_all("regularizer", recipe.regularizers, "regularizers"),
        augmentations=make_all("augmentation", recipe.augmentations, "augmentations"),
        metric=None if recipe.metric is None else make("metric", recipe.metric, "metric"),
    )
    _check(plan)
    return plan


def with_data(plan: Plan, path: Path, registry: Registry) -> Plan:
    """Return the plan with a local file or folder in place of its data (`--data PATH`).

    Raises:
        InputError: the path is missing, or no data set reads it.
    """
    if not path.exists():
        raise InputError(
            f"{path}: there is no such file or folder. Give --data a .npy file, a folder or a zip"
        )
    for entry in registry.entries("dataset").values():
        kind = cast("type[Dataset]", entry.component)
        dataset = kind.at(path.resolve(), plan.architecture.image_shape)
        if dataset is not None:
            table = {"name": dataset.name, **dataset.model_dump(mode="json")}
            recipe = plan.recipe.model_copy(update={"data": table})
            return make_plan(recipe, registry, plan.where)
    raise InputError(
        f"{path}: no data set reads this kind of file. Give --data a .npy file, a folder or a zip"
    )


def with_stand_in(plan: Plan, stand_in: StandIn, registry: Registry) -> Plan:
    """Return the plan for a sample that stands in: its data pinned to it, the recipe's `[data.sample]` laid over."""
    table = plan.resolved()
    sample = plan.recipe.sample or {}
    table["data"] = {key: value for key, value in table["data"].items() if key != "sample"} | dict(
        stand_in.fields
    )
    return make_plan(parse_recipe(merged(table, sample), plan.where), registry, plan.where)


def slowed(plan: Plan, factor: float) -> Plan:
    """Return the plan with both learning rates multiplied by `factor`."""
    old = plan.recipe.optimizers
    optimizers = old.model_copy(
        update={
            side: optimizer.model_copy(update={"learning_rate": optimizer.learning_rate * factor})
            for side, optimizer in (("critic", old.critic), ("generator", old.generator))
        }
    )
    return replace(plan, recipe=plan.recipe.model_copy(update={"optimizers": optimizers}))


def _check(plan: Plan) -> None:
    plan.share()
    for side, has in (("critic", Loss.has_critic_side), ("generator", Loss.has_generator_side)):
        if not any(has(loss) and loss.weight > 0 for loss in plan.losses):
            raise InputError(f"{plan.where} [losses]: no loss says anything to the {side}. Add one that does")
    for place, component in plan.components():
        reason = component.check(plan)
        if reason is not None:
            raise InputError(f"{plan.where} [{place}]: {reason}")
