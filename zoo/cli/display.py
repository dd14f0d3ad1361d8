"""A training on the screen: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from zoo.errors import InputError
from zoo.runs.folder import GENERATOR
from zoo.runs.session import Display
from zoo.system.console import say, stderr
from zoo.system.signals import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zoo.pace.progress import Progress as StepProgress
    from zoo.runs.run import Run
    from zoo.system.signals import Stop

PLAIN_SECONDS = 30.0
"""Between lines where stderr is no terminal."""


class Screen(Display):
    """How a training goes, on stderr; its generator folder, on stdout."""

    def opened(self, run: Run) -> None:
        """Refuse a run in which nothing is left to do."""
        until = run.plan.training.steps
        # A run that was killed after its last checkpoint still lacks its generator.
        if run.step >= until and run.complete:
            raise InputError(f"{run.path}: it has made {run.step} of {until} steps. Name more with --steps")

    def show(self, run: Run, steps: Iterator[StepProgress], /) -> None:
        """Say what trains on what, show the steps, and say how they ended."""
        facts = run.facts
        ranks = f", {facts.ranks} ranks" if facts.ranks > 1 else ""
        graph = ", CUDA graph" if run.uses_graph else ""
        say(
            f"{run.recipe.name}: {facts.data.images} images from {facts.data.source}; "
            f"{facts.hardware}, {facts.precision}{graph}{ranks}; to {run.path}"
        )
        shown = _live if stderr().is_terminal else _plain
        shown(run, run.plan.training.steps, steps)
        ended = f"stopped at step {run.step}" if run.outcome == "stopped" else f"{run.step} steps done"
        say(f"{run.path}: {ended}.")

    def ended(self, run: Run, stop: Stop) -> None:
        """Print the generator folder and say what to do with it; a signal that stopped the run is the exit code."""
        folder = run.path / GENERATOR
        click.echo(folder)
        if run.step < run.plan.training.steps:
            say(f"Go on with:  zoo resume {run.path}")
        say(f"Look at:     {folder / 'samples.png'}")
        say(f"Next:        zoo export {run.path} --onnx ; zoo generate {run.path} -n 64")
        if stop.signal is not None and run.outcome == "stopped":
            raise SystemExit(exit_code(stop.signal))


def _live(run: Run, until: int, steps: Iterator[StepProgress]) -> None:
    columns = (
        TextColumn("step"),
        MofNCompleteColumn(),
        BarColumn(bar_width=20),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=stderr(), refresh_per_second=2) as bar:
        task = bar.add_task("", total=until, completed=run.step)
        for progress in steps:
            bar.update(task, completed=progress.step)
            if progress.metrics is not None:
                bar.update(task, description=_losses(progress.metrics))
            if progress.value is not None:
                bar.console.print(_measured(run, progress), markup=False)


def _plain(run: Run, until: int, steps: Iterator[StepProgress]) -> None:
    began, made, last_shown = time.monotonic(), 0, 0.0
    for progress in steps:
        now, made = time.monotonic(), made + 1
        if progress.metrics is not None and (now - last_shown >= PLAIN_SECONDS or progress.step == until):
            left = (now - began) / made * (until - progress.step)
            say(f"step {progress.step}/{until}  {_losses(progress.metrics)}  {left:.0f} s left")
            last_shown = now
        if progress.value is not None:
            say(_measured(run, progress))


def _losses(metrics: Mapping[str, float]) -> str:
    sums = "  ".join(f"{side} {metrics[side]:.3f}" for side in ("critic", "generator") if side in metrics)
    return f"{sums}  {metrics['images_per_second']:.0f} images/s"


def _measured(run: Run, progress: StepProgress) -> str:
    assert run.plan.metric is not None
    best = "  (best so far)" if progress.best else ""
    return f"step {progress.step}: {run.plan.metric.name} {progress.value:.2f}{best}"
