"""`zoo train` and `zoo resume`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, get_args

import click

from zoo.cli.arguments import NAME, PATH, Whole
from zoo.distributed.torchrun import follows, refuse_ranks
from zoo.recipes.sweep import SEEDS_LIMIT
from zoo.runs.options import DEVICES, PRECISIONS, OnNan, TrainOptions, checked_minutes
from zoo.system.console import ErrorStream
from zoo.system.signals import deferred

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.training.device import DeviceChoice, PrecisionChoice

_set = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a field: training.steps=500, losses.1.weight=5.",
)
_device = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Where to train.",
)
_precision = click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="Of convolutions; auto is bf16 where the hardware has it natively.",
)
_EAGER = "--eager/--no-eager"
_EAGERLY = "On a GPU, launch kernel by kernel instead of replaying a CUDA graph."
_on_nan = click.option(
    "--on-nan",
    type=click.Choice(get_args(OnNan)),
    default="stop",
    show_default=True,
    help="Where a figure is no number: end, or go back and on with half the learning rates (3 times at most).",
)


def _parse_minutes(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """Return the number; None where the option is not given."""
    return None if value is None else checked_minutes(value, "--minutes")


_minutes = click.option(
    "--minutes",
    metavar="M",
    callback=_parse_minutes,
    help="Train so long, from the first step on, or to the last step if that comes before.",
)


_trackers = click.option(
    "--tracker", "trackers", multiple=True, metavar="NAME", help="Follow the run there, too: tensorboard."
)


@click.command(short_help="Train a recipe; ends with a generator folder.")
@click.argument("recipe", type=NAME)
@click.option(
    "--data",
    type=PATH,
    help="A .npy file, folder or zip in place of the recipe's data.",
)
@_set
@click.option("--steps", type=Whole(1), help="Generator steps, in place of the recipe's.")
@_minutes
@click.option("--seed", type=Whole(0), help="Seed, in place of the recipe's.")
@click.option(
    "--sweep",
    "fields",
    multiple=True,
    metavar="KEY=VALUE,VALUE",
    help="Train once with each value: losses.1.weight=1,10. Lists in brackets; A=1,2+B=3,4 change together.",
)
@click.option("--seeds", type=Whole(1, SEEDS_LIMIT), help="Train with so many seeds, one after the other.")
@click.option("--out", type=PATH, help="The run folder; without it runs/RECIPE-N. The folder of a sweep.")
@_device
@_precision
@click.option(_EAGER, default=False, help=_EAGERLY)
@_on_nan
@_trackers
def train(
    recipe: str,
    data: Path | None,
    changes: tuple[str, ...],
    steps: int | None,
    minutes: float | None,
    seed: int | None,
    fields: tuple[str, ...],
    seeds: int | None,
    out: Path | None,
    device: DeviceChoice,
    precision: PrecisionChoice,
    eager: bool,
    on_nan: OnNan,
    trackers: tuple[str, ...],
) -> None:
    """Train RECIPE (a name from `zoo list`, or a .toml file) and end with a generator folder.

    With --sweep or --seeds it is trained several times, and all that is compared.
    """
    swept = bool(fields) or seeds is not None
    if swept:
        refuse_ranks("--sweep")
    if follows():
        return _follow()
    from zoo.runs.session import all_changes, train_new

    with deferred():
        from zoo.cli.screen.display import Screen

    options = TrainOptions(device, precision, eager, on_nan, minutes, trackers)
    changed = all_changes(changes, steps, seed)
    if swept:
        _sweep(recipe, changed, (fields, seeds), data, out, options)
        return
    screen = Screen(sys.stdout, minutes)
    with redirect_stdout(ErrorStream()):
        train_new(recipe, changed, data=data, out=out, options=options, display=screen)


@click.command(short_help="Go on with a run from its newest good checkpoint.")
@click.argument("run", type=PATH, required=False)
@click.option("--steps", type=Whole(1), help="Go on until this many steps have been made in all.")
@_minutes
@_set
@click.option(
    "--device", type=click.Choice(DEVICES), help="Where to train, in place of where it was trained."
)
@click.option("--precision", type=click.Choice(PRECISIONS), help="Of convolutions, in place of what it was.")
@click.option(_EAGER, default=None, help=_EAGERLY)
@_on_nan
@_trackers
def resume(
    run: Path | None,
    steps: int | None,
    minutes: float | None,
    changes: tuple[str, ...],
    device: DeviceChoice | None,
    precision: PrecisionChoice | None,
    eager: bool | None,
    on_nan: OnNan,
    trackers: tuple[str, ...],
) -> None:
    """Go on with RUN (without it, the latest) from its newest good checkpoint.

    Where RUN is the folder of a sweep, or the latest run is one of a sweep, go on with all of its runs that are left.
    """
    run, sweep = _run_or_sweep(run)
    if sweep is not None:
        refuse_ranks(str(sweep))
    if follows():
        return _follow()
    from zoo.runs.session import all_changes, train_further

    with deferred():
        from zoo.cli.screen.display import Screen

    options = TrainOptions(device, precision, eager, on_nan, minutes, trackers)
    if sweep is not None:
        _resume_sweep(sweep, changes, steps, options)
        return
    screen = Screen(sys.stdout, minutes)
    with redirect_stdout(ErrorStream()):
        train_further(run, all_changes(changes, steps, None), options, screen)


def _sweep(
    recipe: str,
    changes: list[str],
    wish: tuple[tuple[str, ...], int | None],
    data: Path | None,
    out: Path | None,
    options: TrainOptions,
) -> None:
    with deferred():
        from zoo.cli.screen.sweep import show_end, swept_screen
        from zoo.sweeps.start import Wish
        from zoo.sweeps.train import train_sweep

    with redirect_stdout(ErrorStream()):
        ended = train_sweep(
            recipe, changes, Wish(*wish), data=data, out=out, options=options, make_display=swept_screen
        )
    show_end(ended, options.minutes)


def _resume_sweep(sweep: Path, changes: tuple[str, ...], steps: int | None, options: TrainOptions) -> None:
    with deferred():
        from zoo.cli.screen.sweep import show_end, swept_screen
        from zoo.sweeps.train import resume_sweep

    with redirect_stdout(ErrorStream()):
        ended = resume_sweep(sweep, steps, changes, options, swept_screen)
    show_end(ended, options.minutes)


def _run_or_sweep(path: Path | None) -> tuple[Path | None, Path | None]:
    """Return the run that is to be resumed, and the sweep: the one named, or that of the latest run."""
    from zoo.runs.folder import latest_run
    from zoo.runs.lock import is_sweep

    if path is None:
        path = None if follows() else latest_run()
        sweep = None if path is None else path.parent
    else:
        sweep = path
    return path, sweep if sweep is not None and is_sweep(sweep) else None


def _follow() -> None:
    from zoo.distributed.group import outlast_leader
    from zoo.distributed.worker import LeaderError, follow

    try:
        follow()
    except LeaderError as error:
        outlast_leader()
        raise SystemExit(error.exit_code) from None
