"""A training on the screen: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from zoo.console import say, stderr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.run import Progress as StepProgress
    from zoo.run import Run
    from zoo.signals import Stop

PLAIN_SECONDS = 30.0
"""Between lines where stderr is no terminal."""


def show(run: Run, until: int, stop: Stop) -> None:
    """Train to the end, or until stopped, and show how it goes."""
    data, record = run.record["data"], run.record
    say(
        f"{run.recipe.name}: {data['images']} images from {data['source']}; "
        f"{record['hardware']}, {record['precision']}; to {run.path}"
    )
    if stderr().is_terminal:
        _live(run, until, stop)
    else:
        _plain(run, until, stop)


def _live(run: Run, until: int, stop: Stop) -> None:
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
        for progress in run.go(until, stop):
            bar.update(task, completed=progress.step)
            if progress.metrics is not None:
                bar.update(task, description=_losses(progress.metrics))
            if progress.value is not None:
                bar.console.print(_measured(run, progress), markup=False)


def _plain(run: Run, until: int, stop: Stop) -> None:
    began, first, told = time.monotonic(), run.step, 0.0
    for progress in run.go(until, stop):
        now = time.monotonic()
        if progress.metrics is not None and (now - told >= PLAIN_SECONDS or progress.step == until):
            left = (now - began) / (progress.step - first) * (until - progress.step)
            say(f"step {progress.step}/{until}  {_losses(progress.metrics)}  {left:.0f} s left")
            told = now
        if progress.value is not None:
            say(_measured(run, progress))


def _losses(metrics: Mapping[str, float]) -> str:
    sums = "  ".join(f"{side} {metrics[side]:.3f}" for side in ("critic", "generator") if side in metrics)
    return f"{sums}  {metrics['images_per_second']:.0f} images/s"


def _measured(run: Run, progress: StepProgress) -> str:
    assert run.plan.metric is not None
    best = "  (best so far)" if progress.best else ""
    return f"step {progress.step}: {run.plan.metric.name} {progress.value:.2f}{best}"
