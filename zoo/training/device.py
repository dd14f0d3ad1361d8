"""Which hardware runs a training, and in which precision."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch

from zoo.__about__ import DISTRIBUTION, __version__
from zoo.errors import InputError, counted, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
PrecisionChoice = Literal["auto", "fp32", "bf16"]
Precision = Literal["fp32", "bf16"]


def choose_device(choice: DeviceChoice) -> torch.device:
    """Return the device to train on; `auto` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        InputError: the one asked for is not there, or none of those.
    """
    _refuse_unknown("device", choice, get_args(DeviceChoice))
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if choice == "auto":
        choice = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[choice]:
        found = ", ".join(name for name, available in there.items() if available)
        raise InputError(
            f"--device {choice}: torch {torch.__version__} sees only {found} here. Use --device auto"
        )
    return torch.device(choice)


def choose_precision(choice: PrecisionChoice, device: torch.device) -> Precision:
    """Return the precision of convolutions; `auto` takes bfloat16 only where the hardware multiplies it natively.

    Raises:
        InputError: there is no such precision.
    """
    _refuse_unknown("precision", choice, get_args(PrecisionChoice))
    if choice != "auto":
        return choice
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    return "bf16" if device.type == "cpu" and {"amx_bf16", "avx512_bf16"} & _cpu_flags() else "fp32"


def _refuse_unknown(what: str, choice: str, known: Sequence[str]) -> None:
    if choice not in known:
        raise InputError(f"{what}: there is no {choice!r}. Choose {joined(known, 'or')}")


def environment(
    device: torch.device, precision: Precision, ranks: int, plugins: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a resume must find unchanged to be exact.

    Args:
        device: where it trains.
        precision: of convolutions.
        ranks: how many processes train together.
        plugins: the version of each distribution that brought a component.
    """
    return {
        "device": device.type,
        "hardware": describe_hardware(device),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "precision": precision,
        "ranks": ranks,
        "versions": {
            DISTRIBUTION: __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **plugins,
        },
    }


def describe_hardware(device: torch.device) -> str:
    """Return one line that says what the training runs on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu_name()}, {counted(torch.get_num_threads(), 'thread')}"


def _cpu_flags() -> set[str]:
    return set(_cpuinfo("flags").split())


def _cpu_name() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
