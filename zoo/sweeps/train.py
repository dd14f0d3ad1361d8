"""Training a sweep, from its start or further."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.distributed.torchrun import refuse_ranks
from zoo.errors import InputError, UsageError
from zoo.recipes.recipe import STEPS_LIMIT
from zoo.runs.lock import held
from zoo.sweeps.in_turn import Sweep
from zoo.sweeps.record import read_sweep, write_sweep
from zoo.sweeps.start import started
from zoo.system.arguments import given_whole, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zoo.runs.options import TrainOptions
    from zoo.sweeps.end import Ended
    from zoo.sweeps.in_turn import MakeDisplay
    from zoo.sweeps.record import SweepRecord
    from zoo.sweeps.start import Wish


def train_sweep(
    recipe: str,
    changes: Sequence[str],
    wish: Wish,
    *,
    data: Path | None,
    out: Path | None,
    options: TrainOptions,
    make_display: MakeDisplay,
) -> Ended:
    """Train every run of a new sweep, and say how that ended; raises as `zoo.sweeps.start.started` does."""
    refuse_ranks("sweep")
    with started(recipe, changes, wish, data=data, out=out, options=options) as (path, record):
        return Sweep(path, record, options, make_display).train()


def resume_sweep(
    path: Path,
    steps: int | None,
    changes: Sequence[str],
    options: TrainOptions,
    make_display: MakeDisplay,
) -> Ended:
    """Go on with the run that was stopped and those that have not begun; what came to its end is left alone.

    A run that diverged is tried again where `options` ask for rollbacks, and the sweep did not.

    Args:
        path: the folder of a sweep.
        steps: generator steps of each run in all, in place of the recipe's.
        changes: of other fields, which are refused: the runs of a sweep differ in what it sweeps alone.
        options: how to train; what they leave open is as before.
        make_display: makes what shows a run.

    Raises:
        BusyError: another process is at work in it.
        InputError: its `sweep.json` is wrong, or no recipe can have so many steps.
        UsageError: a change is asked for, or steps, and it sweeps them.
    """
    refuse_ranks(str(path))
    if steps is not None:
        steps = _fit_steps(steps)
    if changes:
        raise UsageError(
            f"--set {changes[0]}: {path} is a sweep, and its runs differ in nothing but what it sweeps. "
            "Resume one of its runs, or start a new sweep"
        )
    with held(path):
        record = read_sweep(path)
        if steps is not None:
            _refuse_swept_steps(path, record)
            record.steps = steps
        record.failures = {}
        write_sweep(path, record)
        return Sweep(path, record, options, make_display).train()


def _fit_steps(steps: int) -> int:
    """Return Python's number for numpy's, too, which JSON does not take."""
    steps = given_whole(steps, "steps")
    if not 1 <= steps <= STEPS_LIMIT:
        raise InputError(f"steps: {shown(steps)} is not between 1 and {STEPS_LIMIT:,}. Give a number that is")
    return steps


def _refuse_swept_steps(path: Path, record: SweepRecord) -> None:
    if any(change.startswith("training.steps=") for run in record.runs for change in run.changes):
        raise UsageError(f"--steps: {path} sweeps training.steps. Resume one of its runs, or leave it out")
