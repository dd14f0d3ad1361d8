"""The line that stands beside every figure: machine, versions, date."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

import torch

from zoo.training.device import choose_device, describe_hardware


def machine() -> str:
    """Return processor, threads, versions and today's date."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "onnxruntime-gpu", "gan-model-zoo"))
    hardware = describe_hardware(choose_device("auto"))
    today = datetime.now(UTC).date().isoformat()
    return (
        f"{hardware} of {os.cpu_count()} cores, capability {torch.backends.cpu.get_cpu_capability()}, "
        f"Python {platform.python_version()}, {versions}, {today}"
    )


@cache
def matrix_rate(precision: str) -> float:
    """Return the operations a second of a product of two 2048 x 2048 matrices, the best of several."""
    device = choose_device("auto")
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(2048, 2048, device=device).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        float((left @ right)[0, 0])
        best = min(best, time.perf_counter() - began)
    return 2 * 2048**3 / best
