"""A child process with pipes to it, which ends with its owner and with this process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, cast

from zoo.errors import ResourceError
from zoo.system.terminal import legible
from zoo_export.runtime.messages import HEADER_LIMIT, Header, receive, send

if TYPE_CHECKING:
    from typing import IO, BinaryIO, TypeAlias

    Request: TypeAlias = tuple[Header, list[Any], int]
    Answer: TypeAlias = tuple[Header, bytearray]

_WAKE_SECONDS = 0.1
"""How often a waiting thread wakes: on Windows it hears of Ctrl-C only then."""


class DeadlineError(Exception):
    """A request took longer than it may."""


class Process:
    """The running process with its pipes; it ends with its owner, and with this process."""

    def __init__(self, owner: object) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `_kill`
        # A terminal's Ctrl-C is to reach this process only, which ends the other. A session of its own would do that,
        # too, but Linux shares the processor between sessions, not processes, and on a busy one pictures came late.
        apart: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
            if os.name == "nt"
            else {"process_group": 0}
        )
        try:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "zoo_export.runtime.worker", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env={**os.environ, "PYTHONPATH": _path()},
                **apart,
            )
        except OSError as error:
            self._stderr.close()
            raise ResourceError(
                f"{sys.executable}: it cannot be started to run a model: {error.strerror}. Free some memory"
            ) from error
        self._asked: SimpleQueue[Request | None] = SimpleQueue()
        self._answered: SimpleQueue[Answer | BaseException] = SimpleQueue()
        self._finalizer = weakref.finalize(owner, _kill, self.popen, self._stderr, self._asked, os.getpid())
        # Python handles a signal only between its own instructions: so another thread waits for the pipe.
        threading.Thread(target=_talk, args=(self.popen, self._asked, self._answered), daemon=True).start()

    def ask(self, header: Header, parts: list[Any], most: int, seconds: float) -> Answer:
        """Send a request and return the answer; raises DeadlineError, or what `receive` and `send` raise."""
        self._asked.put((header, parts, most))
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = self._answered.get(timeout=_WAKE_SECONDS)
            except Empty:
                if time.monotonic() > deadline:
                    raise DeadlineError from None
                continue
            if isinstance(answer, BaseException):
                raise answer
            return answer

    def end(self, *, by_itself: bool) -> str:
        """Kill the process; return how it ended where it did `by_itself`, with the last it said."""
        code = None
        if by_itself:
            with suppress(subprocess.TimeoutExpired):
                code = self.popen.wait(0.5)
        said = self._last_words()
        self._finalizer()
        if code is None:
            return "was ended"
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"{how}{' (out of memory?)' if code == -9 else ''}{f': {said}' if said else ''}"

    def _last_words(self) -> str:
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - HEADER_LIMIT))
        lines = self._stderr.read().decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")[:200]
        return legible(said.rstrip(".") if said.isprintable() else said)


def _talk(
    process: subprocess.Popen[bytes],
    asked: SimpleQueue[Request | None],
    answered: SimpleQueue[Answer | BaseException],
) -> None:
    """Send requests to a process and put its answers, or the error that ends the conversation, in a queue."""
    sink, source = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
    while (request := asked.get()) is not None:
        header, parts, most = request
        try:
            send(sink, header, *parts)
            answered.put(receive(source, most))
        except BaseException as error:
            answered.put(error)
            return
        del request, header, parts


def _kill(
    process: subprocess.Popen[bytes],
    stderr: IO[bytes],
    asked: SimpleQueue[Request | None],
    started_by: int,
) -> None:
    """End a process and close what leads to it; in a fork of the one that started it, leave the process alone."""
    if os.getpid() == started_by:
        asked.put(None)
        process.kill()
        process.wait()
    else:
        process.returncode = 0  # it is not ours to wait for
    for pipe in (process.stdin, process.stdout, stderr):
        with suppress(OSError):  # of what was left to be written
            if pipe is not None:
                pipe.close()


def _path() -> str:
    """Return the folders that this process imports from, for a process that may start in another one."""
    return os.pathsep.join(os.path.abspath(folder or ".") for folder in sys.path)  # noqa: PTH100  # may be zips
