"""Work that a training need not wait for: one thread does it, in the order it was given."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")


class Background:
    """Encodes and writes files while a GPU goes on with the next steps.

    Args:
        threaded: whether there is a thread. Without one everything is done at once: on a CPU it would take its cores
            from the training.

    Attributes:
        threaded: whether work is still to be done when `do` returns; what it reads must not change then.
    """

    def __init__(self, *, threaded: bool) -> None:
        self.threaded = threaded
        self._pool: ThreadPoolExecutor | None = None
        self._open: deque[tuple[Future[Any], Callable[[Any], object]]] = deque()

    def do(self, work: Callable[[], T], then: Callable[[T], object] = lambda _: None) -> None:
        """Do `work` on the thread, and `then` with its result on the caller's once `poll` or `wait` finds it done.

        Raises:
            Exception: what earlier work has raised; `work` is not begun then.
        """
        self.poll()
        if not self.threaded:
            then(work())
            return
        self._pool = self._pool or ThreadPoolExecutor(1, "zoo-files")
        self._open.append((self._pool.submit(work), then))

    def poll(self) -> None:
        """Finish what is done, without waiting; raise what it raised."""
        while self._open and self._open[0][0].done():
            self._finish()

    def wait(self, until: Callable[[], bool] = lambda: False) -> None:
        """Wait for everything, or for the first work after which `until` holds; raise what it raised."""
        while self._open and not until():
            self._finish()

    def close(self) -> None:
        """Wait for everything, whatever becomes of it, and end the thread; `do` begins another."""
        while self._open:
            with suppress(Exception):
                self._finish()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _finish(self) -> None:
        wait_for([self._open[0][0]])  # an interrupt while waiting leaves it for the next who asks
        future, then = self._open.popleft()
        then(future.result())
