"""A small disk in memory that can be filled, enlarged and made read-only. Linux, and root to mount it."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = 4096


class Tmpfs:
    """A mounted tmpfs; `path` is its root."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        path.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))

    def resize(self, size: int) -> None:
        """Make it hold `size` bytes."""
        _run("mount", "-o", f"remount,size={size}", str(self.path))

    def fill(self, leave: int) -> None:
        """Put in a file so large that `leave` bytes stay free, in whole pages."""
        status = os.statvfs(self.path)
        size = status.f_bavail * status.f_frsize - leave
        if size > 0:
            with (self.path / "ballast").open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)

    def close(self) -> None:
        """Unmount it, whatever is still open."""
        _run("umount", "-l", str(self.path))


@contextmanager
def tmpfs(path: Path, size: int) -> Iterator[Tmpfs]:
    """Give a tmpfs of `size` bytes at `path`, unmounted afterwards."""
    disk = Tmpfs(path, size)
    try:
        yield disk
    finally:
        disk.close()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder read-only for every process, as a disk that the system has given up."""
    _run("mount", "--bind", str(folder), str(folder))
    try:
        _run("mount", "-o", "remount,ro,bind", str(folder))
        yield
    finally:
        _run("umount", "-l", str(folder))


def why_not(folder: Path) -> str | None:
    """Return why nothing can be mounted here, or None where it can."""
    try:
        with tmpfs(folder / "trial", PAGE):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None)
        return said.decode().strip() if said else str(error)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
