"""`zoo train` and `zoo resume`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.run import Run

_set = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a field: training.steps=500, losses.1.weight=5.",
)
_device = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)
_precision = click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="Of convolutions; auto is bf16 where the hardware has it natively.",
)


@click.command()
@click.argument("recipe")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A .npy file, folder or zip in place of the recipe's data.",
)
@_set
@click.option("--steps", type=click.IntRange(1), help="Generator steps, in place of the recipe's.")
@click.option("--seed", type=click.IntRange(0), help="Seed, in place of the recipe's.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder; without it runs/RECIPE-N.")
@_device
@_precision
def train(
    recipe: str,
    data: Path | None,
    changes: tuple[str, ...],
    steps: int | None,
    seed: int | None,
    out: Path | None,
    device: str,
    precision: str,
) -> None:
    """Train RECIPE (a name from `zoo list`, or a .toml file) and end with a generator folder."""
    from zoo.launch import new_run
    from zoo.lock import held
    from zoo.training import all_changes

    run = new_run(
        recipe,
        data=data,
        changes=all_changes(changes, steps, seed),
        out=out,
        device=device,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
    )
    with held(run.path):
        _go(run, run.plan.training.steps)


@click.command()
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("--steps", type=click.IntRange(1), help="Go on until this many steps have been made in all.")
@_set
def resume(run: Path | None, steps: int | None, changes: tuple[str, ...]) -> None:
    """Go on with RUN (without it, the latest) from its newest good checkpoint."""
    from zoo.lock import held
    from zoo.runs import latest_run, read_record

    path = run or latest_run()
    read_record(path)
    with held(path):
        from zoo.launch import reopen
        from zoo.training import all_changes

        opened = reopen(path, all_changes(changes, steps, None))
        until = opened.plan.training.steps
        if opened.step >= until:
            raise UsageError(f"{path}: it has made {opened.step} of {until} steps. Name more with --steps")
        _go(opened, until)


def _go(run: Run, until: int) -> None:
    from zoo.cli.display import show
    from zoo.console import say
    from zoo.harvest import harvested
    from zoo.runs import GENERATOR
    from zoo.signals import stop_on_signals

    with stop_on_signals() as stop, harvested(run.path):
        show(run, until, stop)
        say(f"{run.path}: stopped at step {run.step}." if stop else f"{run.path}: {run.step} steps done.")
    folder = run.path / GENERATOR
    click.echo(folder)
    if run.step < until:
        say(f"Go on with:  zoo resume {run.path}")
    say(f"Look at:     {folder / 'samples.png'}")
    say(f"Next:        zoo export {run.path} --onnx ; zoo generate {run.path} -n 64")
    if stop.signal is not None and run.outcome == "stopped":
        raise SystemExit(128 + stop.signal)
