"""A training on the screen: one live line on a terminal, plain lines elsewhere, and never a long silence."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TextIO

from zoo.errors import InputError, counted, quoted
from zoo.pace import words
from zoo.pace.speed import in_words
from zoo.reports.watch import report_at_end, warnings_of
from zoo.runs.folder import GENERATOR
from zoo.runs.session import MAKING, Display
from zoo.system.console import has_live_lines, say
from zoo.system.signals import exit_code
from zoo.system.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.pace.live import Live
    from zoo.pace.progress import Progress
    from zoo.runs.run import Run
    from zoo.system.signals import Stop

PLAIN_SECONDS = 5.0
"""Between lines where stderr is no terminal."""
FIRST_SECONDS = 3.0
"""Of training that the estimate is made from; one step where that takes longer."""
SILENCE = 8.0
"""Seconds without a line after which what is being done is said anyway."""


class Screen(Display):
    """How a training goes, on stderr; its generator folder, on stdout.

    Args:
        results: stdout; what components print while they train does not belong there.
        minutes: how long it was given.
    """

    def __init__(self, results: TextIO, minutes: float | None = None) -> None:
        self._results = results
        self._minutes = minutes
        self._said = time.monotonic()
        self._bar = False

    def opened(self, run: Run) -> None:
        """Refuse a run in which nothing is left to do."""
        until = run.plan.training.steps
        # A run that was killed after its last checkpoint still lacks its generator.
        if run.step >= until and run.complete:
            raise InputError(
                f"{run.path}: it has made {run.step:,} of {counted(until, 'step')}. Name more with --steps"
            )

    @contextmanager
    def watching(self, run: Run, /) -> Iterator[None]:
        """Say what is being done whenever that takes long: under load, a single step may take a minute."""
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(run.live, ended), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def _watch(self, live: Live, ended: threading.Event) -> None:
        making = False
        while not ended.wait(1):
            begins = live.doing.startswith(MAKING) and not making
            making = making or begins
            if not self._bar and (begins or time.monotonic() - self._said >= SILENCE):
                self._say(words.doing(live))

    def show(self, run: Run, steps: Iterator[Progress], /) -> None:
        """Say what trains on what, show the steps, and say how they ended."""
        facts, until = run.facts, run.plan.training.steps
        ranks = f", {facts.ranks} ranks" if facts.ranks > 1 else ""
        graph = ", CUDA graph" if run.uses_graph else ""
        self._say(
            f"{run.recipe.name}: {counted(facts.data.images, 'image')} from {facts.data.source}; "
            f"{facts.hardware}, {facts.precision}{graph}{ranks}; to {run.path}"
        )
        shown = self._live if has_live_lines() else self._plain
        shown(run, until, self._estimated(run, warnings_of(run.path, steps)))
        deadline = run.live.deadline
        if run.outcome != "stopped":
            ended = f"{counted(run.step, 'step')} done"
        elif deadline is not None and time.monotonic() >= deadline:
            ended = f"the time is up, stopped at step {run.step} of {until}"
        else:
            ended = f"stopped at step {run.step}"
        self._say(f"{run.path}: {ended}.")

    def failed(self, run: Run) -> None:
        """Write the report of a run that diverged, or could not be written on."""
        path = report_at_end(run.path)
        if path is not None:
            say(f"Look at:     {path}")

    def ended(self, run: Run, stop: Stop) -> None:
        """Print the generator folder and say what to do with it; a signal that stopped the run is the exit code."""
        folder = run.path / GENERATOR
        echo(folder, file=self._results)
        if run.step < run.plan.training.steps:
            minutes = "" if self._minutes is None else f" --minutes {self._minutes:g}"
            say(f"Go on with:  zoo resume {quoted(run.path)}{minutes}")
        shown = [report_at_end(run.path), folder / "samples.png"]
        say(f"Look at:     {' ; '.join(str(path) for path in shown if path is not None)}")
        path = quoted(run.path)
        say(f"Next:        zoo export {path} --onnx ; zoo generate {path} -n 64")
        if stop.signal is not None and run.outcome == "stopped":
            raise SystemExit(exit_code(stop.signal))

    def _estimated(self, run: Run, steps: Iterator[Progress]) -> Iterator[Progress]:
        """Go through the steps, and say once, before anything else is said of them, how long they will take."""
        began, said = time.monotonic(), False
        for progress in steps:
            if not said and time.monotonic() - began >= FIRST_SECONDS:
                said = True
                self._say(_estimate(run.live, self._minutes))
            yield progress

    def _live(self, run: Run, until: int, steps: Iterator[Progress]) -> None:
        self._bar = True
        try:
            from zoo.cli.screen.bar import bar

            with bar(run.live) as shown:
                task = shown.add_task("", total=until, completed=run.step)
                for progress in steps:
                    shown.update(task, completed=progress.step)
                    if progress.metrics is not None:
                        shown.update(task, description=words.losses(progress.metrics))
                    if progress.value is not None:
                        self._say(_measured(run, progress))
        finally:
            self._bar = False

    def _plain(self, run: Run, until: int, steps: Iterator[Progress]) -> None:
        losses = ""
        for progress in steps:
            if progress.metrics is not None:
                losses = f"{words.losses(progress.metrics)}  "
            if time.monotonic() - self._said >= PLAIN_SECONDS or progress.step == until:
                self._say(f"step {progress.step}/{until}  {losses}{words.speed(run.live)}")
            if progress.value is not None:
                self._say(_measured(run, progress))

    def _say(self, text: str) -> None:
        say(text)
        self._said = time.monotonic()


def _estimate(live: Live, minutes: float | None) -> str:
    left = live.seconds_left or 0.0
    now = datetime.now()
    end = now + timedelta(seconds=left)
    until = end.strftime("%H:%M" if end.date() == now.date() else "%d %B, %H:%M")
    if minutes is not None and live.steps_ahead + live.step < live.until:
        given = f"{minutes:g} {'minute' if minutes == 1 else 'minutes'}"
        what = f"{given} on this machine: about {live.steps_ahead} steps more, of {live.until} in all"
    else:
        what = f"about {in_words(left)} on this machine to step {live.until}"
    return f"{what} ({live.images_per_second or 0:.0f} images/s), it ends at {until}"


def _measured(run: Run, progress: Progress) -> str:
    assert run.plan.metric is not None
    return words.measured(run.plan.metric.name, progress)
