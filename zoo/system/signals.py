"""Ctrl-C and SIGTERM: before and after a training they end the command, in it they ask it to stop after its step."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

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
            signal.signal(number, lambda number, _frame: _raise(number))


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
        _raise(noted[0])


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


def _raise(number: int) -> NoReturn:
    arrived.append(number)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def ignore_signals() -> None:
    """Let nothing interrupt the end of this process: all is done, and what would follow is a traceback."""
    for number in _BOTH:
        signal.signal(number, signal.SIG_IGN)


class Stop:
    """Whether somebody asked the training to stop, and by which signal."""

    signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_on_signals(*, silent: bool = False) -> Iterator[Stop]:
    """Give a Stop that SIGINT and SIGTERM set; more of them change nothing. Outside the main thread it stays unset."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, _frame: Any) -> None:
        if stop.signal is None:
            stop.signal = number
            if silent:
                return
            name = signal.Signals(number).name
            # Printing may be under way in the line below: only the bare system call is safe here.
            with suppress(OSError):
                os.write(2, f"\nzoo: {name}: stopping after this step; it is saved then\n".encode())

    before = {number: signal.signal(number, handle) for number in _BOTH}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
