"""Does onnxruntime make anything here? A tiny model is really run on the CPU and on CUDA."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError
from zoo.hookspecs import Finding, State
from zoo_export.runtime.providers import PROVIDERS, QUIET, Device, loaded, new_session, run

if TYPE_CHECKING:
    from collections.abc import Iterator

CHATTY = 2
"""onnxruntime's level from which it says why a provider is not used."""


def diagnose() -> Iterator[Finding]:
    """Look at the packages, then try each provider."""
    yield from _packages()
    for device in ("cpu", "cuda"):
        yield _provider(device)


def _packages() -> Iterator[Finding]:
    installed = [name for name in ("onnxruntime", "onnxruntime-gpu") if _is_installed(name)]
    if len(installed) == 2:
        advice = "Run pip uninstall onnxruntime onnxruntime-gpu, then install the one you want"
        yield Finding(
            "onnxruntime packages", "both are installed, and overwrite each other's files", "note", advice
        )


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _provider(device: Device) -> Finding:
    name = PROVIDERS[device]
    amiss: State = "broken" if device == "cpu" else "note"
    advice = {
        "cpu": "Install onnxruntime-gpu (or onnxruntime) again",
        "cuda": "Where there is an NVIDIA GPU, install onnxruntime-gpu and the CUDA and cuDNN that it needs",
    }[device]
    with _listening() as said:
        try:
            right = _try(device)
        except Exception as error:  # whatever is wrong with an installation is what is asked for
            words = str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
            why = " ".join((_reason(said.read_text(errors="replace")) or words).split())[:300]
            return Finding(name, f"does not work: {why.rstrip('. ')}", amiss, advice)
    if not right:
        return Finding(name, "computes wrong numbers", amiss, advice)
    return Finding(name, "works: a small model was run on it")


def _try(device: Device) -> bool:
    """Run the sigmoid that comes with onnxruntime; raises whatever keeps it from running."""
    runtime = loaded()
    available = runtime.get_available_providers()
    if PROVIDERS[device] not in available:
        raise RuntimeError(f"this onnxruntime {runtime.__version__} was built without it")
    model = Path(runtime.__file__).parent / "datasets" / "sigmoid.onnx"
    session = new_session(model.read_bytes(), "sigmoid", device, None)
    x = np.linspace(-4, 4, 60, dtype=np.float32).reshape(3, 4, 5)
    found: Any = run(session, {session.get_inputs()[0].name: x})
    return bool(np.allclose(found, 1 / (1 + np.exp(-x)), atol=1e-5))


@contextmanager
def _listening() -> Iterator[Path]:
    """Give a file that gets what native code writes to stderr inside the block."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stderr"
        saved = os.dup(2)
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
        loaded().set_default_logger_severity(CHATTY)
        try:
            yield path
        finally:
            loaded().set_default_logger_severity(QUIET)
            os.dup2(saved, 2)
            os.close(saved)


def _reason(said: str) -> str | None:
    """Return why a provider is not used: the library that cannot be loaded, or what CUDA says."""
    for pattern in (
        r"with error: ([^\n\x1b]+)",
        r"CUDA failure \d+: ([^;\n\x1b]+)",
        r"\[E:[^\n]*\] ([^\n\x1b]+)",
    ):
        match = re.search(pattern, said)
        if match:
            return match[1].strip()
    return None
