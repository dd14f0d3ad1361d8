"""Which checkpoint of a run its generator is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import InputError, IntegrityError, counted, quoted
from zoo.runs.checkpoints.checkpoint import load_checkpoint, newest_good
from zoo.runs.checkpoints.names import checkpoint_path, checkpoints
from zoo.runs.folder import refuse_nothing_learnt
from zoo.system.arguments import decimal_count
from zoo.system.console import warn

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.runs.checkpoints.checkpoint import Check
    from zoo.runs.checkpoints.nesting import State
    from zoo.runs.record import RunRecord


def chosen_state(run: Path, record: RunRecord, which: str, check: Check, most: int | None) -> State:
    """Return the state of the checkpoint that `which` names; raises as `write_generator` does.

    `check` and `most` are those of `load_checkpoint`.
    """
    there = checkpoints(run)
    if not there:
        raise InputError(f"{run}: it has no checkpoint yet. Go on with `zoo resume {quoted(run)}`")
    step = decimal_count(which)
    if step is not None:
        return _at_step(run, step, there, check, most)
    if which not in ("best", "last"):
        raise InputError(f"--checkpoint {which}: it is neither best nor last nor a step. Give one of these")
    refuse_nothing_learnt(run, record)
    if which == "best" and record.best is not None:
        try:
            return load_checkpoint(checkpoint_path(run, record.best.step), check, most)
        except IntegrityError as error:
            warn(f"{error}; the newest whole one stands in for the best")
    state, problems = newest_good(run, check, most)
    for problem in problems:
        warn(problem)
    if state is None:
        raise IntegrityError(
            f"{run}: of its {counted(len(there), 'checkpoint')} none is whole. Train it again"
        )
    return state


def _at_step(run: Path, step: int, there: list[Path], check: Check, most: int | None) -> State:
    path = checkpoint_path(run, step)
    if path not in there:
        steps = ", ".join(str(int(path.name.removeprefix("step-"))) for path in there)
        raise InputError(f"--checkpoint {step}: {run} has none of that step. It has {steps}")
    return load_checkpoint(path, check, most)
