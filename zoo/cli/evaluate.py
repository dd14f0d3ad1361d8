"""`zoo evaluate`. Imports no torch before a metric needs it."""

from __future__ import annotations

from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH, Whole
from zoo.cli.output import json_option, print_columns
from zoo.errors import left_out, rounded
from zoo.figures.result import SPLITS
from zoo.generators.measures import better
from zoo.system.console import ErrorStream, say
from zoo.system.terminal import echo, echo_json

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.figures.result import Evaluation, Figure, SplitChoice


@click.command(short_help="Measure how good a generator is.")
@click.argument("name", type=NAME)
@click.option("--data", type=PATH, help="A .npy file, folder or zip in place of the recipe's data.")
@click.option(
    "--metric",
    "metrics",
    type=NAME,
    multiple=True,
    metavar="NAME[:FEATURES][,...]",
    help="What to measure: swd, kid:drawings.  [default: the recipe's metric and all others that can be]",
)
@click.option("--features", type=NAME, help="What metrics look through, where no colon names it: drawings.")
@click.option(
    "--set", "changes", multiple=True, metavar="METRIC.FIELD=VALUE", help="Change a field: swd.patches=64."
)
@click.option("-n", "pictures", type=Whole(1), default=10_000, show_default=True, help="Pictures to make.")
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    default="auto",
    show_default=True,
    help="Real images to compare with; auto is those held out from training, where there are any.",
)
@click.option("--seed", type=Whole(0, 2**64 - 1), default=0, show_default=True, help="Of the pictures.")
@click.option("--checkpoint", type=NAME, metavar="best|last|N", help="Take this checkpoint of a run.")
@click.option("--ends", is_flag=True, help="Measure real images and noise too: the ends of each scale.")
@click.option(
    "--write", is_flag=True, help="Write the figures into the generator's folder, for its model card."
)
@json_option
def evaluate(
    name: str,
    data: Path | None,
    metrics: tuple[str, ...],
    features: str | None,
    changes: tuple[str, ...],
    pictures: int,
    split: SplitChoice,
    seed: int,
    checkpoint: str | None,
    ends: bool,
    write: bool,
    as_json: bool,
) -> None:
    """Measure how good a generator is: compare its pictures with real images.

    NAME is a run, a generator folder, an .onnx file, OWNER/NAME[@REVISION] or one of the pretrained generators that
    `zoo list` shows. Figures can be compared only where the line that says how they were measured is the same.
    """
    from zoo.cli.screen.pictures import with_progress
    from zoo.figures.evaluate import evaluate as measure
    from zoo.figures.publish import folder_to_write, write_figures

    folder = folder_to_write(name) if write else None
    with redirect_stdout(ErrorStream()):
        found = measure(
            name,
            data=data,
            metrics=metrics,
            features=features,
            changes=changes,
            pictures=pictures,
            split=split,
            seed=seed,
            checkpoint=checkpoint,
            ends=ends,
            into=folder,
            show=with_progress,
        )
    if as_json:
        echo_json(found.as_dict())
    else:
        _print(found)
    say(f"{found.pictures_per_second:,.0f} pictures/s; {found.seconds:.1f} s in all")
    if folder is not None:
        say(f"{write_figures(folder, found).path}: its config.json holds these figures now")


def _print(found: Evaluation) -> None:
    """Print a row for each figure, and below how each came about."""
    ends = any(figure.real is not None for figure in found.figures)
    titles = ("metric", "figure", *(("real", "noise") if ends else ()), "better")
    print_columns([titles, *(_row(figure, ends=ends) for figure in found.measured)])
    echo("")
    for figure in found.measured:
        echo(f"{figure.metric}: {figure.protocol}")
    for line in left_out(_missing(figure) for figure in found.figures if figure.value is None):
        say(line)


def _missing(figure: Figure) -> tuple[str, str]:
    """Return a metric's name and why it has no figure; errors call it with or without what it looks through."""
    return figure.metric, figure.missing.removeprefix(f"{figure.metric.partition(':')[0]}: ")


def _row(figure: Figure, *, ends: bool) -> tuple[str, ...]:
    numbers = (figure.value, *((figure.real, figure.noise) if ends else ()))
    cells = ("-" if number is None else rounded(number) for number in numbers)
    return (figure.metric, *cells, better(figure.higher_is_better))
