"""`zoo runs`: the trainings here, and how far they are."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoo.runs.summary import RunSummary

_TITLES = ("run", "state", "steps", "best", "size", "started")


@click.command("runs")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def runs(folder: Path | None, as_json: bool) -> None:
    """List the runs in FOLDER (without it, in runs/): state, steps, best figure and size."""
    from zoo.runs.record import RUNS
    from zoo.runs.summary import find_runs
    from zoo.system.console import say

    place = folder or RUNS
    found = find_runs(place)
    if as_json:
        click.echo(json.dumps([{**asdict(run), "path": str(run.path)} for run in found], indent=2))
        return
    if not found:
        say(f"{place}: there is no run in it. Start one with `zoo train camel-wgangp`")
        return
    rows = [_TITLES, *(_row(run) for run in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(run: RunSummary) -> tuple[str, ...]:
    steps = f"{run.step}/{run.steps}" if run.steps else str(run.step)
    best = "-" if run.best is None else f"{run.metric} {run.best:.2f} at {run.best_step}"
    started = run.started[:16].replace("T", " ")
    return str(run.path), run.state, steps, best, f"{run.bytes / 1e6:.1f} MB", started
