"""A run's checkpoint as a generator."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import UsageError
from zoo.runs.folder import is_run, refuse_starting
from zoo.runs.lock import held, near_runs

if TYPE_CHECKING:
    from zoo.generators.generator import Generator

BATCH = 64


def checkpoint_generator(run: Path, which: str) -> Generator:
    """Open the generator of a run's checkpoint: `best`, `last` or a step. The run is not changed.

    Raises:
        BusyError: another process is at work in the run.
        UsageError: it is no run.
        InputError: it has no such checkpoint.
        IntegrityError: the checkpoint is damaged.
    """
    refuse_starting(run)
    if not is_run(run):
        advice = near_runs(run) or "Leave it out"
        raise UsageError(f"--checkpoint: {run} is no run, so it has no checkpoints. {advice}")
    from zoo.evaluation.torch_generator import TorchGenerator
    from zoo.runs.generator.network import load_generator
    from zoo.runs.generator.write import write_generator

    with held(run), tempfile.TemporaryDirectory() as scratch:
        folder = write_generator(run, which, Path(scratch))
        generator = TorchGenerator(load_generator(folder), folder.config, BATCH)
    generator.name, generator.config = str(run), folder.config
    return generator
