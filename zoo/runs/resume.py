"""Going on with a training: from a run folder to a run at its newest good checkpoint."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast, get_args

from zoo.data.split import split
from zoo.distributed.leader import make_trainer
from zoo.errors import InputError, IntegrityError, counted
from zoo.evaluation.measure import RealImages, rehearse
from zoo.plugins.collect import load_registry
from zoo.plugins.events import Events
from zoo.plugins.planning import load_plan
from zoo.recipes.tables import flattened
from zoo.runs.checkpoints.checkpoint import newest_good
from zoo.runs.checkpoints.run_state import check_run_state
from zoo.runs.folder import RECIPE
from zoo.runs.lock import RECORD
from zoo.runs.new import refuse_unpublishable
from zoo.runs.options import DEFAULTS, TrainOptions
from zoo.runs.record import Change, RunRecord, read_record
from zoo.runs.run import Run
from zoo.runs.saving import most_tensor_bytes
from zoo.system.console import warn
from zoo.system.signals import deferred
from zoo.training.device import DeviceChoice, PrecisionChoice, choose_device, choose_precision, environment
from zoo.training.memory.refusal import refuse_without_memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from zoo.runs.checkpoints.nesting import State

FITTED = ("architecture.", "metric.", "optimizers.critic.name", "optimizers.generator.name", "training.seed")
"""Fields that what is in a checkpoint fits: weights, best figure, optimizers' slots, random numbers."""


def reopen(path: Path, changes: Sequence[str] = (), options: TrainOptions = DEFAULTS) -> Run:
    """Make an existing run ready to go on from its newest good checkpoint.

    Args:
        path: the run folder, held by this process.
        changes: `key.path=value` for fields of the recipe, recorded in `run.json`; never of the architecture.
        options: how to train; what they leave open is as before.

    Raises:
        InputError: it is no run, a change is refused, or the data is not what it was trained on.
        UsageError: there is no such tracker.
        IntegrityError: it has checkpoints, and none of them is whole.
    """
    record = read_record(path)
    device_before, precision_before = _recorded(path, record)
    with deferred():
        events = Events(options.trackers)
        plan = load_plan(path / RECIPE, changes, where=str(path / RECIPE), preferred=record.versions)
        device = options.ranks.local(choose_device(options.device or device_before))
        precision = choose_precision(options.precision or precision_before, device)
        refuse_without_memory(plan, device, precision, options.ranks.size)
        unchanged = (
            load_plan(path / RECIPE, where=str(path / RECIPE), preferred=record.versions) if changes else plan
        )
        state = _state(path, record, most_tensor_bytes(unchanged))
    now = flattened(plan.resolved())
    if state is not None:
        _refuse_other_fits(flattened(state["recipe"]), now)
    images = plan.data.images()
    trained = record.data.fingerprint if state is None else state["fingerprint"]
    if images.fingerprint != trained:
        raise InputError(
            f"{path}: it was trained on images with fingerprint {trained[:12]}, {images.source} has "
            f"{images.fingerprint[:12]}. Bring those images back, or start a new run"
        )
    if state is None:
        with deferred():
            refuse_unpublishable(plan)
    eager = record.eager if options.eager is None else options.eager
    with deferred():
        trainer = make_trainer(plan, images, device, precision, options.ranks, eager=eager)
    real = RealImages(images, split(len(images)))
    rehearse(plan, real, device)
    if (state is None and changes) or precision != record.precision:
        record.train_command = None  # it would not train the same
    run = Run(path, plan, real, trainer, record, events)
    plugins = load_registry().versions(component for _, component in plan.components())
    here = environment(device, precision, options.ranks.size, plugins)
    if state is not None:
        state = _fitting(run, state, now)
        # Checkpoints from before there were ranks say nothing of them.
        _say_what_differs(path, {"ranks": 1, **flattened(state["surroundings"])}, flattened(here))
        run.load(state)
        _record_changes(record, run.step, flattened(state["recipe"]), now)
    for name, value in here.items():
        setattr(record, name, value)
    record.eager = eager
    return run


def _state(path: Path, record: RunRecord, most: int | None) -> State | None:
    state, problems = newest_good(path, check_run_state, most)
    for problem in problems:
        warn(problem)
    if state is None and problems:
        raise IntegrityError(
            f"{path}: of its {counted(len(problems), 'checkpoint')} none is whole. Start a new run"
        )
    if state is None and record.step:
        raise IntegrityError(
            f"{path}: its checkpoints are gone; it had made {counted(record.step, 'step')}. Start a new run"
        )
    if state is None:
        warn(f"{path}: it has no checkpoint yet, so it begins at step 0")
    return state


def _fitting(run: Run, state: State, now: Mapping[str, Any]) -> State:
    """Return `state` if it fits the run's networks, else the newest before it that was made alike and does.

    Raises:
        InputError: none does, and the recipe is no longer that of the checkpoint.
        IntegrityError: none does.
    """

    def check(other: State) -> None:
        run.check(other)
        differing = [name for name in _differing(flattened(other["recipe"]), now) if name.startswith(FITTED)]
        if differing or other["fingerprint"] != state["fingerprint"]:
            raise ValueError(f"it is of another training ({', '.join(differing) or 'its images'})")

    with suppress(ValueError):
        run.check(state)
        return state
    found, problems = newest_good(run.path, check, most_tensor_bytes(run.plan))
    if found is None:
        reason = problems[0].removesuffix(". Use another checkpoint")
        if any(name.startswith(FITTED) for name in _differing(flattened(state["recipe"]), now)):
            raise InputError(
                f"{reason}: it does not fit {RECIPE}. Set back what was changed, or start a new run"
            )
        raise IntegrityError(f"{reason}, and there is no other that fits. Start a new run")
    for problem in problems:
        warn(problem)
    return found


def _recorded(path: Path, record: RunRecord) -> tuple[DeviceChoice, PrecisionChoice]:
    """Return device and precision; a record with other ones is damaged."""
    device, precision = record.device, record.precision
    if device not in get_args(DeviceChoice) or precision not in get_args(PrecisionChoice):
        raise InputError(
            f"{path / RECORD}: there is no device {device!r} with precision {precision!r}. Restore it or start anew"
        )
    return cast("DeviceChoice", device), cast("PrecisionChoice", precision)


def _refuse_other_fits(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    changed = [field for field in _differing(before, now) if field.startswith(FITTED)]
    if changed:
        raise InputError(
            f"{changed[0]}: it is {now.get(changed[0])}, and the checkpoint fits only {before.get(changed[0])}, "
            "as it was. Start a new run for another"
        )


def _say_what_differs(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    differing = [f"{name} was {before.get(name)} and is {now.get(name)}" for name in _differing(before, now)]
    if differing:
        warn(f"{path}: {', '.join(differing)}: it goes on, but not bit for bit as it would have")


def _record_changes(record: RunRecord, step: int, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    known = {
        f"optimizers.{side}.learning_rate": rate
        for last in record.rollbacks[-1:]
        for side, rate in last.learning_rates.items()
    }
    fields = {
        field: [before.get(field), now.get(field)]
        for field in _differing(before, now)
        if field not in known or known[field] != now.get(field)
    }
    if fields:
        record.add_change(Change(step=step, fields=fields))


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(field for field in before.keys() | now.keys() if before.get(field) != now.get(field))
