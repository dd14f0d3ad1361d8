"""Whether there is room for what will be written, asked before it is; and how much memory there is."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from zoo.errors import ResourceError
from zoo.system.atomic import free_bytes

CGROUPS = Path("/sys/fs/cgroup")
_GROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat", ""),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_"),
)
"""Of cgroups v2 and v1: what a group may take, takes, of what kinds, and what their names begin with."""
_GIVEN_BACK = ("inactive_file", "active_file", "slab_reclaimable")
"""Kinds of memory that Linux takes back before a group is at its limit: copies of files, for the most part."""


def physical_memory() -> int:
    """Return the bytes of memory of this machine, or a number beyond any where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return sys.maxsize


def usable_memory() -> int:
    """Return how many bytes of memory are free, or where the system does not say, how many this machine has."""
    free = free_memory()
    return physical_memory() if free is None else free


def free_memory() -> int | None:
    """Return how many bytes of memory are free; None where the system does not say."""
    free = [_available(), left_to_group()]
    return min((found for found in free if found is not None), default=None)


def _available() -> int | None:
    """Return what Linux says that new programs can have without swapping."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return None


def left_to_group(root: Path = CGROUPS) -> int | None:
    """Return what a container may still take, its cache of files counted as free; None where nothing bounds it.

    Args:
        root: where the control groups are mounted.
    """
    for most, taken, kinds, prefix in _GROUP_FILES:
        with suppress(OSError, ValueError):
            left = int((root / most).read_text()) - int((root / taken).read_text())
            return max(0, left + _given_back(root / kinds, prefix))
    return None


def _given_back(kinds: Path, prefix: str) -> int:
    names = {prefix + name for name in _GIVEN_BACK}
    with suppress(OSError, ValueError):
        lines = (line.split() for line in kinds.read_text().splitlines())
        return sum(int(line[1]) for line in lines if len(line) == 2 and line[0] in names)
    return 0


def refuse_without_room(path: Path, size: int, times: int = 1) -> None:
    """Raise ResourceError where `times` files of up to `size` bytes cannot be written at `path`.

    A disk with room may still be full a moment later, when somebody else wrote to it: writers watch for that.
    """
    limit = file_size_limit()
    if limit is not None and limit < size:
        raise ResourceError(
            f"{path}: it takes up to {size:,} bytes, and a file of this process may have {limit:,} (ulimit -f). "
            "Raise that limit"
        )
    free = free_bytes(path)
    if free is not None and free < size * times:
        many = f"{size * times:,} bytes ({times} of {size:,})" if times > 1 else f"{size:,} bytes"
        raise ResourceError(
            f"{path}: it takes up to {many}, and {free:,} bytes are free there. Free space, or choose another place"
        )


def file_size_limit() -> int | None:
    """Return how large this process's files may become (RLIMIT_FSIZE); None where there is no limit."""
    if sys.platform == "win32":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if limit == resource.RLIM_INFINITY else limit
