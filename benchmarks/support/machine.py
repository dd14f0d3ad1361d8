"""The line that stands beside every figure: machine, versions, date."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import torch

from zoo import __version__ as zoo_version
from zoo.__about__ import DISTRIBUTION
from zoo.training.device import choose_device, describe_hardware

PACKAGES = ("torch", "onnxruntime-gpu", "gan-model-zoo")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # run from the source tree
        return zoo_version if package == DISTRIBUTION else None


def machine() -> str:
    """Return processor, threads, versions and today's date."""
    versions = ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    hardware = describe_hardware(choose_device("auto"))
    today = datetime.now(UTC).date().isoformat()
    return (
        f"{hardware} of {os.cpu_count()} cores, capability {torch.backends.cpu.get_cpu_capability()}, "
        f"Python {platform.python_version()}, {versions}, {today}"
    )


def matrix_side() -> int:
    """Return how large a matrix fills the device for long enough to be timed."""
    return 8192 if choose_device("auto").type == "cuda" else 2048


@cache
def matrix_rate(precision: str) -> float:
    """Return the operations a second of a product of two square matrices, the best of several.

    On a GPU, float32 is TF32, as it is in the convolutions of torch.
    """
    device, side = choose_device("auto"), matrix_side()
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    tf32, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, True
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        float((left @ right)[0, 0])
        best = min(best, time.perf_counter() - began)
    torch.backends.cuda.matmul.allow_tf32 = tf32
    return 2 * side**3 / best
