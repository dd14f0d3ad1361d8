"""Pictures onto the disk: a grid, or one file each, and nothing half-written when it goes wrong."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zoo.atomic import disk_errors, write_atomic
from zoo.errors import InputError
from zoo.pictures import grid, png

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray


def write_pictures(
    batches: Iterable[NDArray[np.uint8]], n: int, *, sheet: Path | None, each: Path | None
) -> None:
    """Write `n` pictures that come in batches as one PNG grid, as a folder of PNG files, or both.

    The folder's pictures are written as they come, so that their number is not bound by memory, and appear in
    it only when all are there.

    Raises:
        InputError: `each` is no folder, or holds files that these pictures would not replace.
        ResourceError: the disk is full, or a place cannot be written.
    """
    if each is None:
        _write_sheet(batches, sheet)
        return
    _check_folder(each, n)
    created = [folder for folder in (each, *each.parents) if not folder.exists()]
    scratch = each / f".tmp-{os.getpid()}"
    try:
        with disk_errors(each):
            scratch.mkdir(parents=True)
            _write_sheet(_saved(batches, scratch), sheet)
            for path in sorted(scratch.iterdir()):
                path.replace(each / path.name)
            scratch.rmdir()
    except BaseException:
        shutil.rmtree(created[-1] if created else scratch, ignore_errors=True)
        raise


def _write_sheet(batches: Iterable[NDArray[np.uint8]], sheet: Path | None) -> None:
    """Use up the batches; keep them only for a sheet."""
    if sheet is None:
        for _ in batches:
            pass
    else:
        write_atomic(sheet, png(grid(np.concatenate(list(batches)))))


def _saved(batches: Iterable[NDArray[np.uint8]], folder: Path) -> Iterable[NDArray[np.uint8]]:
    """Pass the batches on, each picture saved as `000000.png`, `000001.png`, ..."""
    index = 0
    for batch in batches:
        for picture in batch:
            Image.fromarray(picture).save(folder / f"{index:06d}.png")
            index += 1
        yield batch


def _check_folder(folder: Path, n: int) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"--each {folder}: it is a file. Give a folder")
    for path in sorted(folder.iterdir()):
        number = path.stem
        if (
            path.suffix != ".png"
            or not number.isdigit()
            or path.name != f"{int(number):06d}.png"
            or int(number) >= n
        ):
            raise InputError(
                f"--each {folder}: it holds {path.name}, which {n} new pictures would not replace. "
                "Give an empty folder"
            )
