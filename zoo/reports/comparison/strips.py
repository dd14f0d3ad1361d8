"""The same latents of every generator: the first row of the sample grid that each has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.generators.pictures import GAP, GRID_SCALE
from zoo.reports.pictures import read_picture

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

PICTURES = 8
"""In a row: a sample grid has eight by eight, of the first 64 latents of seed 0."""


def strip_of(path: Path) -> Image.Image | None:
    """Return the first row of a sample grid; None where the file is no such grid."""
    picture = read_picture(path)
    if picture is None:
        return None
    # As zoo.generators.pictures.grid lays them out.
    height, rest = divmod(picture.height - GRID_SCALE * GAP, GRID_SCALE * PICTURES)
    if rest or height <= GAP or (picture.width - GRID_SCALE * GAP) % (GRID_SCALE * PICTURES):
        return None
    return picture.crop((0, 0, picture.width, GRID_SCALE * (height + GAP)))
