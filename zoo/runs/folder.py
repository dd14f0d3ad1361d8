"""Finding runs and generators on this disk. Free of torch: `zoo generate RUN` passes here.

Of pydantic too, until a file is read: whoever starts on a folder in use is refused before that is imported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zoo.errors import BusyError, InputError, quoted
from zoo.pace.live import TRAINING
from zoo.pace.speed import in_words
from zoo.runs.lock import (
    RECORD,
    RUNS,
    holder,
    is_held,
    is_sweep,
    name_one_of,
    nameless_starts,
    progress_of,
    starts,
)
from zoo.system.arguments import decimal_count
from zoo.system.console import say

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.errors import ZooError
    from zoo.generators.folder import GeneratorFolder
    from zoo.pace.live import Progressing
    from zoo.runs.record import RunRecord

RECIPE = "recipe.toml"
GENERATOR = "generator"
METRICS = "metrics.jsonl"
REPORT = "report.html"
PROBES = "probes"
"""A folder: what each evaluation saw beside its figure."""
NEIGHBOURS = "neighbours.png"
"""In it: generated pictures of the last evaluation, the training image nearest to each, and other training images."""
WALK = "walk.png"
"""In it: walks through the latents, a column each and `WALK_FRAMES` rows, without anything between the pictures."""


def is_run(path: Path) -> bool:
    """Whether `path` is a run folder."""
    return (path / RECORD).is_file()


def run_folders(parent: Path) -> list[Path]:
    """Return the run folders in `parent`, and those of the sweeps in it."""
    there = sorted(parent.glob("*"))
    inside = (run for sweep in there if is_sweep(sweep) for run in sorted(sweep.glob("*")))
    return [path for path in (*there, *inside) if is_run(path)]


def latest_run(parent: Path = RUNS) -> Path:
    """Return the run under `parent` that was started last, by the time in its `run.json`.

    Raises:
        BusyError: it is just starting.
        InputError: there is none.
    """
    _refuse_starts(parent)
    return _newest_first(parent)[0]


def latest_generator(parent: Path = RUNS) -> Path:
    """Return the run under `parent` that was started last of those that have a generator; say so where it is not the
    latest run, and where it is training.

    Raises:
        BusyError: none has one, and the latest is training or starting.
        InputError: none has one, or there is no run.
    """
    from zoo.generators.folder import is_generator_folder

    if not run_folders(parent):
        _refuse_starts(parent)
    runs = _newest_first(parent)
    found = next((path for path in runs if is_generator_folder(path / GENERATOR)), None)
    if found is None:
        _refuse_starts(parent)
        raise _without_generator(runs[0])
    now = progress_of(found)
    if now is not None:
        say(f"taking the generator that {found} had before: it is {_at(now)}")
    elif starts(parent):
        say(f"taking {found}, the latest run with a generator: another one is starting")
    elif found != runs[0]:
        later = progress_of(runs[0])
        why = "has none" if later is None else f"has none yet, it is {_at(later)}"
        say(f"taking {found}, the latest run with a generator: {runs[0]} {why}")
    return found


def refuse_starting(path: Path) -> None:
    """Refuse a run folder in which a run is just starting, or that one which is starting may become.

    A sweep that trains is held too, and has begun.

    Raises:
        BusyError: it is so.
    """
    if not os.path.exists(path):  # noqa: PTH110 - False for whatever cannot be asked, where a Path may raise
        for start in nameless_starts(path.parent):
            raise BusyError(
                f"{path}: it is not there yet, and a run is starting in {path.parent}: {holder(start)}. Wait for its "
                "first step"
            )
    elif not is_run(path) and not is_sweep(path) and is_held(path):
        raise BusyError(f"{path}: {holder(path)} is starting a run in it. Wait for its first step")


def _refuse_starts(parent: Path) -> None:
    for path in starts(parent):
        raise BusyError(
            f"{parent}: a run is starting in it: {holder(path)}. Wait for its first step, or name a run"
        )


def _newest_first(parent: Path) -> list[Path]:
    from zoo.runs.record import read_records

    started = {path: record.started for path, record in read_records(run_folders(parent)).items()}
    if not started:
        raise InputError(f"{parent}: there is no run in it. Start one with `zoo train camel-wgangp`")
    return sorted(started, key=lambda path: started[path], reverse=True)


def _at(now: Progressing) -> str:
    """Return how far a training is, in words that follow `it is`."""
    left = "" if now.seconds_left is None else f", {in_words(now.seconds_left)} left"
    doing = "training" if now.doing == TRAINING else f"training ({now.doing})"
    due = (
        ""
        if now.checkpoint_in is None
        else f"; its next checkpoint is due in about {in_words(now.checkpoint_in)}"
    )
    return f"{doing}, at step {now.step} of {now.until}{left}{due}"


def _without_generator(path: Path) -> ZooError:
    now = progress_of(path)
    if now is not None:
        return BusyError(
            f"{path}: it is {_at(now)}. It makes its generator when it ends: wait for it, or stop it"
        )
    if is_held(path):
        return BusyError(f"{path}: {holder(path)} is at work in it, and it has no generator yet. Wait for it")
    # The checkpoint of step 0 holds nothing that was learnt.
    trained = len(list(path.glob("checkpoints/step-*"))) > 1
    make = (
        f"Make it with `zoo export {quoted(path)} --onnx --checkpoint best`, or go on" if trained else "Go on"
    )
    return InputError(f"{path}: this run has no generator yet. {make} with `zoo resume {quoted(path)}`")


def new_run_path(recipe: str, parent: Path = RUNS) -> Path:
    """Return the next free `runs/<recipe>-<n>`."""
    numbers = (decimal_count(path.name[len(recipe) + 1 :]) for path in parent.glob(f"{recipe}-*"))
    return parent / f"{recipe}-{max((number for number in numbers if number is not None), default=0) + 1}"


def refuse_nothing_learnt(run: Path, record: RunRecord) -> None:
    """Refuse a run that failed while its only checkpoint was that of step 0, from before it learnt anything.

    Raises:
        InputError: it is one.
    """
    if record.state == "failed" and not any(
        path.name.removeprefix("step-").strip("0") for path in run.glob("checkpoints/step-*[0-9]")
    ):
        raise InputError(
            f"{run}: it failed before its second checkpoint, by diverging or by a full disk, so it holds nothing "
            "that was learnt, and there is nothing to export. Train it again; after a divergence with lower learning "
            "rates (--set optimizers.critic.learning_rate=...) or --on-nan rollback"
        )


def generator_folder(path: Path) -> GeneratorFolder | None:
    """Open the generator folder that `path` is or, for a run, holds; None when it is neither.

    Raises:
        BusyError: the run has none yet, and is training or starting.
        InputError: the run has none yet, or `config.json` is wrong.
    """
    refuse_starting(path)
    from zoo.generators.folder import GeneratorFolder, is_generator_folder

    if is_run(path):
        folder = path / GENERATOR
        if not is_generator_folder(folder):
            from zoo.runs.record import read_record

            refuse_nothing_learnt(path, read_record(path))
            raise _without_generator(path)
        return GeneratorFolder.open(folder)
    if is_sweep(path):
        raise InputError(f"{path}: it is a sweep. {name_one_of(path)}")
    return GeneratorFolder.open(path) if is_generator_folder(path) else None
