"""From names to what is known of each: runs, sweeps, generator folders, ONNX files, names on the Hub."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import InputError, ZooError
from zoo.generators.bundled import bundled_folder
from zoo.generators.folder import GeneratorFolder, is_generator_folder
from zoo.generators.measures import bounded, measure_of
from zoo.recipes.recipe import read_recipe
from zoo.recipes.sweep import SEED
from zoo.reports.comparison.entry import CURVES, NOT_BEGUN, Entry
from zoo.reports.comparison.generators import (
    file_entry,
    folder_facts,
    known_direction,
    named_entry,
)
from zoo.reports.comparison.strips import strip_of
from zoo.reports.read import files_by_step, read_curves
from zoo.runs.folder import GENERATOR, RECIPE, is_run, refuse_starting
from zoo.runs.lock import is_sweep
from zoo.runs.record import read_record
from zoo.runs.summary import state_of
from zoo.sweeps.record import read_sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from zoo.generators.measures import Measure
    from zoo.reports.comparison.generators import Load
    from zoo.runs.record import RunRecord

ENTRIES_LIMIT = 500


def read_entries(names: Sequence[str], load: Load) -> tuple[list[Entry], list[ZooError]]:
    """Return what is known of each name, in order, each thing once, and why some could not be read.

    A name that cannot be read is an entry with its problem too.

    Raises:
        InputError: there are too many.
    """
    entries: dict[str, Entry] = {}
    errors: list[ZooError] = []
    for name in names:
        try:
            for place, entry in _entries(name, load):
                entries.setdefault(place, entry)
        except ZooError as error:
            errors.append(error)
            entries.setdefault(name, Entry(name, "run", problem=str(error)))
        if len(entries) > ENTRIES_LIMIT:
            raise InputError(f"compare: at most {ENTRIES_LIMIT} runs and generators are compared. Name fewer")
    return list(entries.values()), errors


def _entries(name: str, load: Load) -> Iterator[tuple[str, Entry]]:
    """Yield what a name stands for, and what tells it from others."""
    path = Path(name)
    refuse_starting(path)
    if is_sweep(path):
        yield from ((str((path / folder).resolve()), entry) for folder, entry in _of_sweep(path))
    elif is_run(path):
        yield str(path.resolve()), run_entry(path)
    elif path.is_dir() and is_generator_folder(path):
        yield str(path.resolve()), Entry(name, "generator", **folder_facts(GeneratorFolder.open(path)))
    elif path.is_dir():
        raise InputError(
            f"{path}: it is neither a run, a sweep nor a generator folder. Give one of these, an .onnx file or a name"
        )
    elif path.exists():
        yield str(path.resolve()), file_entry(path, load)
    elif (bundled := bundled_folder(name)) is not None:
        facts = folder_facts(GeneratorFolder.open(bundled))
        yield str(bundled), Entry(name, "generator", **{**facts, "onnx": name})
    else:
        yield name, named_entry(name, load)


def _of_sweep(sweep: Path) -> Iterator[tuple[str, Entry]]:
    record = read_sweep(sweep)
    for run in record.runs:
        path, failure = sweep / run.folder, record.failures.get(run.folder)
        problem = None if failure is None else failure.message
        if not is_run(path):
            yield run.folder, Entry(str(path), "run", record.recipe, NOT_BEGUN, problem)
            continue
        try:
            yield run.folder, run_entry(path)
        except ZooError as error:
            yield run.folder, Entry(str(path), "run", record.recipe, problem=str(error))


def run_entry(path: Path) -> Entry:
    """Return what is known of a run.

    Raises:
        InputError: its `run.json`, its log or its generator's `config.json` is wrong.
    """
    record = read_record(path)
    curves = read_curves(path)
    speed = curves.get("images_per_second")
    best, data = record.best, record.data
    measure = measure_of(record.metric, record.protocol, data, known_direction(record))
    value = None if best is None else bounded(best.value)
    own = {} if value is None or measure is None else {measure: value}
    left = _left_behind(path)
    kept = [*CURVES, *([record.metric] if record.metric else [])]
    return Entry(
        **{
            **left,
            "name": str(path),
            "kind": "run",
            "recipe": record.recipe,
            "state": state_of(path, record.state),
            "problem": _problem(record) or left.get("problem"),
            "seed": record.seed,
            "settings": _settings(path),
            "step": record.step,
            "steps": record.steps,
            "best_step": None if best is None else best.step,
            "measure": measure,
            "figures": {**_evaluated(left), **own},
            "fingerprint": data.fingerprint,
            "seconds": bounded(record.seconds) or None,
            "images_per_second": float(np.median(speed.values)) if speed is not None else None,
            "hardware": f"{record.hardware}, {record.precision}",
            "curves": {name: curves[name] for name in kept if name in curves},
        }
    )


def _left_behind(run: Path) -> dict[str, Any]:
    """Return what a run's generator says, or of one that has none, its last sample grid."""
    facts: dict[str, Any] = {}
    if is_generator_folder(run / GENERATOR):
        try:
            facts = folder_facts(GeneratorFolder.open(run / GENERATOR))
            facts["onnx"] = None if facts["onnx"] is None else str(run)
        except ZooError as error:
            facts = {"problem": str(error)}
    if facts.get("strip") is None:
        grids = files_by_step(run / "samples", ".png")
        facts["strip"] = strip_of(grids[-1]) if grids else None
    return facts


def _evaluated(generator: Mapping[str, Any]) -> dict[Measure, float]:
    """Return the figures that were measured of a run's generator later: its training's own, `run.json` knows better."""
    found: Mapping[Measure, float] = generator.get("figures", {})
    return {measure: value for measure, value in found.items() if measure != generator["measure"]}


def _problem(record: RunRecord) -> str | None:
    if record.state != "failed":
        return None
    if record.divergence is None:
        return "it failed"
    return f"it diverged at step {record.divergence.step}: {record.divergence.cause}"


def _settings(run: Path) -> Mapping[str, Any] | None:
    """Return the recipe's fields, lists of plain values whole; None where there is no recipe to read."""
    with suppress(ZooError):
        fields = dict(_leaves(read_recipe(run / RECIPE).model_dump(mode="json")))
        return {key: value for key, value in fields.items() if key not in (SEED, "name", "summary")}
    return None


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        entries = value
        if isinstance(value, (list, tuple)) and any(isinstance(entry, dict) for entry in value):
            entries = {str(index): entry for index, entry in enumerate(value)}
        if isinstance(entries, dict):
            yield from _leaves(entries, f"{above}{key}.")
        elif value not in (None, []):
            yield f"{above}{key}", value
