"""Finding runs and generators on this disk. Free of torch: `zoo generate RUN` passes here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.generators.folder import GeneratorFolder, is_generator_folder
from zoo.runs.record import RECORD, RUNS, read_record
from zoo.system.console import warn

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = "recipe.toml"
GENERATOR = "generator"


def is_run(path: Path) -> bool:
    """Whether `path` is a run folder."""
    return (path / RECORD).is_file()


def latest_run(parent: Path = RUNS) -> Path:
    """Return the run under `parent` that was started last, by the time in its `run.json`.

    Raises:
        InputError: there is none.
    """
    started: dict[Path, str] = {}
    for path in sorted(parent.glob("*")):
        if is_run(path):
            try:
                started[path] = read_record(path).started
            except InputError as error:
                warn(f"{error}. It is left out")
    if not started:
        raise InputError(f"{parent}: there is no run in it. Start one with `zoo train camel-wgangp`")
    return max(started, key=lambda path: started[path])


def new_run_path(recipe: str, parent: Path = RUNS) -> Path:
    """Return the next free `runs/<recipe>-<n>`."""
    taken = [
        int(tail) for path in parent.glob(f"{recipe}-*") if (tail := path.name[len(recipe) + 1 :]).isdigit()
    ]
    return parent / f"{recipe}-{max(taken, default=0) + 1}"


def generator_folder(path: Path) -> GeneratorFolder | None:
    """Open the generator folder that `path` is or, for a run, holds; None when it is neither.

    Raises:
        InputError: the run has none yet, or `config.json` is wrong.
    """
    if is_run(path):
        folder = path / GENERATOR
        if not is_generator_folder(folder):
            raise InputError(f"{path}: this run has no generator yet. Go on with `zoo resume {path}`")
        return GeneratorFolder.open(folder)
    return GeneratorFolder.open(path) if is_generator_folder(path) else None
