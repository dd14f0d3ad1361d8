"""A sweep on the screen: which of its runs trains, and how all of it ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from zoo.cli.screen.display import Screen
from zoo.errors import counted, quoted
from zoo.reports.comparison.at_end import page_at_end
from zoo.reports.watch import report_at_end
from zoo.sweeps.end import FailedRunsError
from zoo.system.console import say
from zoo.system.signals import exit_code
from zoo.system.terminal import echo

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.runs.run import Run
    from zoo.sweeps.end import Ended
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
    """Compare the runs, unless a signal came, and say what is left to do.

    Raises:
        SystemExit: a signal stopped it, whose exit code this is.
        FailedRunsError: runs failed.
    """
    path = quoted(ended.path)
    if ended.signal is None:
        _compare(ended.path)
    else:
        say(f"Look at:     zoo compare {path}")
    if ended.left:
        more = "" if minutes is None else f" --minutes {minutes:g}"
        say(f"{ended.path}: {counted(ended.left, 'run')} left. Go on with:  zoo resume {path}{more}")
    if ended.signal is not None:
        raise SystemExit(exit_code(ended.signal))
    if ended.failures:
        raise FailedRunsError(ended.path, ended.failures)


def _compare(sweep: Path) -> None:
    """Print the table, and write the page where reports are wanted; that it cannot be drawn ends nothing."""
    from zoo.api import load
    from zoo.cli.compare import print_comparison
    from zoo.reports.comparison.compare import compare

    comparison = compare([str(sweep)], load)
    print_comparison(comparison)
    page = page_at_end(comparison, sweep)
    if page is not None:
        echo(page)
