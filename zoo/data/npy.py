"""Images in `.npy` files: never mapped into memory or unpickled, and refused with the numbers found."""

from __future__ import annotations

import contextlib
import io
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy_format

from zoo.data.file_rows import SQUARE, FileRows, channels_first
from zoo.errors import InputError
from zoo.system.atomic import disk_errors, new_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import BufferedReader
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

    from zoo.images import Pixels

IN_MEMORY = 128 << 20
"""Bytes of images that are read at once, after which their file may change."""
HEADER_LIMIT = 16 << 10
"""Bytes in which a header must end."""
PIECE = 1 << 20
"""Bytes that are read at once of images that do not lie in one piece."""
IMAGES_LIMIT = 1 << 24
"""Images in a file: a training shuffles their numbers, eight bytes each."""


def read_images(path: Path, limit: int | None = None) -> Pixels:
    """Return the file's images (N, C, H, W): in memory where they are small, else read as they are asked for.

    The file holds uint8 (N, 784) as Quick, Draw! does, (N, H, W), (N, H, W, 1) or (N, H, W, 3). It is never mapped:
    a file that is cut short while it is mapped ends the process without a word.

    Args:
        path: the .npy file.
        limit: take at most the first so many.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    with contextlib.ExitStack() as at_end:
        file = at_end.enter_context(_opened(path))
        shape, start, by_columns = _checked(path, file)
        count = shape[0] if limit is None else min(limit, shape[0])
        if by_columns:
            return _by_columns(FileRows(path, file, shape, start), count)
        rows = FileRows(path, file, (count, *shape[1:]), start)
        if rows.nbytes <= IN_MEMORY:
            return rows[:]
        at_end.pop_all()  # the file stays open as long as there is somebody to read from it
        return rows


def _checked(path: Path, file: BufferedReader) -> tuple[tuple[int, ...], int, bool]:
    """Return the shape of a file that holds images, where its data starts, and whether it lies by columns."""
    shape, dtype, start, by_columns = _header(path, file)
    if dtype.hasobject:
        raise InputError(f"{path}: it holds Python objects, which are never loaded. Save it as uint8")
    if dtype != np.uint8:
        raise InputError(f"{path}: it holds {dtype}, images are uint8 (0 to 255). Convert it first")
    if min(shape, default=0) < 0:
        raise InputError(f"{path}: its shape is {shape}, and no size is below 0. Get it again")
    if not _is_images(shape):
        raise InputError(
            f"{path}: its shape is {shape}, images are (N, 784), (N, H, W), (N, H, W, 1) or (N, H, W, 3). "
            "Reshape it first"
        )
    if math.prod(shape) == 0:
        raise InputError(f"{path}: it is empty, its shape is {shape}. Give it at least one image")
    expected, found = start + math.prod(shape), path.stat().st_size
    if found < expected:
        raise InputError(
            f"{path}: it is truncated, {shape} takes {expected} bytes and the file has {found}. Get it again"
        )
    if shape[0] > IMAGES_LIMIT:
        raise InputError(
            f"{path}: it holds {shape[0]:,} images, and at most {IMAGES_LIMIT:,} are read. Give fewer"
        )
    return shape, start, by_columns


def _opened(path: Path) -> BufferedReader:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file. Give a .npy file")
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror}. Give another file") from error


def _header(path: Path, file: BufferedReader) -> tuple[tuple[int, ...], np.dtype[np.generic], int, bool]:
    """Return shape, type, the place where the data starts, and whether it lies by columns."""
    try:
        head = io.BytesIO(file.read(HEADER_LIMIT))  # a header may say that it has gigabytes
        readers = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
        shape, by_columns, dtype = readers[npy_format.read_magic(head)](head, max_header_size=HEADER_LIMIT)
        return shape, dtype, head.tell(), by_columns
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror}. Give another file") from error
    except Exception as error:  # numpy parses the header as Python's text, and each stage has its own errors
        raise InputError(f"{path}: it is not a .npy file of images. Save it with numpy.save") from error


def _by_columns(rows: FileRows, count: int) -> NDArray[np.uint8]:
    """Return images that lie in the order of Fortran, where no image lies in one piece."""
    size = rows.file_shape[0] * rows.row_bytes
    if size > IN_MEMORY:
        raise InputError(
            f"{rows.path}: it lies by columns, and of such files at most {IN_MEMORY:,} bytes are read, not {size:,}. "
            "Save numpy.ascontiguousarray of it"
        )
    whole, *inner = rows.file_shape
    images = np.empty((count, *inner), np.uint8)
    flat, columns = images.reshape(count, -1), math.prod(inner)
    some = max(1, PIECE // whole)
    for first in range(0, columns, some):
        last = min(first + some, columns)
        piece = rows.read(first * whole, (last - first) * whole).reshape(-1, whole)
        places = np.ravel_multi_index(np.unravel_index(np.arange(first, last), inner, order="F"), inner)
        flat[:, places] = piece[:, :count].T
    return channels_first(images)


def _is_images(shape: tuple[int, ...]) -> bool:
    if len(shape) == 2:
        return shape[1] == SQUARE**2
    return len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))


def store_images(path: Path, images: Iterable[NDArray[np.uint8]], shape: tuple[int, ...]) -> int:
    """Write images of one `shape`, (H, W) or (H, W, C), to `path` as they come, and return how many came.

    The file is there whole or not at all; for no images there is none, as when `images` raises.

    Raises:
        ResourceError: the disk is full or the folder cannot be written.
    """
    count = 0
    with contextlib.suppress(_NoneCameError), new_file(path) as file:
        count = _write(file, path, images, shape)
        if not count:
            raise _NoneCameError
    return count


class _NoneCameError(Exception):
    """Leaves the block of a file that is not to be."""


def _write(file: IO[bytes], path: Path, images: Iterable[NDArray[np.uint8]], shape: tuple[int, ...]) -> int:
    def write_header(count: int) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
        npy_format.write_array_header_1_0(file, header)

    # numpy leaves room in the header for the count to grow, which is known only at the end.
    write_header(0)
    count = 0
    for image in images:
        with disk_errors(path):
            file.write(np.ascontiguousarray(image.reshape(shape)).data)
        count += 1
    with disk_errors(path):
        file.seek(0)
        write_header(count)
    return count
