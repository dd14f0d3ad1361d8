"""onnxruntime, kept quiet and told exactly what to do. Imports neither torch nor onnx."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

Device = Literal["cpu", "cuda"]
QUIET = 4
"""onnxruntime's level of what ends the process; all else it says by raising."""
_LISTEN_SECONDS = 0.1
"""Windows tells a waiting thread of Ctrl-C only when it wakes."""
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def new_session(model: bytes, name: str, device: Device, threads: int | None) -> Any:
    """Return an `onnxruntime.InferenceSession` for the bytes of a model.

    Raises:
        InputError: onnxruntime refuses the model, or cannot run it on `device`.
    """
    runtime = loaded()
    options = runtime.SessionOptions()
    options.log_severity_level = QUIET
    # Otherwise onnxruntime would guess the format, and take its own too, which protobuf.py cannot look into.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            if device == "cuda":
                # Finds the CUDA libraries that pip installed; without it only those on the system's path are.
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
    options = loaded().RunOptions()
    outcome: list[NDArray[Any]] = []
    failure: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            outcome.extend(session.run(None, dict(feeds), options))
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    # Python hears a signal only between its own instructions, and onnxruntime's call is a single one: so it is made
    # by another thread, and this one listens.
    threading.Thread(target=work, daemon=True).start()
    try:
        while not done.wait(_LISTEN_SECONDS):
            pass
    except BaseException:
        options.terminate = True
        done.wait()
        raise
    if failure:
        raise failure[0]
    return outcome[0]


def first_line(error: Exception) -> str:
    """Return what onnxruntime says without its prefix (`[ONNXRuntimeError] : 1 : FAIL : `) and final dot."""
    lines = str(error).splitlines() or [type(error).__name__]
    reason = lines[0].rpartition(" : ")[2].strip().rstrip(".")[:300]
    # It may quote names from the file, with whatever a stranger put into them.
    return reason if reason.isprintable() else ascii(reason)


def _providers(device: Device) -> list[Any]:
    if device == "cpu":
        return [PROVIDERS["cpu"]]
    # TF32 would move pixels by more than the export's tolerance.
    return [(PROVIDERS["cuda"], {"use_tf32": "0"}), PROVIDERS["cpu"]]


@cache
def loaded() -> Any:
    """Return the module `onnxruntime`, imported without a word."""
    with _no_stderr():
        import onnxruntime
    onnxruntime.set_default_logger_severity(QUIET)
    return onnxruntime


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Close the ears to what native code writes: importing onnxruntime-gpu without a GPU prints warnings."""
    sys.stderr.flush()
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
