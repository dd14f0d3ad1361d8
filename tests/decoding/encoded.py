"""Pictures as files hold them, and colour profiles, made by hand where Pillow makes none."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.decoding.decode import Decoded

ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
"""Red, green and blue in XYZ, adapted to D50, as the tags of both profiles have them."""


def flat(mode: str, colour: object, size: tuple[int, int] = (9, 9)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow will forget the format IM
        image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(data: bytes, channels: int = 3, size: tuple[int, int] = (8, 8)) -> Decoded:
    from zoo.decoding.decode import decode

    return decode(io.BytesIO(data), size, channels)


def only_colour(pixels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the one colour that a picture has."""
    colours = np.unique(pixels.reshape(-1, 1 if pixels.ndim == 2 else 3), axis=0)
    assert len(colours) == 1, colours
    return tuple(int(value) for value in colours[0])


def png(
    side: tuple[int, int], depth: int, kind: int, row: bytes, rows: int | None = None, **chunks: bytes
) -> bytes:
    """Return a PNG (width, height) whose rows are all the same; it may end after the first so many."""
    width, height = side

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    packer = zlib.compressobj(1)
    packed = (
        b"".join(packer.compress(b"\0" + row) for _ in range(height if rows is None else rows))
        + packer.flush()
    )
    extra = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def profile(primaries: tuple[tuple[float, ...], ...] = (), gamma: float = 2.19921875) -> bytes:
    """Return an ICC profile of version 2: of a monitor with these primaries, or of grey without any."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 78 + b"\0"}
    tags[b"wtpt"] = b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249)
    for letter, primary in zip(b"rgb", primaries, strict=False):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*primary)
        tags[bytes([letter]) + b"TRC"] = curve
    if not primaries:
        tags[b"kTRC"] = curve
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(padded))
        body += padded
    head = (
        struct.pack(">I", start + len(body)) + b"lcms\x02\x40\0\0mntr" + (b"RGB " if primaries else b"GRAY")
    )
    head += b"XYZ " + b"\0" * 12 + b"acsp" + b"\0" * 28 + fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + table + body
