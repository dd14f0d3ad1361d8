"""The scans of a JPEG file: every one after the first makes the decoder go over, and keep, the whole picture again."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import IO

END, SCAN, FILL = 0xD9, 0xDA, 0xFF
ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a length behind them."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PIECE = 1 << 20


def count_scans(file: IO[bytes], most: int) -> int:
    """Return how many scans a JPEG file's first picture has, counting no further than `most`.

    The file is left where it was.
    """
    start = file.tell()
    try:
        file.seek(2)
        scans = 0
        while scans < most and (marker := _next_marker(file)) not in (None, END):
            if marker == SCAN:
                scans += 1
            if marker not in ALONE:
                file.seek(max(int.from_bytes(file.read(2)) - 2, 0), os.SEEK_CUR)
        return scans
    finally:
        file.seek(start)


def _next_marker(file: IO[bytes]) -> int | None:
    """Go behind the next marker, over a scan's data, and return it; None at the end of the file."""
    kept = b""
    while piece := file.read(_PIECE):
        data = kept + piece
        found = _MARKER.search(data)
        if found:
            file.seek(found.end() - len(data), os.SEEK_CUR)
            return data[found.end() - 1]
        kept = data[-1:]
    return None


def coefficient_bytes(image: Any) -> float:
    """Return what the coefficients of an open JPEG take at its full size, two bytes each.

    Args:
        image: with `layer`, as Pillow's reader of JPEG keeps it: number, sampling across and down, table.
    """
    across, down = (max((layer[side] for layer in image.layer), default=1) for side in (1, 2))
    return float(sum(2 * layer[1] * layer[2] / (across * down) for layer in image.layer))
