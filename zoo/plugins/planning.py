"""From a recipe to a plan: its components made and found to fit each other."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zoo.__about__ import DISTRIBUTION
from zoo.components import Dataset, Loss, Metric, Plan
from zoo.errors import InputError, ZooError, kind_and_reason
from zoo.plugins.collect import load_registry
from zoo.plugins.manager import DISABLE
from zoo.recipes.recipe import Recipe, parse_recipe, read_recipe
from zoo.recipes.tables import merged
from zoo.system.arguments import shown
from zoo.system.console import warn
from zoo.system.paths import refuse_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.images import ImageShape, StandIn
    from zoo.plugins.registry import Registry
    from zoo.recipes.tables import Table


def load_plan(
    recipe: str | Path,
    changes: Iterable[str] = (),
    where: str | None = None,
    *,
    preferred: Iterable[str] = (),
) -> Plan:
    """Read a recipe and make its components, of all the plugins' of this process.

    In the zoo's own recipes, a name that a plugin brings too means the zoo's own component; a warning says so.

    Args:
        recipe: its name, or the path of a TOML file.
        changes: `key.path=value`, as `--set` takes them.
        where: what messages call the file; without it its name.
        preferred: distributions whose components are meant by names that others bring too: for a run, those that it
            was trained with.

    Raises:
        UsageError: the recipe or a component is unknown.
        InputError: the file, a field or a change is wrong, or a component refuses the combination.
    """
    registry, path = load_registry(), find_recipe(recipe)
    if registry.is_builtin_recipe(path):
        preferred = (DISTRIBUTION,)
    plan = make_plan(read_recipe(path, changes), registry, where or path.name, preferred)
    _warn_of_rivals(plan, registry, None if _is_file(recipe) else str(recipe))
    return plan


def find_recipe(recipe: str | Path) -> Path:
    """Return the file of a recipe, by its name or path.

    Raises:
        UsageError: there is no recipe of that name.
        InputError: it is an address.
    """
    refuse_address(str(recipe), "recipe")
    return Path(recipe) if _is_file(recipe) else load_registry().recipe(str(recipe))


def _is_file(recipe: str | Path) -> bool:
    return isinstance(recipe, Path) or recipe.endswith(".toml") or os.sep in recipe


def make_plan(recipe: Recipe, registry: Registry, where: str, preferred: Iterable[str] = ()) -> Plan:
    """Make a recipe's components, of several of one name that of the `preferred` distributions, and check their fit.

    Raises:
        UsageError: a component is unknown.
        InputError: a field is wrong, or a component refuses the combination; both name file and table.
    """

    preferred = tuple(preferred)

    def make(kind: str, table: Table, key: str) -> Any:
        return registry.make(kind, table, f"{where} [{key}]", preferred)

    def make_all(kind: str, tables: tuple[Table, ...], key: str) -> tuple[Any, ...]:
        return tuple(make(kind, table, f"{key}.{index}") for index, table in enumerate(tables))

    data = {
        key: value for key, value in recipe.data.items() if not (key == "sample" and isinstance(value, dict))
    }
    metric: Metric | None = None if recipe.metric is None else make("metric", recipe.metric, "metric")
    seen_through = None if metric is None else metric.extractor
    plan = Plan(
        recipe,
        where,
        data=make("dataset", data, "data"),
        architecture=make("architecture", recipe.architecture, "architecture"),
        losses=make_all("loss", recipe.losses, "losses"),
        regularizers=make_all("regularizer", recipe.regularizers, "regularizers"),
        augmentations=make_all("augmentation", recipe.augmentations, "augmentations"),
        metric=metric,
        features=None
        if seen_through is None
        else registry.features(seen_through, f"{where} [metric]", preferred),
        preferred=preferred,
    )
    _check_shape(plan)
    _check(plan)
    return plan


def _check_shape(plan: Plan) -> None:
    """Refuse an architecture that cannot say what it makes: whatever comes after asks it."""
    where = f"{plan.where} [architecture]: {plan.architecture.name}"
    try:
        shape: Any = plan.architecture.image_shape
    except Exception as error:  # of a plugin
        if isinstance(error, ZooError):
            raise
        raise InputError(
            f"{where}: its image_shape fails: {kind_and_reason(error).rstrip('.')}. Mend it"
        ) from error
    if not (
        isinstance(shape, tuple)
        and len(shape) == 3
        and all(isinstance(size, int) and size > 0 for size in shape)
    ):
        raise InputError(f"{where}: its image_shape is {shown(shape)}, not (C, H, W). Mend it")


def with_data(plan: Plan, path: Path, registry: Registry) -> Plan:
    """Return the plan with a local file or folder in place of its data (`--data PATH`).

    Raises:
        InputError: the path is missing, or no data set reads it.
    """
    dataset = dataset_at(path, plan.architecture.image_shape, registry)
    table = {"name": dataset.name, **dataset.model_dump(mode="json")}
    changed = replace(plan, recipe=plan.recipe.model_copy(update={"data": table}), data=dataset)
    _check(changed)
    return changed


def dataset_at(path: Path, shape: ImageShape, registry: Registry) -> Dataset:
    """Return the data set of a local file or folder (`--data PATH`), for images of a shape.

    Raises:
        InputError: the path is missing, or no data set reads it.
    """
    if not path.exists():
        raise InputError(
            f"{path}: there is no such file or folder. Give --data a .npy file, a folder or a zip"
        )
    for entry in registry.entries("dataset").values():
        kind = cast("type[Dataset]", entry.component)
        dataset = kind.at(path.resolve(), shape)
        if dataset is not None:
            return dataset
    raise InputError(
        f"{path}: no data set reads this kind of file. Give --data a .npy file, a folder or a zip"
    )


def with_stand_in(plan: Plan, stand_in: StandIn, registry: Registry) -> Plan:
    """Return the plan for a sample that stands in: its data pinned to it, the recipe's `[data.sample]` laid over."""
    recipe = parse_recipe(pinned(plan.resolved(), plan.recipe.sample or {}, stand_in), plan.where)
    return make_plan(recipe, registry, plan.where, plan.preferred)


def pinned(table: Table, sample: Table, stand_in: StandIn) -> Table:
    """Return a recipe's table with its data pinned to what stands in for it, and `[data.sample]` laid over."""
    data = {key: value for key, value in table["data"].items() if key != "sample"} | dict(stand_in.fields)
    return merged({**table, "data": data}, sample)


def _warn_of_rivals(plan: Plan, registry: Registry, recipe: str | None) -> None:
    """Say in one line, once, which names of a plan other plugins bring too, whose components are not used."""
    taken = {
        (component.kind, component.name): registry.record(component).provider.distribution
        for _, component in plan.components()
    }
    if recipe is not None:
        taken["recipe", recipe] = DISTRIBUTION
    found = {name: registry.rivals(*name, provider) for name, provider in taken.items()}
    clashes = {name: rivals for name, rivals in found.items() if rivals}
    if clashes.keys() - registry.named_rivals:
        registry.named_rivals.update(clashes)
        rivals = sorted({rival for found in clashes.values() for rival in found})
        warn(
            f"{plan.where}: {', '.join(map(' '.join, clashes))}: "
            f"what {' and '.join(rivals)} brings of this name is not used. "
            f"Set {DISABLE}={','.join(rivals)} to be told no more"
        )


def _check(plan: Plan) -> None:
    plan.batch_per_rank()
    for side, has in (("critic", Loss.has_critic_side), ("generator", Loss.has_generator_side)):
        if not any(has(loss) and loss.weight > 0 for loss in plan.losses):
            raise InputError(f"{plan.where} [losses]: no loss says anything to the {side}. Add one that does")
    for key, component in plan.components():
        reason = component.check(plan)
        if reason is not None:
            raise InputError(f"{plan.where} [{key}]: {reason}")
