"""How far the making of many pictures is, on stderr; nothing for what is done in a moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zoo.system.console import say, stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

QUIET_SECONDS = 2.0
"""Before anything is said."""
PLAIN_SECONDS = 10.0
"""Between lines where stderr is no terminal."""


def told(batches: Iterable[NDArray[np.uint8]], total: int) -> Iterator[NDArray[np.uint8]]:
    """Pass batches of pictures on, and tell how many of `total` have come."""
    began = time.monotonic()
    tell: Callable[[int], None] | None = None
    made = 0
    try:
        for batch in batches:
            yield batch
            made += len(batch)
            if tell is None and made < total and time.monotonic() - began > QUIET_SECONDS:
                tell = _Bar(total) if stderr().is_terminal else _lines(total, began)
            if tell is not None:
                tell(made)
    finally:
        if isinstance(tell, _Bar):
            tell.close()


class _Bar:
    """A live bar on a terminal."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("pictures"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=stderr(), transient=True)
        self._task = self._progress.add_task("", total=total)
        self._progress.start()

    def __call__(self, made: int) -> None:
        self._progress.update(self._task, completed=made)

    def close(self) -> None:
        """Take the bar off the screen."""
        self._progress.stop()


def _lines(total: int, began: float) -> Callable[[int], None]:
    """Return what prints a line now and then."""
    last = began

    def tell(made: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PLAIN_SECONDS:
            last = now
            say(f"{made} of {total} pictures, {(now - began) / made * (total - made):.0f} s left")

    return tell
