"""What people see while something happens: on stderr, so that stdout holds results only."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, TextIO

from zoo.system.terminal import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn


class ErrorStream(io.TextIOBase, TextIO):
    """`sys.stderr` as it is at each moment; where there is none, or nobody listens, what is written is dropped.

    Services and `pythonw` have none, and that must not end a training.
    """

    def write(self, text: str) -> int:
        if sys.stderr is not None:
            with suppress(OSError, ValueError):
                sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        if sys.stderr is not None:
            with suppress(OSError, ValueError):
                sys.stderr.flush()

    def isatty(self) -> bool:
        with suppress(OSError, ValueError):
            return sys.stderr is not None and sys.stderr.isatty()
        return False

    def fileno(self) -> int:
        if sys.stderr is None:
            raise io.UnsupportedOperation("there is no stderr")
        return sys.stderr.fileno()

    def close(self) -> None:
        """Stay open: it is not ours to close."""


@cache
def stderr() -> Console:
    """The one console for progress and warnings."""
    from rich.console import Console

    return Console(file=ErrorStream(), highlight=False, soft_wrap=True, emoji=False, force_jupyter=False)


def has_live_lines() -> bool:
    """Whether stderr is a terminal on which a line can be written over."""
    return stderr().is_terminal and not stderr().is_dumb_terminal


def live_lines(*columns: str | ProgressColumn, transient: bool = False) -> Progress:
    """Return rich's live display on the one console.

    It leaves `sys.stderr` alone: rich would put a stream there that writes to the console, and so to `sys.stderr`.
    """
    from rich.progress import Progress

    return Progress(
        *columns,
        console=stderr(),
        refresh_per_second=2,
        transient=transient,
        disable=not has_live_lines(),
        redirect_stdout=False,
        redirect_stderr=False,
    )


def silence() -> None:
    """Say nothing from now on: of processes that train together, only the first speaks."""
    stderr().quiet = True


def say(text: str) -> None:
    """Print one line about what is being done."""
    stderr().print(one_line(text), markup=False)


def warn(text: str) -> None:
    """Print one line about something people should know."""
    stderr().print(one_line(f"zoo: warning: {text}"), style="yellow", markup=False)


def download_progress() -> Progress:
    """A progress bar for bytes; silent where stderr is no terminal."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return live_lines(*columns, transient=True)
