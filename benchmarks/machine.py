"""The line that stands beside every figure: machine, versions, date."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

import torch

from zoo.device import choose_device, describe_hardware


def machine() -> str:
    """Return processor, threads, versions and today's date."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "onnxruntime-gpu", "gan-model-zoo"))
    hardware = describe_hardware(choose_device("auto"))
    today = datetime.now(UTC).date().isoformat()
    return (
        f"{hardware} of {os.cpu_count()} cores, capability {torch.backends.cpu.get_cpu_capability()}, "
        f"Python {platform.python_version()}, {versions}, {today}"
    )
