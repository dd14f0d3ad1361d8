"""Pictures written to disk as they are generated; an error leaves nothing half-written."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image

from zoo.data.npy import store_images
from zoo.errors import BusyError, InputError
from zoo.generators.pictures import GIF_SCALE, GRID_SCALE, enlarged, gif, grid, png
from zoo.system.atomic import disk_errors, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SCRATCH, LOCK = ".tmp", ".tmp.lock"
"""Inside a folder of pictures while they are written.

A lock ends with its process: a scratch folder that nobody holds was left by a process that was killed.
"""


def write_pictures(
    batches: Iterable[NDArray[np.uint8]],
    n: int,
    *,
    out: Path | None,
    each: Path | None,
    scale: int | None = None,
) -> None:
    """Write `n` pictures that come in batches: as one file, as a folder of PNG files, or both.

    A .npy file and a folder are written batch by batch, so that their number is not limited by memory; for a .png grid
    and a .gif all pictures are held in memory. Files appear only when all pictures are done, whatever stops the
    process before. A file that was there is replaced.

    `scale` enlarges what a .png, a .gif and a folder show, by whole pixels; without it a grid is enlarged
    `pictures.GRID_SCALE` times, a .gif `pictures.GIF_SCALE` times, and a folder's pictures not at all.

    Raises:
        InputError: `each` is no folder, or holds files that these pictures would not replace.
        BusyError: another process writes to `each`.
        ResourceError: the disk is full, or a path cannot be written.
    """
    if each is None:
        _write_file(batches, out, scale)
        return
    _check_folder(each, n)
    with _removed_on_error_if_new(each), _scratch(each) as scratch:
        _write_file(_save_each(batches, scratch, scale or 1), out, scale)
        with disk_errors(each):
            for index in range(n):
                (scratch / _name(index)).replace(each / _name(index))


def _write_file(batches: Iterable[NDArray[np.uint8]], out: Path | None, scale: int | None) -> None:
    """Consume all batches, and write them to `out` where it is given."""
    if out is None:
        for _ in batches:
            pass
        return
    suffix = out.suffix.lower()
    if suffix == ".npy":
        pictures = (picture for batch in batches for picture in batch)
        first = next(pictures)
        store_images(out, chain([first], pictures), first.shape)
        return
    all_pictures = np.concatenate(list(batches))
    if suffix == ".gif":
        write_atomic(out, gif(all_pictures, scale=scale or GIF_SCALE))
    else:
        write_atomic(out, png(grid(all_pictures, scale=scale or GRID_SCALE)))


def _save_each(batches: Iterable[NDArray[np.uint8]], folder: Path, scale: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the batches, and save each picture, enlarged, as `000000.png`, `000001.png`, ..."""
    index = 0
    for batch in batches:
        with disk_errors(folder.parent):
            for picture in batch:
                Image.fromarray(enlarged(picture, scale)).save(folder / _name(index))
                index += 1
        yield batch


def _name(index: int) -> str:
    return f"{index:06d}.png"


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Give a scratch folder inside `folder`; no other process writes pictures there while the block lasts."""
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    lock, scratch = FileLock(folder / LOCK), folder / SCRATCH
    with disk_errors(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout:  # an OSError too
            raise BusyError(
                f"{folder}: another process writes pictures to it. Wait for it, or stop it"
            ) from None
    try:
        shutil.rmtree(scratch, ignore_errors=True)  # left by a process that was killed
        with disk_errors(folder):
            scratch.mkdir()
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        lock.release()
        (folder / LOCK).unlink(missing_ok=True)


@contextmanager
def _removed_on_error_if_new(folder: Path) -> Iterator[None]:
    """When the block fails, remove the folder if it did not exist before."""
    is_new = not folder.exists()
    try:
        yield
    except BaseException:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _check_folder(folder: Path, n: int) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"--each {folder}: it is a file. Give a folder")
    with os.scandir(folder) as entries:
        for entry in entries:
            number = entry.name.removesuffix(".png")
            replaced = number.isdecimal() and int(number) < n and entry.name == _name(int(number))
            if not replaced and entry.name not in (SCRATCH, LOCK):
                raise InputError(
                    f"--each {folder}: it holds {entry.name}, which {n} new pictures would not replace. "
                    "Give an empty folder"
                )
