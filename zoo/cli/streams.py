"""The command's own streams: its results alone go to stdout, and no stream that is closed or full ends work halfway."""

from __future__ import annotations

import atexit
import io
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from zoo.errors import ResourceError
from zoo.system.signals import arrived

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDOUT, STDERR = 1, 2


class ReaderGoneError(BrokenPipeError):
    """Whoever read our output (head, less) has gone."""


class _Results(io.FileIO):
    """Where results go; the first write that fails says so, and those after it are dropped."""

    _failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        if self._failed:
            return len(memoryview(data))
        try:
            return super().write(data)
        except BrokenPipeError:
            self._failed = True
            raise ReaderGoneError from None
        except OSError as error:
            self._failed = True
            raise ResourceError(
                f"stdout: the output cannot be written: {error.strerror}. Free space there, or send it elsewhere"
            ) from error


class _Messages(io.FileIO):
    """Where messages go; one that cannot be written is dropped, as nobody could be told."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data))


def take_streams() -> bool:
    """Make this process's stdout and stderr fit for a command, and return whether it has them to itself.

    Results go to a copy of stdout's descriptor, and the descriptor itself leads to stderr: whatever a plugin, a library
    in C or a process of theirs writes there is no result. In a process that has put streams of its own in their place,
    as tests do, only what is missing is replaced.
    """
    _fill_descriptors()
    owned = sys.stdout is sys.__stdout__ and sys.stderr is sys.__stderr__
    if _descriptor(sys.stderr) == STDERR:
        sys.stderr = _text(_Messages(STDERR, "w", closefd=False), sys.stderr)
    elif _missing(sys.stderr):
        sys.stderr = _text(_Messages(os.open(os.devnull, os.O_WRONLY), "w"), None)
    if owned and _descriptor(sys.stdout) == STDOUT:
        kept = os.dup(STDOUT)
        os.dup2(STDERR, STDOUT)
        sys.stdout = _text(_Results(kept, "w"), sys.stdout)
    elif _missing(sys.stdout):
        sys.stdout = _text(_Results(os.open(os.devnull, os.O_WRONLY), "w"), None)
    return owned


def end_now(code: int) -> None:
    """End this process where other threads still run or a signal came, once all that runs at exit has run; else return.

    The interpreter would wait for threads, and one that a plugin left may never end. Taking torch down takes it seconds
    on a busy machine, which nobody who pressed Ctrl-C wants to wait. What a plugin left in a file that it did not
    close is lost then.
    """
    if threading.active_count() == 1 and not arrived:
        return
    with suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def _fill_descriptors() -> None:
    """Open descriptors that are closed: a file that is opened later would get their numbers, and what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)


def _missing(stream: TextIO | None) -> bool:
    return stream is None or stream.closed


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):
        return None


def _text(raw: io.FileIO, like: TextIO | None) -> TextIO:
    """Return a stream of text on a raw file; a character that its encoding lacks is escaped."""
    encoding = "utf-8" if like is None else like.encoding
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=True
    )
