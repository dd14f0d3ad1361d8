"""Images in `.npy` files: mapped into memory, never unpickled, and refused with the numbers found."""

from __future__ import annotations

import contextlib
import math
import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy_format

from zoo.errors import InputError
from zoo.system.atomic import disk_errors, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

QUICKDRAW_SIDE = 28


def map_images(path: Path) -> NDArray[np.uint8]:
    """Return the file's images (N, C, H, W) as a copy-on-write map: writing to it never reaches the file.

    The file holds uint8 (N, 784) as Quick, Draw! does, (N, H, W), (N, H, W, 1) or (N, H, W, 3).

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    shape, dtype, start = _header(path)
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
    return _channels_first(np.load(path, mmap_mode="c", allow_pickle=False))


def _header(path: Path) -> tuple[tuple[int, ...], np.dtype[np.generic], int]:
    """Return shape, type and the place where the data starts."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file. Give a .npy file")
    try:
        with path.open("rb") as file:
            readers = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
            shape, _, dtype = readers[npy_format.read_magic(file)](file)
            return shape, dtype, file.tell()
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror}. Give another file") from error
    except Exception as error:  # numpy parses the header as Python's text, and each stage has its own errors
        raise InputError(f"{path}: it is not a .npy file of images. Save it with numpy.save") from error


def _is_images(shape: tuple[int, ...]) -> bool:
    if len(shape) == 2:
        return shape[1] == QUICKDRAW_SIDE**2
    return len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))


def _channels_first(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if array.ndim == 2:
        return array.reshape(-1, 1, QUICKDRAW_SIDE, QUICKDRAW_SIDE)
    if array.ndim == 3:
        return array[:, None]
    return array.transpose(0, 3, 1, 2)


def store_images(path: Path, images: Iterable[NDArray[np.uint8]], shape: tuple[int, ...]) -> int:
    """Write images of one `shape`, (H, W) or (H, W, C), to `path` as they come, and return how many came.

    The file is there whole or not at all; for no images there is none, as when `images` raises.

    Raises:
        ResourceError: the disk is full or the folder cannot be written.
    """
    scratch = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = scratch.open("wb")
    try:
        count = _write(file, path, images, shape)
        file.close()
        if count:
            with disk_errors(path):
                scratch.replace(path)
                sync_folder(path.parent)
        return count
    finally:
        with contextlib.suppress(OSError):  # closing writes what a full disk has just refused
            file.close()
        scratch.unlink(missing_ok=True)


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
        file.flush()
        os.fsync(file.fileno())
    return count
