"""A picture as it is meant to be seen, turned a few rows at a time: a copy of all of it would take as much again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import ExifTags, Image

if TYPE_CHECKING:
    from collections.abc import Iterator

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings each orientation of EXIF upright."""
FROM_BELOW, FROM_THE_SIDE, FROM_THE_RIGHT = {3, 4}, {5, 6, 7, 8}, {7, 8}
BAND = 1 << 18
"""Pixels that are handled at once."""


class Upright:
    """A loaded image, upright.

    Attributes:
        size: width and height.
        turned: whether it lies otherwise in the file.
    """

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
        self._orientation = found if found in TURNS else 1
        self.turned = self._orientation != 1
        width, height = image.size
        self.size = (height, width) if self._orientation in FROM_THE_SIDE else (width, height)

    def bands(self) -> Iterator[tuple[int, Image.Image]]:
        """Give all rows from the top, many at once, each time with the number of the first."""
        width, height = self.size
        step = max(1, BAND // width)
        for top in range(0, height, step):
            yield top, self._rows(top, min(top + step, height))

    def _rows(self, top: int, bottom: int) -> Image.Image:
        image, orientation = self._image, self._orientation
        height = self.size[1]
        if orientation in FROM_BELOW | FROM_THE_RIGHT:
            top, bottom = height - bottom, height - top
        if orientation in FROM_THE_SIDE:
            rows = image.crop((top, 0, bottom, image.height))
        else:
            rows = image.crop((0, top, image.width, bottom))
        return rows.transpose(TURNS[orientation]) if orientation in TURNS else rows
