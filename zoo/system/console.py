"""What people see while something happens: on stderr, so that stdout holds results only."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


@cache
def stderr() -> Console:
    """The one console for progress and warnings."""
    from rich.console import Console

    class Quieted(Console):
        def on_broken_pipe(self) -> None:
            """Say nothing more where nobody listens: that must not end a training."""
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

    return Quieted(stderr=True, highlight=False, soft_wrap=True)


def silence() -> None:
    """Say nothing from now on: of processes that train together, only the first speaks."""
    stderr().quiet = True


def say(text: str) -> None:
    """Print one line about what is being done."""
    stderr().print(text, markup=False)


def warn(text: str) -> None:
    """Print one line about something people should know."""
    stderr().print(f"zoo: warning: {text}", style="yellow", markup=False)


def download_progress() -> Progress:
    """A progress bar for bytes; silent where stderr is no terminal."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=stderr(), disable=not stderr().is_terminal, transient=True)
