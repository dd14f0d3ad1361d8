"""`zoo doctor` for onnxruntime: whether it works here, by running a tiny model on the CPU and on CUDA."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError
from zoo.hookspecs import Finding, State
from zoo.plugins.installed import installed_version
from zoo_export.runtime.providers import (
    FATAL,
    PROVIDERS,
    Device,
    load_onnxruntime,
    new_session,
    redirected_stderr,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WARNING = 2
"""onnxruntime's level at which it logs why a provider is not used."""


def diagnose() -> Iterator[Finding]:
    """Report on the installed packages, then on each provider."""
    yield from _packages()
    for device in ("cpu", "cuda"):
        yield _provider(device)


def _packages() -> Iterator[Finding]:
    installed = [name for name in ("onnxruntime", "onnxruntime-gpu") if installed_version(name)]
    if len(installed) == 2:
        advice = "Run pip uninstall onnxruntime onnxruntime-gpu, then install the one you want"
        yield Finding(
            "onnxruntime packages", "both are installed, and overwrite each other's files", "note", advice
        )


def _provider(device: Device) -> Finding:
    name = PROVIDERS[device]
    state: State = "broken" if device == "cpu" else "note"
    advice = "Install onnxruntime-gpu (or onnxruntime) again" if device == "cpu" else _cuda_advice()
    if device == "cuda" and not _has_nvidia_gpu():
        return Finding(name, "not used: there is no NVIDIA GPU here, or no driver of one")
    with _captured_stderr() as log:
        try:
            right = _run_sigmoid(device)
        except Exception as error:  # any error is a finding about this installation
            words = str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
            why = " ".join((_cuda_reason(log.read_text(errors="replace")) or words).split())[:300]
            return Finding(name, f"does not work: {why.rstrip('. ')}", state, advice)
    if not right:
        return Finding(name, "computes wrong numbers", state, advice)
    return Finding(name, "works: a small model was run on it")


def _has_nvidia_gpu() -> bool:
    """Whether NVIDIA's driver is loaded, or its tool installed: without either no CUDA can work."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def _cuda_advice() -> str:
    """Return what makes CUDA work where there is a GPU."""
    if not installed_version("onnxruntime-gpu"):
        return "Run pip uninstall onnxruntime, then pip install onnxruntime-gpu"
    return (
        'Run pip install "onnxruntime-gpu[cuda,cudnn]", which brings the CUDA and cuDNN that it was built for'
    )


def _run_sigmoid(device: Device) -> bool:
    """Run the sigmoid that comes with onnxruntime; raises whatever keeps it from running."""
    runtime = load_onnxruntime()
    available = runtime.get_available_providers()
    if PROVIDERS[device] not in available:
        raise RuntimeError(f"this onnxruntime {runtime.__version__} was built without it")
    model = Path(runtime.__file__).parent / "datasets" / "sigmoid.onnx"
    session = new_session(model.read_bytes(), "sigmoid", device, None)
    x = np.linspace(-4, 4, 60, dtype=np.float32).reshape(3, 4, 5)
    found: Any = run(session, {session.get_inputs()[0].name: x})
    return bool(np.allclose(found, 1 / (1 + np.exp(-x)), atol=1e-5))


@contextmanager
def _captured_stderr() -> Iterator[Path]:
    """Give a file that receives what onnxruntime logs to stderr inside the block, its warnings included."""
    runtime = load_onnxruntime()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stderr"
        with redirected_stderr(path):
            runtime.set_default_logger_severity(WARNING)
            try:
                yield path
            finally:
                runtime.set_default_logger_severity(FATAL)


def _cuda_reason(log: str) -> str | None:
    """Return why a provider is not used: the library that cannot be loaded, or what CUDA says."""
    for pattern in (
        r"with error: ([^\n\x1b]+)",
        r"CUDA failure \d+: ([^;\n\x1b]+)",
        r"\[E:[^\n]*\] ([^\n\x1b]+)",
    ):
        match = re.search(pattern, log)
        if match:
            return match[1].strip()
    return None
