"""Which checkpoints go: those before the last three, those that a run has gone back behind, half-written ones."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from zoo.errors import InputError, ResourceError
from zoo.runs.checkpoints.names import FOLDER, checkpoint_path, checkpoints, is_ours
from zoo.runs.folder import PROBES
from zoo.system.atomic import remove_folder
from zoo.system.scratch import sweep_files, sweep_folders

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN_IN = ("", "samples", PROBES, "generator", "generator/onnx")
"""Folders of a run in which files are replaced."""
KEEP = 3
"""Checkpoints that stay beside the best one."""


def drop_after(run: Path, step: int) -> None:
    """Remove the checkpoints after `step`: a run that has gone back to it makes them again.

    Raises:
        InputError: one holds something that no training wrote; it stays.
    """
    for path in checkpoints(run):
        if int(path.name[len("step-") :]) > step:
            try:
                remove_folder(path, is_ours)
            except FileExistsError as error:
                raise InputError(
                    f"{path}: {error.strerror}, and the run goes on from step {step}. Move that elsewhere"
                ) from error
            except OSError as error:
                raise ResourceError(f"{path}: it cannot be removed: {error.strerror}. Mend that") from error


def sweep(run: Path) -> None:
    """Remove what killed processes were writing, by its name; what somebody writes still, an export say, stays."""
    for folder in WRITTEN_IN:
        sweep_files(run / folder)
    sweep_folders(run / FOLDER, is_ours)


def prune(run: Path, best: int | None) -> None:
    """Remove all but the last three checkpoints, the best one, and those into which somebody put something else."""
    keep = set(checkpoints(run)[-KEEP:])
    if best is not None:
        keep.add(checkpoint_path(run, best))
    for path in checkpoints(run):
        if path not in keep:
            # What cannot be removed now may be at the next pruning.
            with suppress(OSError):
                remove_folder(path, is_ours)
