"""`zoo runs`: the trainings here, and how far they are."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import PATH
from zoo.cli.output import json_option, print_columns
from zoo.errors import rounded
from zoo.pace.speed import in_words
from zoo.system.terminal import echo_json

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.runs.summary import RunSummary

_TITLES = ("run", "state", "steps", "speed", "left", "best", "size", "started")


@click.command("runs", short_help="List the runs: state, steps, best figure, size.")
@click.argument("folder", type=PATH, required=False)
@json_option
def runs(folder: Path | None, as_json: bool) -> None:
    """List the runs in FOLDER (without it, in runs/): state, steps, speed, time left, best figure and size."""
    from zoo.errors import InputError
    from zoo.runs.lock import RUNS
    from zoo.runs.summary import find_runs
    from zoo.system.console import say

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
    print_columns([_TITLES, *(_row(run) for run in found)])


def _row(run: RunSummary) -> tuple[str, ...]:
    steps = f"{run.step}/{run.steps}" if run.steps else str(run.step)
    best = "-" if run.best is None else f"{run.metric} {rounded(run.best)} at {run.best_step}"
    started = run.started[:16].replace("T", " ")
    speed = "-" if run.images_per_second is None else f"{run.images_per_second:.0f} images/s"
    left = "-" if run.seconds_left is None else in_words(run.seconds_left)
    size = f"{run.bytes / 1e6:.1f} MB"
    return str(run.path), run.doing or run.state, steps, speed, left, best, size, started
