"""Pictures written to disk as they are generated; an error leaves nothing half-written."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image

from zoo.data.npy import store_images
from zoo.errors import BusyError, InputError
from zoo.generators.pictures import GIF_SCALE, GRID_SCALE, enlarged, gif, grid, png
from zoo.system.atomic import disk_errors, write_atomic
from zoo.system.scratch import is_scratch_name, scratch_folder, sweep_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

LOCK = ".tmp.lock"
"""Inside a folder of pictures while they are written, as is the scratch folder that they are written to."""
SCRATCH = ".pictures"
"""What the scratch folder's name begins with."""


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
    with _undone_on_error(*([] if out is None else [out.parent])) as made:
        _write_folder(batches, n, each, out, scale, made)


def _write_folder(
    batches: Iterable[NDArray[np.uint8]],
    n: int,
    each: Path | None,
    out: Path | None,
    scale: int | None,
    made: list[Path],
) -> None:
    if each is None:
        _write_file(batches, n, out, scale, made)
        return
    _check_folder(each, n)
    with _undone_on_error(each) as pictures, _scratch(each) as scratch:
        _write_file(_save_each(batches, scratch, scale or 1), n, out, scale, made)
        with disk_errors(each):
            for name in map(_name, range(n)):
                _note_new(each / name, pictures)
                (scratch / name).replace(each / name)


def _write_file(
    batches: Iterable[NDArray[np.uint8]], n: int, out: Path | None, scale: int | None, made: list[Path]
) -> None:
    """Consume all batches, and write them to `out` where it is given."""
    if out is None:
        for _ in batches:
            pass
        return
    _note_new(out, made)
    suffix = out.suffix.lower()
    if suffix == ".npy":
        pictures = (picture for batch in batches for picture in batch)
        first = next(pictures)
        store_images(out, chain([first], pictures), first.shape)
        return
    if suffix == ".gif":
        write_atomic(out, gif(_together(batches, n), scale=scale or GIF_SCALE))
    else:
        # The pictures are gone when their grid, which takes as much again, is compressed.
        write_atomic(out, png(grid(_together(batches, n), scale=scale or GRID_SCALE)))


def _together(batches: Iterable[NDArray[np.uint8]], n: int) -> NDArray[np.uint8]:
    """Return `n` pictures as one array, which is all that is ever held of them."""
    pictures: NDArray[np.uint8] | None = None
    done = 0
    for batch in batches:
        if pictures is None:
            pictures = np.empty((n, *batch.shape[1:]), np.uint8)
        pictures[done : done + len(batch)] = batch
        done += len(batch)
    assert pictures is not None
    return pictures


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
    lock = FileLock(folder / LOCK)
    with disk_errors(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout:  # an OSError too
            raise BusyError(
                f"{folder}: another process writes pictures to it. Wait for it, or stop it"
            ) from None
    try:
        sweep_folders(folder, _is_picture)
        with ExitStack() as stack:
            with disk_errors(folder):
                scratch = stack.enter_context(scratch_folder(folder / SCRATCH))
            yield scratch
    finally:
        _let_go(lock)


def _let_go(lock: FileLock) -> None:
    """Release a lock and remove its file: in this order, another who got it in between would lose the file's name."""
    if sys.platform == "win32":  # what is open there cannot be removed
        lock.release()
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()


def _is_picture(name: str) -> bool:
    return re.fullmatch(r"\d{6,}\.png", name) is not None


def _is_scratch(name: str) -> bool:
    return name.startswith(f"{SCRATCH}.") and is_scratch_name(name)


def _note_new(path: Path, made: list[Path]) -> None:
    """Note a file that is about to appear where nothing was."""
    if not os.path.lexists(path):
        made.append(path)


@contextmanager
def _undone_on_error(*folders: Path) -> Iterator[list[Path]]:
    """Give a list; when the block fails, remove the files in it, and those of the folders that were new and are empty.

    What other processes put there meanwhile stays.
    """
    created = [path for folder in folders for path in (folder, *folder.parents) if not path.exists()]
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for file in made:
            with suppress(OSError):
                file.unlink()
        for path in created:
            with suppress(OSError):
                path.rmdir()
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
            if not replaced and entry.name != LOCK and not _is_scratch(entry.name):
                raise InputError(
                    f"--each {folder}: it holds {entry.name}, which {n} new pictures would not replace. "
                    "Give an empty folder"
                )
