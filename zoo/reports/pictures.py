"""Pictures from a stranger's folder for a page: decoded and encoded again."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from zoo.generators.pictures import GRID_SCALE, enlarged
from zoo.system.regular_files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

PICTURE_LIMIT = 4 << 20
"""Bytes of a picture's file; larger ones are left out."""
PIXELS_LIMIT = 16_000_000
SIDE_LIMIT = 1200
"""Pixels of a picture's longer side, to which larger ones are shrunk."""


def picture_url(path: Path) -> str | None:
    """Return a PNG file as a data URL; None where it is none, or too large."""
    image = read_picture(path)
    return None if image is None else data_url(fitting(image))


def read_picture(path: Path) -> Image.Image | None:
    """Return a PNG file's picture, grey or RGB; None where it is none, or too large."""
    try:
        data = io.BytesIO(read_regular(path, PICTURE_LIMIT, links=False))
        with Image.open(data, formats=("PNG",)) as image:
            if image.width * image.height > PIXELS_LIMIT:
                return None
            return image.convert("RGB" if image.mode not in ("L", "RGB") else image.mode)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def fitting(image: Image.Image) -> Image.Image:
    """Return a picture without the enlargement that grids have in files, and none of its sides above `SIDE_LIMIT`."""
    levels = np.asarray(image)
    small = levels[::GRID_SCALE, ::GRID_SCALE]
    if image.width % GRID_SCALE == image.height % GRID_SCALE == 0 and np.array_equal(
        enlarged(small, GRID_SCALE), levels
    ):
        image = Image.fromarray(small)
    image.thumbnail((SIDE_LIMIT, SIDE_LIMIT))
    return image


def data_url(image: Image.Image) -> str:
    """Return `data:image/...;base64,...`: PNG of what is grey, WebP of what is coloured, a fifth as long or less."""
    kind, options = (
        ("png", {"compress_level": 6}) if image.mode == "L" else ("webp", {"quality": 80, "method": 2})
    )
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
