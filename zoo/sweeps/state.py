"""What became of one run of a sweep. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import InputError, IntegrityError
from zoo.generators.folder import GeneratorFolder, is_generator_folder
from zoo.runs.folder import GENERATOR, is_run
from zoo.runs.record import read_record
from zoo.sweeps.record import Failure

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.runs.record import RunRecord


def has_ended(run: Path, steps: int | None) -> bool:
    """Whether a run has made all its steps, of which it was asked for `steps`, and left a generator."""
    record = _record(run)
    if record is None or record.state != "done" or record.step < (steps or record.steps):
        return False
    folder = run / GENERATOR
    try:
        return (
            is_generator_folder(folder) and GeneratorFolder.open(folder).config.training.steps == record.step
        )
    except (InputError, IntegrityError):
        return False


def divergence_of(run: Path) -> Failure | None:
    """Return what ended a run that diverged; None for every other."""
    record = _record(run)
    if record is None or record.state != "failed" or record.divergence is None:
        return None
    return Failure(message=f"step {record.divergence.step}: {record.divergence.cause}", exit_code=10)


def _record(run: Path) -> RunRecord | None:
    """Return a run's record; None where it has none, or a damaged one, which whoever goes on with it is told of."""
    try:
        return read_record(run) if is_run(run) else None
    except InputError:
        return None
