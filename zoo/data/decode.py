"""From an encoded image to uint8, upright and cut to the middle."""

from __future__ import annotations

import io
import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST_PIXELS = 128 << 20
UNSAFE = {"EPS"}
"""Formats that Pillow gives to another program to run."""


@cache
def formats() -> dict[str, str]:
    """Return the formats that Pillow reads by itself, by file ending."""
    endings = Image.registered_extensions()
    return {ending: name for ending, name in endings.items() if name in Image.OPEN and name not in UNSAFE}


def decode(data: bytes, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Return the middle of an encoded image, uint8 (H, W) or (H, W, 3)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks, on sizes too: the limit here is an error
        with Image.open(io.BytesIO(data), formats=sorted(set(formats().values()))) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(
                    f"it has {image.width} x {image.height} pixels, at most {MOST_PIXELS} are read"
                )
            image.draft(None, (2 * max(size), 2 * max(size)))
            plain = _plain(ImageOps.exif_transpose(image)).convert("L" if channels == 1 else "RGB")
    return cropped(plain, size)


def cropped(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the middle of an image in the proportions of `size` (height, width), resized to it."""
    return np.asarray(ImageOps.fit(image, size[::-1], Image.Resampling.LANCZOS))


def _plain(image: Image.Image) -> Image.Image:
    """Return the image without transparency and with 8 bits a channel."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return white
    return image
