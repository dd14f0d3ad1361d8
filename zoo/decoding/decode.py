"""From an encoded image to uint8: upright, in sRGB, on white, and cut to the middle."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from zoo.decoding.colour import Colour
from zoo.decoding.limits import refuse_too_large
from zoo.decoding.upright import Upright

if TYPE_CHECKING:
    from typing import IO

    from numpy.typing import NDArray

FORMATS = (
    "PNG", "JPEG", "MPO", "GIF", "WEBP", "AVIF", "HEIF", "TIFF", "BMP", "DIB", "PPM", "TGA", "JPEG2000", "PSD",
    "PCX", "SGI", "QOI", "DDS", "IM", "XBM", "MSP",
)  # fmt: skip
"""What is read where Pillow can. Its other readers run programs, unpack without bound, or read no picture."""


class Decoded(NamedTuple):
    """A picture as it is trained on."""

    pixels: NDArray[np.uint8]
    """(H, W) or (H, W, 3)."""
    profile_error: str | None
    """Why its colour profile was ignored."""


@cache
def readable() -> tuple[str, ...]:
    """Return the formats that are read here; HEIF needs the package pillow-heif."""
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@cache
def endings() -> frozenset[str]:
    """Return the file endings of those formats, in lower case with the dot."""
    formats = readable()  # first: it may bring endings
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in formats)


def decode(file: IO[bytes], size: tuple[int, int], channels: int) -> Decoded:
    """Return the middle of an encoded image, in the proportions of `size` (height, width) and resized to it.

    Args:
        file: read from its start; it may be any file, and of animations the first picture counts.
        size: height and width.
        channels: 1 for grey, 3 for colour.

    Raises:
        PictureError: it is over a limit, or its values have no known meaning.
        Exception: whatever Pillow's readers raise for damaged files.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks, on sizes too: the limits here are errors
        with Image.open(file, formats=readable()) as image:
            full = image.size
            image.draft(None, (2 * max(size), 2 * max(size)))
            refuse_too_large(image, file, full)
            raw_mode = _raw_mode(image)
            image.load()
            colour = Colour(image, raw_mode, channels)
            middle = ImageOps.fit(_plain(image, colour), size[::-1], Image.Resampling.LANCZOS)
    # Grey became no colour before: each channel would be resized to the same.
    return Decoded(np.asarray(middle.convert("L" if channels == 1 else "RGB")), colour.profile_error)


def _raw_mode(image: Image.Image) -> str:
    """Return how the file holds a pixel, in Pillow's words, as far as the reader says so before it loads."""
    tiles = getattr(image, "tile", [])
    arguments = tiles[0].args if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else image.mode


def _plain(image: Image.Image, colour: Colour) -> Image.Image:
    """Return a loaded image upright, in the mode that its colours become."""
    upright = Upright(image)
    if colour.is_plain and not upright.turned:
        return image
    whole = Image.new(colour.mode, upright.size)
    for top, rows in upright.bands():
        whole.paste(colour.plain(rows), (0, top))
    return whole
