"""Whether there is room for what will be written, asked before it is; and how much memory there is."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from zoo.errors import ResourceError
from zoo.system.atomic import free_bytes


def physical_memory() -> int:
    """Return the bytes of memory of this machine, or a number beyond any where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return sys.maxsize


def free_memory() -> int | None:
    """Return how many bytes of memory are free; None where the system does not say."""
    free = [_available(), _left_to_group()]
    return min((found for found in free if found is not None), default=None)


def _available() -> int | None:
    """Return what Linux says that new programs can have without swapping."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return None


def _left_to_group() -> int | None:
    """Return what a container may still take."""
    with suppress(OSError, ValueError):
        most, taken = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        return max(0, most - taken)
    return None


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
