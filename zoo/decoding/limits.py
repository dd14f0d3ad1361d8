"""What an encoded picture may cost to decode, found in its header before a pixel is made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zoo.decoding.jpeg import coefficient_bytes, count_scans

if TYPE_CHECKING:
    from typing import IO

    from PIL.Image import Image

BYTES_LIMIT = 256 << 20
"""Of a picture's file."""
MEMORY_LIMIT = 128 << 20
"""Bytes that decoding a picture takes."""
JPEG_PIXELS_LIMIT = 128 << 20
"""A JPEG is decoded at a smaller scale where it is more than twice as large as wanted."""
SCANNED_LIMIT = 512 << 20
"""Pixels times scans of a JPEG in several scans."""
SLOW = {"QOI": 1 << 20, "DDS": 1 << 20, "JPEG2000": 6 << 20}
"""Pixels of formats that take seconds for more; Pillow decodes the first two in Python."""
SCRATCH = {"WEBP": 12.4, "AVIF": 12, "HEIF": 7, "JPEG2000": 16, "SGI": 4, "QOI": 4, "DDS": 4}
"""Bytes a pixel that decoders take beside the picture, measured."""
LOSSLESS_WEBP = 16
BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
"""A pixel of these modes; of all others it is `COPY`."""
COPY = 4
"""Bytes of a pixel in RGB, as Pillow holds it."""


OVER = "over a limit"


class PictureError(ValueError):
    """A picture that is left out although its file may be whole.

    Attributes:
        kind: what it has in common with others, in words that follow a count.
    """

    def __init__(self, kind: str, why: str) -> None:
        self.kind = kind
        super().__init__(why)


def refuse_too_many_bytes(size: int) -> None:
    """Raise PictureError for a file of more bytes than are read."""
    if size > BYTES_LIMIT:
        raise PictureError(OVER, f"it has {size:,} bytes, at most {BYTES_LIMIT:,} are read")


def refuse_too_large(image: Image, file: IO[bytes], full: tuple[int, int]) -> None:
    """Raise PictureError for a picture that takes too long or too much memory to decode.

    Args:
        image: opened, and told at which scale to decode, but not loaded.
        file: the one that it was opened from; it is left where it was.
        full: its width and height in the file.
    """
    width, height = full
    if image.format in ("JPEG", "MPO"):
        most, beside = _of_jpeg(image, file, width * height)
    else:
        most, beside = SLOW.get(image.format or "", width * height), 0
    if width * height > most:
        raise _over(f"it has {width} x {height} pixels, at most {most:,} are read")
    memory = int(_memory(image, file) + beside)
    if memory > MEMORY_LIMIT:
        raise _over(
            f"its {width} x {height} pixels take {memory:,} bytes to decode, at most {MEMORY_LIMIT:,} are used"
        )


def _over(why: str) -> PictureError:
    return PictureError(OVER, why)


def _of_jpeg(image: Image, file: IO[bytes], pixels: int) -> tuple[int, float]:
    """Return how many pixels are read, and the bytes that coefficients take: they are kept for several scans."""
    if pixels > JPEG_PIXELS_LIMIT:
        return JPEG_PIXELS_LIMIT, 0
    scans = count_scans(file, SCANNED_LIMIT // pixels + 1)
    if scans < 2:
        return JPEG_PIXELS_LIMIT, 0
    return min(JPEG_PIXELS_LIMIT, SCANNED_LIMIT // scans), coefficient_bytes(image) * pixels


def _memory(image: Image, file: IO[bytes]) -> float:
    """Return the bytes of an image, and of what is larger: what its decoder takes, or a copy in RGB."""
    pixels, a_pixel = image.width * image.height, BYTES.get(image.mode, COPY)
    if image.format == "TIFF":
        return pixels * a_pixel + max(_tiff_scratch(image, a_pixel), pixels * COPY) + _size(file)
    scratch = SCRATCH.get(image.format or "", 0)
    if image.format == "WEBP" and (image.mode == "RGBA" or b"VP8L" in _head(file)):
        scratch = LOSSLESS_WEBP
    return pixels * (a_pixel + max(scratch, COPY))


def _tiff_scratch(image: Any, a_pixel: int) -> float:
    """Return the bytes of a strip or tile, which is decoded whole, and of a copy that is turned upright."""
    tags = image.tag_v2
    bits = tags.get(258, (1,))
    sample = sum(bits if isinstance(bits, tuple) else (bits,)) / 8
    width, height = image.size
    strip = width * min(tags.get(278, height), height)
    tile = tags.get(322, 0) * tags.get(323, 0)
    turned = width * height * a_pixel if tags.get(274, 1) != 1 else 0
    return float(max(strip, tile) * max(sample, a_pixel) + turned)


def _size(file: IO[bytes]) -> int:
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    return size


def _head(file: IO[bytes]) -> bytes:
    here = file.tell()
    file.seek(0)
    head = file.read(64)
    file.seek(here)
    return head
