"""How many threads a training on the CPU takes."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

TOPOLOGY = Path("/sys/devices/system/cpu")
QUOTA = Path("/sys/fs/cgroup/cpu.max")
SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def use_cores() -> None:
    """Leave torch no more threads than there are cores for this process, unless the environment says how many.

    Two threads on one core share its vector unit, of which one of them already makes full use; what a container may
    not use makes the others wait.
    """
    if any(os.environ.get(name) for name in SETTINGS) or not hasattr(os, "sched_getaffinity"):
        return
    cores = usable_cores(os.sched_getaffinity(0))
    if cores < torch.get_num_threads():
        torch.set_num_threads(cores)


def default_threads() -> int:
    """Return how many threads a training takes: what the environment says, else the cores, else what torch has."""
    for name in SETTINGS:
        with suppress(ValueError):
            if (threads := int(os.environ.get(name, "").partition(",")[0])) > 0:
                return threads
    return (
        usable_cores(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else torch.get_num_threads()
    )


def usable_cores(cpus: Iterable[int], topology: Path = TOPOLOGY, quota: Path = QUOTA) -> int:
    """Return how many physical cores a process can keep busy at once, 1 or more.

    Args:
        cpus: the logical ones it may run on.
        topology: Linux's folder about them; where it says nothing, each is a core.
        quota: the file in which Linux says how much time a container may take; where there is none, all.
    """
    cores = {_siblings(topology / f"cpu{cpu}" / "topology" / "thread_siblings_list", cpu) for cpu in cpus}
    return max(1, min(len(cores), _granted(quota)))


def _siblings(file: Path, cpu: int) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return str(cpu)


def _granted(quota: Path) -> int:
    try:
        time, period = (int(word) for word in quota.read_text().split())
        return -(-time // period)
    except (OSError, ValueError, ZeroDivisionError):  # `max 100000` is no limit
        return sys.maxsize
