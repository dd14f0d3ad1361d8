"""What is said of a training's health while it lasts, and the report that is written when it ends."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING

from zoo.errors import quoted
from zoo.runs.session import Display
from zoo.system.console import warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zoo.pace.progress import Progress
    from zoo.runs.run import Run
    from zoo.system.signals import Stop

REPORTS = "ZOO_REPORT"
"""The environment variable that, at `0`, keeps runs from being diagnosed as they train, and from ending in a report."""


PAUSES = 200
"""How many times as long as a look took nothing is looked at: reading a long log must not hold a training up."""


def wanted() -> bool:
    """Whether runs are watched and reported on."""
    return os.environ.get(REPORTS) != "0"


class Watch:
    """Looks at a run after its measurements, and says each finding once."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._told: set[str] = set()
        self._ended, self._took = -math.inf, 0.0

    def news(self) -> list[str]:
        """Return a line for each finding that is new; nothing that fails here disturbs the training."""
        if not wanted():
            return []
        # Here, so that a start on a folder in use is refused before plugins and pydantic are imported.
        from zoo.reports.health import diagnose
        from zoo.reports.read import read_history

        began = time.monotonic()
        if began - self._ended < PAUSES * self._took:
            return []
        try:
            findings = diagnose(read_history(self._run))
        except Exception as error:
            warn(f"{self._run}: it cannot be diagnosed ({error}). The training goes on")
            return []
        finally:
            self._ended = time.monotonic()
            self._took = self._ended - began
        new = [finding for finding in findings if finding.what not in self._told]
        self._told |= {finding.what for finding in new}
        return [
            f"{finding.what}: {finding.evidence}. See `zoo diagnose {quoted(self._run)}`" for finding in new
        ]


def warnings_of(run: Path, steps: Iterator[Progress]) -> Iterator[Progress]:
    """Pass a training's steps on, and after each measurement warn of what newly ails it."""
    watch = Watch(run)
    for progress in steps:
        yield progress
        if progress.value is not None:
            for line in watch.news():
                warn(f"step {progress.step}: {line}")


class Reporting(Display):
    """Shows nothing, and leaves a report."""

    def ended(self, run: Run, stop: Stop) -> None:  # noqa: ARG002
        """Write the report."""
        report_at_end(run.path)

    def failed(self, run: Run) -> None:
        """Write the report of what there is."""
        report_at_end(run.path)


def report_at_end(run: Path) -> Path | None:
    """Write a run's report where it is wanted and can be drawn; that it cannot is a warning, and no failure."""
    if not wanted():
        return None
    try:
        from zoo.reports.page import write_report

        return write_report(run)
    except ImportError:
        return None
    except Exception as error:
        warn(f"{run}: its report cannot be written ({error}). Try again with `zoo report {quoted(run)}`")
        return None
