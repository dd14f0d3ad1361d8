"""A file that has come in part: kept beside its place, with the server's name for its version."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import NetworkError
from zoo.system.atomic import disk_errors, sync_folder
from zoo.system.regular_files import open_to_append, read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VERSION_LIMIT = 1 << 16


@dataclass(frozen=True)
class Part:
    """What has come so far, and the server's name for the version it belongs to."""

    path: Path
    most: int
    """Bytes that may come."""

    @property
    def file(self) -> Path:
        """Where the bytes are kept."""
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def version_file(self) -> Path:
        """Where the name of their version is kept."""
        return self.path.with_name(f"{self.path.name}.part.version")

    def size(self) -> int:
        """Return how many bytes can be kept: none where it is unknown which version they belong to."""
        return self.file.stat().st_size if self.file.exists() and self.version_file.exists() else 0

    def version(self) -> str:
        """Return the server's name for the version that the bytes belong to."""
        return read_regular(self.version_file, VERSION_LIMIT, links=False).decode("latin-1")

    def begin(self, version: str | None) -> None:
        """Forget what came before, and note whose bytes come now."""
        with disk_errors(self.path):
            self.version_file.unlink(missing_ok=True)
            open_to_append(self.file, empty=True).close()
            if version is not None:
                with open_to_append(self.version_file, empty=True) as file:
                    file.write(version.encode("latin-1"))

    def refuse(self, url: str, size: int) -> None:
        """Raise NetworkError where the whole has more bytes than may come, and keep none of them."""
        if size > self.most:
            self.file.unlink(missing_ok=True)
            self.version_file.unlink(missing_ok=True)
            raise NetworkError(
                f"{url}: it has {size:,} bytes or more, at most {self.most:,} are fetched. Check the address"
            )

    def append(self, url: str, pieces: Iterator[bytes], advance: Callable[[int], None]) -> None:
        """Keep more bytes, synced; `advance` is told how many after each piece. Raises as `refuse` does."""
        with disk_errors(self.path):
            file = open_to_append(self.file)
        with file:
            for piece in pieces:
                self.refuse(url, file.tell() + len(piece))
                with disk_errors(self.path):
                    file.write(piece)
                    file.flush()
                advance(len(piece))
            with disk_errors(self.path):
                os.fsync(file.fileno())

    def finish(self) -> None:
        """Put the whole file in its place."""
        with disk_errors(self.path):
            self.file.replace(self.path)
            self.version_file.unlink(missing_ok=True)
            sync_folder(self.path.parent)
