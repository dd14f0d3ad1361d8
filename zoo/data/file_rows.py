"""Images that stay in their file: read where they are asked for, and refused once the file has changed."""

from __future__ import annotations

import math
import os
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import InputError

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

    from numpy.typing import NDArray

SQUARE = 28
"""Height and width of images that lie as rows of 784 numbers."""


def channels_first(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images (N, 784), (N, H, W) or (N, H, W, C) as (N, C, H, W)."""
    if array.ndim == 2:
        return array.reshape(-1, 1, SQUARE, SQUARE)
    return array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2)


class FileRows:
    """Images (N, C, H, W) of an open file, as far as the trainer needs an array.

    Attributes:
        path: the file, for messages.
        file_shape: of the array as it lies there, (N, 784), (N, H, W) or (N, H, W, C).
        row_bytes: of one image.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, file: BufferedReader, file_shape: tuple[int, ...], start: int) -> None:
        """Read `file` from the byte `start` on, whatever comes to lie at `path` later, and close it at the end."""
        self.path = path
        self.file_shape = file_shape
        self.row_bytes = math.prod(file_shape[1:])
        self._file = file
        self._start = start
        self._stamp = self._now()
        weakref.finalize(self, file.close)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)."""
        empty = np.empty((0, *self.file_shape[1:]), np.uint8)
        return (self.file_shape[0], *channels_first(empty).shape[1:])

    @property
    def nbytes(self) -> int:
        """Of all images."""
        return self.file_shape[0] * self.row_bytes

    def __len__(self) -> int:
        return self.file_shape[0]

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        """Return images, chosen as an array's first axis is; more indices choose from these.

        Raises:
            InputError: the file has changed since it was opened.
        """
        first, rest = (index[0], index[1:]) if isinstance(index, tuple) else (index, ())
        numbers = self._numbers(first)
        if np.ndim(first) == 0 and not isinstance(first, slice):
            return np.asarray(channels_first(self._rows(numbers))[(0, *rest)])
        return np.asarray(channels_first(self._rows(numbers))[(slice(None), *rest)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all images: what numpy calls when it is given this."""
        return np.asarray(self[:], dtype)

    def _numbers(self, index: Any) -> range | list[int]:
        """Return which images an index means, without a list of all images."""
        if isinstance(index, slice):
            return range(len(self))[index]
        chosen = np.atleast_1d(np.asarray(index))
        if chosen.dtype == bool:
            if chosen.shape != (len(self),):
                raise IndexError(f"a mask of shape {chosen.shape} for {len(self)} images")
            chosen = np.flatnonzero(chosen)
        places = range(len(self))
        return [places[number] for number in chosen.tolist()]

    def _rows(self, numbers: range | list[int]) -> NDArray[np.uint8]:
        shape = (len(numbers), *self.file_shape[1:])
        if isinstance(numbers, range) and numbers.step == 1:
            return self.read(numbers.start * self.row_bytes, math.prod(shape)).reshape(shape)
        rows = np.empty(shape, np.uint8)
        for row, number in zip(rows, numbers, strict=True):
            row.reshape(-1)[:] = self.read(number * self.row_bytes, self.row_bytes)
        return rows

    def read(self, start: int, size: int) -> NDArray[np.uint8]:
        """Return bytes of the data.

        Raises:
            InputError: the file has changed since it was opened.
        """
        data = np.empty(size, np.uint8)
        try:
            self._file.seek(self._start + start)
            found = self._file.readinto(data.data)
        except OSError as error:
            raise InputError(
                f"{self.path}: it cannot be read: {error.strerror}. Mend that, and go on"
            ) from error
        if found < size or self._now() != self._stamp:
            raise InputError(
                f"{self.path}: it changed while it was read, and what was learnt from it can no longer be repeated. "
                "Bring back the file as it was and type zoo resume, or start a new run"
            )
        return data

    def _now(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns
