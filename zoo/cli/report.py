"""`zoo report` and `zoo diagnose`: what became of a training."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import PATH
from zoo.cli.output import json_option
from zoo.errors import UsageError, counted, quoted
from zoo.system.console import say
from zoo.system.paths import refuse_missing_parent
from zoo.system.terminal import echo, echo_json

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("run", type=PATH, required=False)
@click.option("--out", type=PATH, help="The file; without it RUN/report.html.")
def report(run: Path | None, out: Path | None) -> None:
    """Write a page about RUN (without it, the latest)."""
    from zoo.reports.page import write_report
    from zoo.runs.folder import latest_run

    if out is not None:
        refuse_missing_parent(out, "--out")
        if out.is_dir():
            raise UsageError(f"--out {out}: it is a folder. Give a file, like {quoted(out / 'report.html')}")
        if out.exists():
            say(f"{out}: what was there is replaced")
    echo(write_report(run or latest_run(), out))


@click.command()
@click.argument("run", type=PATH, required=False)
@json_option
def diagnose(run: Path | None, as_json: bool) -> None:
    """Say what ails RUN (without it, the latest)."""
    from zoo.reports.health import diagnose as find
    from zoo.reports.health import in_lines
    from zoo.reports.read import read_history
    from zoo.runs.folder import latest_run

    path = run or latest_run()
    history = read_history(path)
    findings = find(history)
    if as_json:
        echo_json([asdict(finding) for finding in findings])
        return
    for line in in_lines(findings):
        echo(line)
    if not findings:
        more = "" if history.probes else "; its first evaluation, which looks closer, is still to come"
        say(f"{path}: no symptom was found in {counted(history.steps, 'step')}{more}")
