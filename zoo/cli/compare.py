"""`zoo compare`: runs and generators side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH
from zoo.cli.output import json_option, print_columns
from zoo.system.console import say
from zoo.system.paths import refuse_unfit_file
from zoo.system.terminal import echo, echo_json

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.reports.comparison.compare import Comparison


@click.command(short_help="Put runs, sweeps and generators side by side.")
@click.argument("names", type=NAME, nargs=-1, required=True, metavar="NAME...")
@click.option("--html", type=PATH, help="Write a page with curves and pictures to this file, too.")
@click.option(
    "--latency", is_flag=True, help="Measure how long a picture takes here, where there is an ONNX file."
)
@json_option
def compare(names: tuple[str, ...], html: Path | None, latency: bool, as_json: bool) -> None:
    """Put NAMEs side by side: runs, folders of sweeps, generator folders, .onnx files, pretrained ones, OWNER/NAME.

    Runs that differ only in their seed are one row, with mean and deviation.
    """
    from zoo.api import load
    from zoo.reports.comparison.compare import compare as compared

    if html is not None:
        refuse_unfit_file(html, "--html", "compare.html")
        if html.exists():
            say(f"{html}: what was there is replaced")
    comparison = compared(names, load, latency=latency)
    if html is not None:
        from zoo.reports.comparison.page import write_page

        write_page(comparison, html)
    if as_json:
        echo_json({**comparison.as_dict(), "html": None if html is None else str(html)})
    else:
        print_comparison(comparison)
        if html is not None:
            echo(html)
    for error in comparison.errors:
        # The others are shown; that these are not is still no success.
        raise error


def print_comparison(comparison: Comparison) -> None:
    """Print the table, and below it how the figures were measured and what is wrong with whom."""
    print_columns(comparison.table())
    for note in comparison.notes():
        echo(note)
