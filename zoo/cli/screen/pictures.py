"""Progress of generating many pictures, on stderr; nothing is shown for a command that is soon done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zoo.errors import counted
from zoo.system.console import has_live_lines, live_lines, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

QUIET_SECONDS = 2.0
"""Seconds before anything is shown."""
LINE_SECONDS = 10.0
"""Seconds between two lines where stderr is no terminal."""


def with_progress(batches: Iterable[NDArray[np.uint8]], total: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the batches of pictures, and show how many of `total` pictures have come."""
    began = time.monotonic()
    show: Callable[[int], None] | None = None
    done = 0
    try:
        for batch in batches:
            yield batch
            done += len(batch)
            if show is None and done < total and time.monotonic() - began > QUIET_SECONDS:
                show = _Bar(total) if has_live_lines() else _line_printer(total, began)
            if show is not None:
                show(done)
    finally:
        if isinstance(show, _Bar):
            show.close()


class _Bar:
    """A live bar on a terminal."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("pictures"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
        self._progress = live_lines(*columns, transient=True)
        self._task = self._progress.add_task("", total=total)
        self._progress.start()

    def __call__(self, done: int) -> None:
        self._progress.update(self._task, completed=done)

    def close(self) -> None:
        """Take the bar off the screen."""
        self._progress.stop()


def _line_printer(total: int, began: float) -> Callable[[int], None]:
    """Return a function that prints a line every `LINE_SECONDS`."""
    last = began

    def show(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_SECONDS:
            last = now
            say(
                f"{done:,} of {counted(total, 'picture')}, {(now - began) / done * (total - done):.0f} s left"
            )

    return show
