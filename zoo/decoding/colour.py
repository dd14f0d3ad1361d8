"""From any mode of Pillow's to grey or RGB with 8 bits a channel, in sRGB, on white; rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zoo.decoding.limits import PictureError
from zoo.decoding.profile import Profile, ProfileError, read_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIXTEEN = {"I;16", "I;16L", "I;16B", "I;16N"}
GREY = {"1", "L", "I", "F", *SIXTEEN}
LOW_DEPTHS = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies a PNG's grey of 2 or 4 bits by, while it leaves the transparent one as it is."""
HALF_A_LEVEL = 0.5 / 255
UNKNOWN = "of an unknown range"


class Colour:
    """Turns rows of one picture into L or RGB.

    Attributes:
        mode: L or RGB: what rows are turned into. Grey without transparency stays grey, whatever is wanted.
        is_plain: whether the image is in that mode already.
        profile_error: why its colour profile was ignored; None where it has none or a good one.
    """

    def __init__(self, image: Image.Image, raw_mode: str, channels: int) -> None:
        """Look at how an image holds its colours.

        Args:
            image: loaded.
            raw_mode: how its file holds a pixel, in Pillow's words.
            channels: 1 or 3.

        Raises:
            PictureError: it is of integers whose range is unknown.
        """
        self._raw_mode = raw_mode
        self._white_is_zero = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(262) == 0
        self._key = _transparent_key(image, raw_mode)
        if image.mode == "I" and image.format not in ("PNG", "PPM"):
            bits = "signed 16-bit" if "16" in raw_mode else "32-bit"
            raise PictureError(
                UNKNOWN, f"its integers are {bits}, which have no known range; save it with 8 or 16 bits"
            )
        self.profile_error: str | None = None
        self._profile: Profile | None = None
        data = image.info.get("icc_profile")
        if data:
            self._read_profile(bytes(data), image.mode)
        plain = self._profile is None and self._key is None and not _has_alpha(image)
        self.mode = "L" if channels == 1 or (plain and image.mode in GREY) else "RGB"
        self.is_plain = plain and image.mode == self.mode

    def _read_profile(self, data: bytes, mode: str) -> None:
        grey = mode in GREY or mode in ("LA", "La")
        try:
            profile = read_profile(data, "CMYK" if mode == "CMYK" else "L" if grey else "RGB")
        except ProfileError as error:
            self.profile_error = str(error)
        else:
            self._profile = None if profile.transform is None else profile

    def plain(self, rows: Image.Image) -> Image.Image:
        """Return rows of the picture in the mode that is wanted.

        Raises:
            PictureError: its floats are not from 0 to 1.
        """
        if rows.mode in SIXTEEN or rows.mode == "I":
            rows = self._from_integers(np.asarray(rows))
        elif rows.mode == "F":
            rows = self._from_floats(np.asarray(rows))
        elif self._key is not None:
            rows.info["transparency"] = self._key
        alpha = None
        if _has_alpha(rows):
            rows = _straight(rows)
            alpha = rows.getchannel("A")
        if self._profile is not None:
            rows = self._profile.apply(rows.convert(self._profile.mode))
        if alpha is not None:
            rows = _on_white(rows, alpha)
        if self.mode == "L" and rows.mode in ("CMYK", "HSV", "LAB"):
            rows = rows.convert("RGB")
        return rows.convert(self.mode)

    def _from_integers(self, values: NDArray[np.integer]) -> Image.Image:
        values = values.clip(0, 65535)
        grey = values // 257
        if self._raw_mode == "I;12":
            grey = values.clip(0, 4095) // 16
        if self._white_is_zero:
            grey = 255 - grey
        return _with_key(grey.astype(np.uint8), None if self._key is None else values == self._key)

    def _from_floats(self, values: NDArray[np.float32]) -> Image.Image:
        low, high = float(values.min()), float(values.max())
        if not (low >= -HALF_A_LEVEL and high <= 1 + HALF_A_LEVEL):  # written so that NaN is refused too
            raise PictureError(
                UNKNOWN,
                f"its floats are from {low:.4g} to {high:.4g}, and only 0 to 1 is known to be black to white",
            )
        levels = np.rint(values.clip(0, 1) * 255).astype(np.uint8)
        return Image.fromarray(255 - levels if self._white_is_zero else levels)


def _transparent_key(image: Image.Image, raw_mode: str) -> int | tuple[int, ...] | None:
    """Return the one transparent colour as the pixels hold it; None where there is none, or a palette's."""
    key = image.info.get("transparency")
    if key is None or isinstance(key, bytes) or image.mode not in {"1", "L", "RGB", "I", *SIXTEEN}:
        return None
    if isinstance(key, int):
        return key * LOW_DEPTHS.get(raw_mode, 1)
    return tuple(value >> 8 for value in key) if raw_mode.startswith("RGB;16") else tuple(key)


def _with_key(grey: NDArray[np.uint8], transparent: NDArray[np.bool_] | None) -> Image.Image:
    image = Image.fromarray(grey)
    if transparent is not None:
        image.putalpha(Image.fromarray(np.where(transparent, 0, 255).astype(np.uint8)))
    return image


def _has_alpha(image: Image.Image) -> bool:
    palette = image.palette.mode if image.mode == "P" and image.palette else ""
    return (
        image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
        or "transparency" in image.info
        or palette.endswith("A")
    )


def _straight(image: Image.Image) -> Image.Image:
    """Return an image with transparency as RGBA, its colours not multiplied by it."""
    if image.mode == "La":
        image = image.convert("LA")
    return image.convert("RGBA")


def _on_white(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    rgba = colours.convert("RGBA")
    rgba.putalpha(alpha)
    white = Image.new("RGBA", rgba.size, "white")
    white.alpha_composite(rgba)
    return white
