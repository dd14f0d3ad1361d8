"""Everything that could be wrong with one of a sweep's runs, found before the first is trained."""

from __future__ import annotations

import json
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import InputError, UsageError, ZooError
from zoo.generators.command import asked_command
from zoo.recipes.sweep import SEED, combinations
from zoo.recipes.tables import set_value
from zoo.runs.lock import RUNS
from zoo.system.signals import deferred

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from zoo.components import Plan
    from zoo.images import StandIn
    from zoo.plugins.events import Events
    from zoo.recipes.sweep import Axis, Combination
    from zoo.recipes.tables import Table
    from zoo.runs.options import TrainOptions

_DECIDED = ("data", "architecture", "losses", "regularizers", "augmentations", "metric")
"""Tables that decide whether a training can begin; with what else memory and disk depend on, see `_decided`."""


@dataclass(frozen=True)
class Draft:
    """What a sweep is to train, checked."""

    plan: Plan
    """Of the first run."""
    table: Table
    """The recipe without what is swept."""
    runs: list[Combination]
    checkpoint_bytes: int
    """Of the run that has the largest."""
    command: str | None
    """That trains the same again, but for what is swept."""


def drafted(
    recipe: str,
    changes: Sequence[str],
    axes: Sequence[Axis],
    seeds: int | None,
    data: Path | None,
    options: TrainOptions,
) -> Draft:
    """Make a plan of every run, and prepare those that differ in what decides whether they can begin."""
    from zoo.plugins.collect import load_registry
    from zoo.plugins.planning import find_recipe, pinned, with_data
    from zoo.recipes.recipe import read_table

    with deferred():
        registry = load_registry()
    table = read_table(find_recipe(recipe))
    for change in changes:
        set_value(table, change)
    runs = combinations(axes, _seeds(table, axes, seeds))
    plans = _plans(recipe, changes, table, runs)
    _refuse_twice(runs, plans)
    if data is not None:
        plans = [with_data(plan, data, registry) for plan in plans]
    size, stand_in = _prepare_all(runs, plans, options, pin=not _sweeps(axes, "data"))
    command = asked_command(recipe, changes, data)
    if stand_in is not None:
        sample = plans[0].recipe.sample or {}
        table = pinned(table, sample, stand_in)
        if any(_sweeps(axes, key) for key in sample):
            command = (
                None  # here what is swept is laid over the sample's tables; there it would be below them
            )
    return Draft(plans[0], table, runs, size, command)


def _plans(recipe: str, changes: Sequence[str], table: Table, runs: Sequence[Combination]) -> list[Plan]:
    """Return a plan of every run; the first is read as ever, which warns of rivals."""
    from zoo.plugins.collect import load_registry
    from zoo.plugins.planning import load_plan, make_plan
    from zoo.recipes.recipe import parse_recipe

    tables = [_applied(table, run) for run in runs]
    with _naming(runs[0]):
        first = load_plan(recipe, [*changes, *runs[0].changes])
    plans = [first]
    for run, one in zip(runs[1:], tables[1:], strict=True):
        with _naming(run):
            plans.append(
                make_plan(parse_recipe(one, first.where), load_registry(), first.where, first.preferred)
            )
    return plans


def _prepare_all(
    runs: Sequence[Combination], plans: Sequence[Plan], options: TrainOptions, *, pin: bool
) -> tuple[int, StandIn | None]:
    """Prepare the plans, and return how large a checkpoint becomes, and what stands in for their images.

    With `pin` all have the same images, whatever the network does between one and the next.
    """
    from zoo.plugins.collect import load_registry
    from zoo.plugins.events import Events
    from zoo.plugins.planning import with_stand_in

    events = Events(options.trackers)
    sizes: dict[str, int] = {}
    stand_in: StandIn | None = None
    for run, given in zip(runs, plans, strict=True):
        plan = given if stand_in is None else with_stand_in(given, stand_in, load_registry())
        if _decided(plan) not in sizes:
            with _naming(run):
                prepared, size, found = _prepared(plan, options, events)
            stand_in = stand_in or (found if pin else None)
            sizes |= {_decided(plan): size, _decided(prepared): size}
    return max(sizes.values()), stand_in


def _prepared(plan: Plan, options: TrainOptions, events: Events) -> tuple[Plan, int, StandIn | None]:
    """Return the plan as it will be trained, how large a checkpoint becomes, and what stands in for its images.

    Its networks are gone when this returns: the next plan's need their memory.
    """
    from zoo.runs.new import prepare_plan

    ready = prepare_plan(plan, options)
    return ready.plan, ready.at(RUNS, events).checkpoint_bytes, ready.images.images.stand_in


@contextmanager
def _naming(run: Combination) -> Iterator[None]:
    """Say of which run an error is."""
    try:
        yield
    except ZooError as error:
        error.args = (f"{run.folder}: {error}",)
        raise


def _applied(table: Table, run: Combination) -> Table:
    changed = deepcopy(table)
    for change in run.changes:
        set_value(changed, change, "--sweep")
    return changed


def _seeds(table: Table, axes: Sequence[Axis], count: int | None) -> Sequence[int]:
    """Return the seeds of each combination of values; none where the seed is swept as a field."""
    if count is None and _sweeps(axes, SEED):
        return ()
    training = table.get("training")
    first = training.get("seed", 0) if isinstance(training, dict) else 0
    if type(first) is not int:
        raise InputError(f"{SEED}: {first!r} is no whole number. Change it")
    return range(first, first + (count or 1))


def _sweeps(axes: Sequence[Axis], key: str) -> bool:
    swept = [field for axis in axes for field in axis.fields]
    return any(field == key or field.startswith(f"{key}.") for field in swept)


def _decided(plan: Plan) -> str:
    tables, optimizers, training = plan.resolved(), plan.recipe.optimizers, plan.training
    # What an optimizer keeps of each weight is decided by its name, and not by its rates.
    named = [optimizers.critic.name, optimizers.generator.name]
    sizes = [training.batch_size, training.accumulate, *named]
    return json.dumps([*sizes, *(tables.get(name) for name in _DECIDED)], default=str)


def _refuse_twice(runs: Sequence[Combination], plans: Sequence[Plan]) -> None:
    """Refuse two runs that are the same training, as 1 and 1.0 may be."""
    seen: dict[str, str] = {}
    for run, plan in zip(runs, plans, strict=True):
        tables: dict[str, Any] = {**plan.resolved(), "name": "", "summary": ""}
        same = seen.setdefault(json.dumps(tables, sort_keys=True, default=str), run.folder)
        if same != run.folder:
            raise InputError(
                f"--sweep: {same} and {run.folder} are the same training. Leave one of the two out"
            )


def refuse_set_and_swept(axes: Sequence[Axis], changes: Sequence[str]) -> None:
    """Refuse, with a UsageError, to sweep what is set to one value too."""
    fixed = [change.partition("=")[0] for change in changes]
    for key in (key for axis in axes for key in axis.fields):
        inside = next((name for name in fixed if name == key or name.startswith(f"{key}.")), None)
        if inside is not None:
            raise UsageError(
                f"--sweep {key}: {inside} is set to one value too, by --set or by its own option. Give one of the two"
            )
