"""`zoo runs`: the trainings here, and how far they are."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import PATH
from zoo.cli.output import json_option, print_columns
from zoo.errors import counted, rounded
from zoo.pace.speed import in_words
from zoo.system.console import say
from zoo.system.terminal import echo_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zoo.generators.measures import Measure
    from zoo.runs.summary import RunSummary

_COLUMNS_LIMIT = 4
"""Of best figures."""


@click.command("runs", short_help="List the runs: state, steps, best figure, size.")
@click.argument("folder", type=PATH, required=False)
@json_option
def runs(folder: Path | None, as_json: bool) -> None:
    """List the runs in FOLDER (without it, in runs/): state, steps, speed, time left, best figure and size."""
    from zoo.errors import InputError
    from zoo.runs.lock import RUNS
    from zoo.runs.summary import find_runs

    parent = folder or RUNS
    if folder is not None and not folder.is_dir():
        what = "it is a file" if folder.exists() else "there is no such folder"
        raise InputError(f"{folder}: {what}. Give a folder that holds runs, or leave it out for {RUNS}/")
    found = find_runs(parent)
    if as_json:
        echo_json([{**asdict(run), "path": str(run.path)} for run in found])
        return
    if not found:
        say(f"{parent}: there is no run in it. Start one with `zoo train camel-wgangp`")
        return
    print_runs(found)


def print_runs(found: Sequence[RunSummary]) -> None:
    """Print a row for each run; best figures that were measured in different ways stand in columns of their own."""
    newest = dict.fromkeys(run.measure for run in reversed(found) if run.measure is not None)
    shown = [*newest][:_COLUMNS_LIMIT][::-1]
    headings = [f"best [{number}]" for number in range(1, len(shown) + 1)] if len(shown) > 1 else ["best"]
    titles = ("run", "state", "steps", "speed", "left", *headings, "size", "started")
    print_columns([titles, *(_row(run, shown) for run in found)])
    if len(shown) > 1:
        say("Best figures in different columns were measured in different ways: `zoo compare` says how")
    left_out = sum(run.measure is not None and run.measure not in shown for run in found)
    if left_out:
        say(f"Those of {counted(left_out, 'older run')}, measured in more ways still, are left out")


def _row(run: RunSummary, measures: Sequence[Measure]) -> tuple[str, ...]:
    steps = f"{run.step}/{run.steps}" if run.steps else str(run.step)
    if run.state == "starting" and not run.steps:
        steps = ""  # nobody has said yet
    best = "-" if run.best is None else f"{run.metric} {rounded(run.best)} at {run.best_step}"
    figures = [best if run.measure == measure else "-" for measure in measures] or ["-"]
    started = run.started[:16].replace("T", " ")
    # A training that has not begun has no speed yet; one that is over has none any more.
    unknown = "" if run.under_way else "-"
    speed = unknown if run.images_per_second is None else f"{run.images_per_second:.0f} images/s"
    left = unknown if run.seconds_left is None else in_words(run.seconds_left)
    size = f"{run.bytes / 1e6:.1f} MB"
    return str(run.path), run.doing or run.state, steps, speed, left, *figures, size, started
