"""A sweep on the screen: which of its runs trains, and how all of it ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from zoo.cli.screen.display import Screen
from zoo.errors import counted, quoted
from zoo.reports.watch import report_at_end
from zoo.sweeps.train import FailedRunsError
from zoo.system.console import say
from zoo.system.signals import exit_code

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.runs.run import Run
    from zoo.sweeps.train import Ended
    from zoo.system.signals import Stop


class SweptScreen(Screen):
    """How one run of a sweep goes, on stderr; what a run alone says of what to do next is said once, at the end."""

    def ended(self, run: Run, stop: Stop) -> None:  # noqa: ARG002
        """Write its report."""
        report_at_end(run.path)


def swept_screen(run: Path, number: int, count: int) -> SweptScreen:
    """Say which run begins, and return what shows it."""
    say(f"run {number} of {count}: {run}")
    return SweptScreen(sys.stdout)


def show_end(ended: Ended, minutes: float | None) -> None:
    """Say what is left to do, and end with the exit code of a signal, or of the first run that failed."""
    path = quoted(ended.path)
    if ended.left:
        more = "" if minutes is None else f" --minutes {minutes:g}"
        say(f"{ended.path}: {counted(ended.left, 'run')} left. Go on with:  zoo resume {path}{more}")
    if ended.signal is not None:
        raise SystemExit(exit_code(ended.signal))
    if ended.failures:
        raise FailedRunsError(ended.path, ended.failures)
