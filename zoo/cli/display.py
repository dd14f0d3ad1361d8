"""A training on the screen: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from zoo.system.console import say, stderr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zoo.runs.progress import OnNan
    from zoo.runs.progress import Progress as StepProgress
    from zoo.runs.run import Run
    from zoo.system.signals import Stop

PLAIN_SECONDS = 30.0
"""Between lines where stderr is no terminal."""


def show(run: Run, until: int, stop: Stop, on_nan: OnNan) -> None:
    """Train to the end, or until stopped, and show how it goes."""
    facts = run.facts
    ranks = f", {facts.ranks} ranks" if facts.ranks > 1 else ""
    graph = ", CUDA graph" if run.uses_graph else ""
    say(
        f"{run.recipe.name}: {facts.data.images} images from {facts.data.source}; "
        f"{facts.hardware}, {facts.precision}{graph}{ranks}; to {run.path}"
    )
    shown = _live if stderr().is_terminal else _plain
    with closing(run.go(until, stop, on_nan)) as steps:
        shown(run, until, steps)


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
