"""A training in a notebook: one line, written over as it goes on."""

from __future__ import annotations

import contextvars
import html
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo.errors import counted
from zoo.pace import words
from zoo.pace.live import TRAINING
from zoo.reports.watch import Reporting, warnings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.pace.progress import Progress
    from zoo.runs.run import Run
    from zoo.runs.session import Display
    from zoo.system.signals import Stop

SECONDS = 0.5
"""Between two updates."""


def display_here() -> Display:
    """Return what `zoo.train` shows: a line in a notebook, elsewhere nothing; both leave a report."""
    return NotebookLine() if in_notebook() else Reporting()


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this, and not a terminal's IPython."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class NotebookLine(Reporting):
    """Shows how far a training is, in the output of the cell that started it."""

    def __init__(self) -> None:
        self._losses = self._figure = self._shown = ""
        self._handle: Any = None

    @contextmanager
    def watching(self, run: Run, /) -> Iterator[None]:
        """Keep the line up to date, also while one step or a measurement takes long."""
        ended = threading.Event()
        self._show(run)
        # The kernel finds the cell that output belongs to in the context.
        context = contextvars.copy_context()
        watcher = threading.Thread(target=context.run, args=(self._watch, run, ended), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def show(self, run: Run, steps: Iterator[Progress], /) -> None:
        """Go through all steps; what newly ails the training is a warning below the line."""
        metric = run.plan.metric
        for progress in warnings_of(run.path, steps):
            if progress.metrics is not None:
                self._losses = words.losses(progress.metrics)
            if metric is not None and progress.value is not None:
                self._figure = words.measured(metric.name, progress)

    def ended(self, run: Run, stop: Stop) -> None:
        """Say how it ended, and write the report."""
        self._end(run)
        super().ended(run, stop)

    def failed(self, run: Run) -> None:
        """Say that it failed, and write the report."""
        self._end(run)
        super().failed(run)

    def _watch(self, run: Run, ended: threading.Event) -> None:
        while not ended.wait(SECONDS):
            self._show(run)

    def _show(self, run: Run) -> None:
        live = run.live
        if live.doing == TRAINING and live.images_per_second:
            doing = f"step {live.step}/{live.until}  {words.speed(live)}"
        else:
            doing = words.doing(live)
        self._write(run, doing, self._losses, self._figure)

    def _end(self, run: Run) -> None:
        self._write(run, f"{run.outcome}, {counted(run.step, 'step')}", self._losses, self._figure)

    def _write(self, run: Run, *parts: str) -> None:
        from IPython.display import HTML, display

        most = run.plan.training.steps
        text = html.escape(" · ".join([str(run.path), *filter(None, parts)]))
        line = f'<progress max="{most}" value="{min(run.step, most)}"></progress> {text}'
        if line == self._shown:
            return
        self._shown = line
        if self._handle is None:
            self._handle = display(HTML(line), display_id=True)
        else:
            self._handle.update(HTML(line))
