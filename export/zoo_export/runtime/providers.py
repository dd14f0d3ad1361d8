"""onnxruntime sessions: the chosen provider or an error, nothing on stderr, and Ctrl-C heard. Imports no torch."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from concurrent.futures import Future, wait
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import InputError
from zoo.system.console import ErrorStream
from zoo.system.terminal import legible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

Device = Literal["cpu", "cuda"]
FATAL = 4
"""onnxruntime's level for what ends the process; other errors are raised as exceptions too."""
_SIGNAL_SECONDS = 0.1
"""How often a waiting thread wakes: on Windows it hears of Ctrl-C only then."""
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def new_session(model: bytes, name: str, device: Device, threads: int | None, options: Any = None) -> Any:
    """Return an `onnxruntime.InferenceSession` for the bytes of a model, with these `SessionOptions` if any.

    Raises:
        InputError: onnxruntime refuses the model, or cannot run it on `device`.
    """
    runtime = load_onnxruntime()
    options = options or runtime.SessionOptions()
    options.log_severity_level = FATAL
    # Otherwise onnxruntime would guess the format and accept its own, too, which is not checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            if device == "cuda":
                # Finds the CUDA libraries that pip installed, not only those on the system's path.
                runtime.preload_dlls()
            session = runtime.InferenceSession(model, options, providers=_providers(device))
    except Exception as error:  # onnxruntime's errors share no base class
        reason = first_line(error)
        raise InputError(f"{name}: onnxruntime cannot load it: {reason}. Get the generator again") from error
    used = session.get_providers()[0]
    if used != PROVIDERS[device]:
        raise InputError(
            f"cuda: onnxruntime {runtime.__version__} cannot use {PROVIDERS[device]} here, it gave {used}. "
            "Use --device cpu; `zoo doctor` says what is missing"
        )
    return session


def run(session: Any, feeds: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return a session's one output. Ctrl-C stops it at the next operator.

    Raises:
        Exception: whatever onnxruntime raises; its errors share no base class.
    """
    options = load_onnxruntime().RunOptions()
    future: Future[list[NDArray[Any]]] = Future()

    def work() -> None:
        try:
            future.set_result(session.run(None, dict(feeds), options))
        except BaseException as error:
            future.set_exception(error)

    # Python handles a signal only between its own instructions, and onnxruntime's call is a single one: so another
    # thread makes the call, and this one waits and handles signals.
    threading.Thread(target=work, daemon=True).start()
    try:
        while not wait([future], _SIGNAL_SECONDS).done:
            pass
    except BaseException:
        options.terminate = True
        wait([future])
        raise
    return future.result()[0]


def first_line(error: Exception) -> str:
    """Return the first line of an error without onnxruntime's prefix (`[ONNXRuntimeError] : 1 : FAIL : `) and dot."""
    lines = str(error).splitlines() or [type(error).__name__]
    reason = lines[0].rpartition(" : ")[2].strip().rstrip(".")[:300]
    # It may quote names from the file, in which a stranger may have put control characters.
    return legible(reason)


def _providers(device: Device) -> list[Any]:
    if device == "cpu":
        return [PROVIDERS["cpu"]]
    # TF32 would move pixels by more than the export's tolerance.
    return [(PROVIDERS["cuda"], {"use_tf32": "0"}), PROVIDERS["cpu"]]


@cache
def load_onnxruntime() -> Any:
    """Return the module `onnxruntime`, which prints nothing at its import or later."""
    with redirected_stderr(Path(os.devnull)):
        import onnxruntime
    onnxruntime.set_default_logger_severity(FATAL)
    return onnxruntime


@contextlib.contextmanager
def redirected_stderr(path: Path) -> Iterator[None]:
    """Send what this process writes to stderr, native code included, to a file while the block lasts.

    Importing onnxruntime-gpu without a GPU, for one, prints warnings.
    """
    ErrorStream().flush()
    try:
        saved = os.dup(2)
    except OSError:  # a process without stderr: nobody would see it
        path.touch()
        yield
        return
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
