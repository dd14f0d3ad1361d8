"""One process a run folder. Free of torch, so that the second process learns of the first at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from zoo.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = ".lock"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a run folder against other processes.

    Raises:
        BusyError: another one holds it.
    """
    lock = FileLock(path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(f"{path}: another process is training in it. Wait for it, or stop it") from None
    try:
        yield
    finally:
        lock.release()
