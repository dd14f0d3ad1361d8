"""Ctrl-C and SIGTERM: before and after a training they end the command, in it they ask it to stop after its step."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator


_BOTH = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, as Python raises KeyboardInterrupt for SIGINT: what was begun is tidied up on the way out."""


arrived: list[int] = []
"""Signals that ended, or should have ended, this process: an exception of theirs may have become another."""


def exit_code(number: int | None = None) -> int:
    """Return 128 + the signal, as shells say that one ended a process; without a number it is the one that arrived."""
    return 128 + (number if number is not None else (arrived or [signal.SIGINT])[0])


def raise_on_signals() -> None:
    """Let SIGTERM end this process as Ctrl-C does, through every `finally`."""
    arrived.clear()
    for number in _BOTH:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: interrupt(number))


@contextmanager
def deferred() -> Iterator[None]:
    """Let signals wait until the block ends: an import they fall into may swallow them, or break in two."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noted: list[int] = []
    before = {number: signal.signal(number, lambda got, _frame: noted.append(got)) for number in _BOTH}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if noted:
        interrupt(noted[0])


@contextmanager
def unhandled() -> Iterator[None]:
    """Let signals end this process as they do any other, at once and without a word, inside foreign code too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: handler for number in _BOTH if (handler := signal.getsignal(number)) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt(number: int, *message: str) -> NoReturn:
    """End this process as a signal does; a message says more than that nothing is left half-written."""
    arrived.append(number)
    raise (Terminated if number == signal.SIGTERM else KeyboardInterrupt)(*message)


def ignore_signals() -> None:
    """Let nothing interrupt the end of this process: all is done, and what would follow is a traceback."""
    for number in _BOTH:
        signal.signal(number, signal.SIG_IGN)


SAME_REQUEST = 1.0
"""Seconds in which a second signal asks for nothing new: torchrun sends SIGTERM after a terminal's Ctrl-C."""
_ANSWERS = {
    "training": "stopping after this step; it is saved then",
    "ending": "ending now: the generator is left out, what was trained is saved",
    "written": "ending in a moment: the generator is being written, what was trained is saved",
}
"""What a signal is answered with, by the stage of the training."""


class Stop:
    """Whether a training is to stop: a signal came, or the time that was given is up.

    Attributes:
        signal: the first that came.
        deadline: when the time is up, on the monotonic clock; None where none was given.
        stage: `training`; `ending` once all that was trained is saved and the generator is made from it, which a
            signal leaves out; `written` when it is too late for that.
        left_out: the signal that came while it was `ending`.
    """

    signal: int | None = None
    deadline: float | None = None
    stage: Literal["training", "ending", "written"] = "training"
    left_out: int | None = None
    _came = 0.0

    def after(self, seconds: float) -> None:
        """Give the training so much time, from now."""
        self.deadline = time.monotonic() + seconds

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def __bool__(self) -> bool:
        return self.signal is not None or self.late

    def note(self, number: int) -> str | None:
        """Take a signal, and return what is to be said to it; None where it changes nothing."""
        now = time.monotonic()
        if self.signal is not None and (self.stage == "training" or now - self._came < SAME_REQUEST):
            return None
        if self.stage == "training":
            self.signal, self._came = number, now
        elif self.stage == "ending":
            if self.left_out is not None:
                return None
            self.left_out = number
        return _ANSWERS[self.stage]


@contextmanager
def stop_on_signals(*, silent: bool = False) -> Iterator[Stop]:
    """Give a Stop that takes SIGINT and SIGTERM. Outside the main thread none come."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, _frame: Any) -> None:
        answer = stop.note(number)
        if answer is not None and not silent and sys.stderr is not None:
            name = signal.Signals(number).name
            # Printing may be under way in the line below: only the bare system call is safe here.
            with suppress(OSError):
                os.write(2, f"\nzoo: {name}: {answer}\n".encode())

    before = {number: signal.signal(number, handle) for number in _BOTH}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
