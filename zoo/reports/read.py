"""Reading a run's history back from its folder, whoever it comes from; needs torch only to ask components."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from zoo.errors import InputError, ZooError
from zoo.history import FIGURE_LIMIT, Curve, History, Probe
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import make_plan
from zoo.recipes.recipe import read_recipe
from zoo.runs.folder import METRICS, PROBES, RECIPE
from zoo.runs.record import read_record
from zoo.system.regular_files import open_regular, read_regular
from zoo.system.strict_json import objects_in_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zoo.recipes.recipe import Recipe

POINTS_LIMIT = 1_000_000
"""Figures of the log that are read; the rest is left out."""
LINES_LIMIT = 500_000
LOG_LIMIT = 256 << 20
"""Bytes of the log that are read, to within a line."""
CURVES_LIMIT = 64
NAME_LIMIT = 80
PROBES_LIMIT = 2_000
"""The last ones are read."""
PROBE_LIMIT = 1 << 18


def read_history(run: Path) -> History:
    """Return a run's history: its record, its recipe, its curves and what its probes saw.

    Lines and probes that are damaged are passed over; of a huge log the beginning is read, a million figures at most.

    Raises:
        InputError: it is no run, its `run.json` is wrong, or its log cannot be read.
    """
    record = read_record(run)
    curves = read_curves(run)
    probes = tuple(probe for probe in _probes(run) if probe.step <= max(record.step, _last_step(curves)))
    recipe = _recipe(run)
    history = History(record.as_dict(), recipe, curves, probes, higher_is_better=record.higher_is_better)
    return with_facts(history, str(run / RECIPE))


def with_facts(history: History, where: str) -> History:
    """Return a history with what its recipe's losses say of themselves, where the plugins that bring them are here."""
    if history.recipe is None:
        return history
    try:
        plan = make_plan(history.recipe, load_registry(), where)
    except ZooError:
        return history
    target, index = max(
        ((loss.slope_target, at) for at, loss in enumerate(plan.losses) if loss.slope_target is not None),
        default=(None, None),
    )
    return replace(
        history,
        scores_are_logits=any(loss.scores_are_logits for loss in plan.losses),
        slope_target=target,
        slope_weight=None if index is None else f"losses.{index}.weight",
        higher_is_better=history.higher_is_better if plan.metric is None else plan.metric.higher_is_better,
    )


def _recipe(run: Path) -> Recipe | None:
    try:
        return read_recipe(run / RECIPE)
    except ZooError:
        return None


def read_curves(run: Path) -> dict[str, Curve]:
    """Return each figure by its name, over increasing steps: what a killed process wrote twice counts once."""
    points: dict[str, dict[int, float]] = {}
    left = POINTS_LIMIT
    for entry in _entries(run / METRICS):
        step = entry.get("step")
        if type(step) is not int or not 0 <= step < 2**53:
            continue
        for name, value in entry.items():
            if name == "step" or type(value) not in (int, float) or abs(value) > FIGURE_LIMIT:
                continue
            new = len(points) < CURVES_LIMIT and len(name) <= NAME_LIMIT and name.isprintable()
            if left and (name in points or new):
                points.setdefault(name, {})[step] = float(value)
                left -= 1
        if not left:
            break
    return {name: _curve(found) for name, found in points.items()}


def _curve(found: dict[int, float]) -> Curve:
    steps = np.array(sorted(found), np.int64)
    return Curve(steps, np.array([found[int(step)] for step in steps]))


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with open_regular(path, links=False) as file:
            yield from objects_in_lines(file, lines=LINES_LIMIT, size=LOG_LIMIT)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror}. Mend that") from error


def _probes(run: Path) -> Iterator[Probe]:
    for path in files_by_step(run / PROBES, ".json")[-PROBES_LIMIT:]:
        with suppress(OSError, ValidationError):
            yield Probe.model_validate_json(read_regular(path, PROBE_LIMIT, links=False))


def files_by_step(folder: Path, ending: str) -> list[Path]:
    """Return the files `step-N` of a folder in the order of their steps."""
    found = {path: path.stem.removeprefix("step-") for path in folder.glob(f"step-*{ending}")}
    numbered = {
        path: int(step)
        for path, step in found.items()
        if step.isascii() and step.isdecimal() and len(step) < 20
    }
    return sorted(numbered, key=lambda path: numbered[path])


def _last_step(curves: dict[str, Curve]) -> int:
    return max((int(curve.steps[-1]) for curve in curves.values() if len(curve)), default=0)
