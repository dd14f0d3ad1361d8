"""The process that runs a stranger's model: `python -m zoo_export.runtime.worker PARENT`, started by `process.py`.

It reads a model from its stdin, then latents, and writes pictures to its stdout. It ends when its stdin does, when its
parent is gone, or when a request takes longer than it may: by a signal of the system, which no operator can hold up.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError
from zoo.generators.files import ONNX_LIMIT
from zoo_export.runtime.memory import limit_memory, sparing_options
from zoo_export.runtime.messages import Header, receive, send
from zoo_export.runtime.providers import first_line, load_onnxruntime, new_session

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

FEEDS_LIMIT = 1 << 30
"""Bytes of latents in one request: far more than fit into one batch."""
_PARENT_SECONDS = 0.3


def main() -> None:
    """Serve one model until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the parent, which ends this process
    threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    source, sink = _own_streams()
    load_onnxruntime()
    try:
        session = _opened(source, sink)
        while session is not None:
            _answer(session, source, sink)
    except (EOFError, BrokenPipeError):
        return


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return stdin and stdout as binary files; whatever else is printed to stdout goes to stderr."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return source, sink


def _end_with(parent: int) -> None:
    """End this process soon after the one that started it, whatever it is doing."""
    while os.name == "nt" or os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    os._exit(1)


def _opened(source: BinaryIO, sink: BinaryIO) -> Any:
    header, data = receive(source, ONNX_LIMIT)
    model = bytes(data)
    del data
    _ring_after(header["seconds"])
    limit_memory(header["memory"])
    try:
        options = sparing_options(header["picture"]) if header["device"] == "cpu" else None
        session = new_session(model, header["name"], header["device"], header["threads"], options)
    except ZooError as error:
        send(sink, {"error": str(error), "alloc": _is_memory(error)})
        return None
    except MemoryError:
        send(sink, {"error": "memory", "alloc": True})
        return None
    _ring_after(0)
    send(sink, {"provider": session.get_providers()[0]})
    return session


def _answer(session: Any, source: BinaryIO, sink: BinaryIO) -> None:
    header, data = receive(source, FEEDS_LIMIT)
    _ring_after(header["seconds"])
    try:
        images: NDArray[Any] = np.ascontiguousarray(session.run(None, _feeds(header, data))[0])
    except Exception as error:  # onnxruntime's errors share no base class
        reply: Header = {"error": first_line(error), "alloc": _is_memory(error)}
        send(sink, reply)
    else:
        send(
            sink, {"dtype": images.dtype.name, "shape": images.shape}, images.reshape(-1).view(np.uint8).data
        )
    _ring_after(0)


def _feeds(header: Header, data: bytearray) -> dict[str, NDArray[Any]]:
    feeds, start = {}, 0
    for name, dtype, shape in header["feeds"]:
        array = np.frombuffer(data, dtype, int(np.prod(shape)), start).reshape(shape)
        feeds[name], start = array, start + array.nbytes
    return feeds


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "alloc" in str(error)


def _ring_after(seconds: float) -> None:
    """Let the system end this process after so many seconds, or, at 0, no longer."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
