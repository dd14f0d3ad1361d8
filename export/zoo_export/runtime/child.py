"""A stranger's model in a process of its own, which can be ended at any time: by Ctrl-C, at a deadline, for memory."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import InputError, ResourceError
from zoo.system.terminal import legible
from zoo_export.runtime.process import DeadlineError, Process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from zoo_export.runtime.messages import Header
    from zoo_export.runtime.process import Answer
    from zoo_export.runtime.providers import Device

_KINDS = {"float32": np.float32, "uint8": np.uint8}
_ADVICE = "Give another file, or fewer pictures at a time with --batch"


@dataclass(frozen=True)
class Bounds:
    """What the process may take."""

    seconds: float
    """To load the model."""
    memory: int
    """Bytes beyond what it takes when onnxruntime is loaded; 0 for no bound."""
    picture: int = 0
    """Bytes that one picture is estimated to take."""


class ChildSession:
    """A model that runs in a child process. Threads take turns; a forked process starts a child of its own.

    A child that ended is started again by the next call.
    """

    def __init__(self, model: bytes, name: str, device: Device, threads: int | None, bounds: Bounds) -> None:
        """Start the process and load the model there.

        Raises:
            InputError: onnxruntime refuses the model, or cannot run it on `device`.
            ResourceError: it takes too long or too much memory.
        """
        self._model, self._name, self._bounds = model, name, bounds
        self._settings: Header = {"name": name, "device": device, "threads": threads}
        self._lock, self._pid = threading.Lock(), os.getpid()
        self._process: Process | None = None
        self.provider = ""
        with self._lock:
            self._started()

    def run(self, feeds: Mapping[str, NDArray[Any]], most: int, seconds: float) -> NDArray[Any]:
        """Return the model's one output, of at most `most` bytes, within so many seconds.

        Raises:
            InputError: onnxruntime cannot run it.
            ResourceError: it takes too long or too much memory, or its process was ended from outside.
        """
        self._leave_parents_child()
        with self._lock:
            process = self._started()
            listed = [[name, array.dtype.name, array.shape] for name, array in feeds.items()]
            parts = [array.reshape(-1).view(np.uint8).data for array in feeds.values()]
            header, data = self._ask(process, {"feeds": listed}, parts, most, seconds)
            if "error" in header:
                raise InputError(f"{self._name}: onnxruntime cannot run it: {_said(header)}. Export it again")
            try:
                return np.frombuffer(data, _KINDS[header["dtype"]]).reshape(header["shape"])
            except (KeyError, TypeError, ValueError) as error:
                self._end()
                raise InputError(f"{self._name}: its process answers nonsense. Discard the file") from error

    def close(self) -> None:
        """End the process; the next call would start another."""
        self._leave_parents_child()
        with self._lock:
            self._end()

    def _started(self) -> Process:
        if self._process is not None and self._process.popen.poll() is None:
            return self._process
        self._end()
        process = self._process = Process(self)
        asked = {**self._settings, "memory": self._bounds.memory, "picture": self._bounds.picture}
        header, _ = self._ask(process, asked, [self._model], 0, self._bounds.seconds)
        if "error" in header:
            self._end()
            raise InputError(_said(header))
        self.provider = str(header.get("provider"))
        return process

    def _ask(self, process: Process, header: Header, parts: list[Any], most: int, seconds: float) -> Answer:
        """Send a request and return the answer; however the wait for it ends early, the process ends with it."""
        try:
            # The process's own clock is for a parent that is stopped or gone.
            answer, data = process.ask({**header, "seconds": seconds + 5}, parts, most, seconds)
        except BaseException as error:
            ended = self._end(by_itself=isinstance(error, (EOFError, OSError)))
            if isinstance(error, DeadlineError):
                raise ResourceError(
                    f"{self._name}: it takes longer than {seconds:.0f} s, and was ended. {_ADVICE}"
                ) from None
            if isinstance(error, (EOFError, OSError)):
                raise ResourceError(f"{self._name}: its process {ended}. {_ADVICE}") from None
            if isinstance(error, (ValueError, RecursionError)):
                raise InputError(f"{self._name}: its process answers nonsense. Discard the file") from error
            raise
        if answer.get("alloc"):
            self._end()
            raise ResourceError(f"{self._name}: there is not enough memory for it. {_ADVICE}")
        return answer, data

    def _end(self, *, by_itself: bool = False) -> str:
        """End the process; return how it ended, where it did so by itself."""
        process, self._process = self._process, None
        return "" if process is None else process.end(by_itself=by_itself)

    def _leave_parents_child(self) -> None:
        """In a forked process: leave the child of the process that was forked to that."""
        if os.getpid() != self._pid:
            self._lock, self._pid = threading.Lock(), os.getpid()
            self._end()


def _said(answer: Header) -> str:
    """Return the error in an answer, fit for a terminal."""
    return legible(str(answer["error"])[:1000])
