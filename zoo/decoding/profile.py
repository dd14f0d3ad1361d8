"""Colours of a picture's ICC profile turned into sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

PROFILE_LIMIT = 4 << 20
"""Of a profile; those of printers have one to three million."""
SAME = 2
"""Levels of 255 by which a profile may differ from sRGB and be taken for it: so do the many profiles of that name."""
SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


class ProfileError(ValueError):
    """A profile that is damaged, too large, or for another kind of picture."""


class Profile(NamedTuple):
    """How to turn colours of one mode into sRGB."""

    mode: str
    """Of the pictures it takes: RGB, L or CMYK."""
    transform: ImageCmsTransform | None
    """None where its colours are sRGB already."""

    def apply(self, image: Image.Image) -> Image.Image:
        """Return an image of this mode in sRGB."""
        if self.transform is None:
            return image
        from PIL import ImageCms

        converted = ImageCms.applyTransform(image, self.transform)
        assert converted is not None
        return converted


@lru_cache(maxsize=8)
def read_profile(data: bytes, mode: str) -> Profile:
    """Return what to do with the colours of a picture that carries the profile `data`.

    Args:
        data: an ICC profile.
        mode: of the picture: RGB, L or CMYK. A grey picture may carry a profile for RGB.

    Raises:
        ProfileError: it is damaged, too large, or for another kind of picture.
    """
    if len(data) > PROFILE_LIMIT:
        raise ProfileError(f"it has {len(data):,} bytes, at most {PROFILE_LIMIT:,} are read")
    try:
        from PIL import ImageCms

        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        takes = SPACES.get(profile.profile.xcolor_space)
        if takes is None or (takes != mode and (takes, mode) != ("RGB", "L")):
            raise ProfileError(f"it is for {profile.profile.xcolor_space.strip()}, and the picture is {mode}")
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), takes, "RGB")
    except ProfileError:
        raise
    except Exception as error:  # Little CMS's own error is no OSError, and Pillow may be built without it
        raise ProfileError(str(error).partition("\n")[0]) from error
    found = Profile(takes, transform)
    return Profile(takes, None) if takes != "CMYK" and _is_srgb(found) else found


def _is_srgb(profile: Profile) -> bool:
    """Whether the profile leaves colours from all over the cube as they are."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    if profile.mode == "L":
        probe = np.arange(256, dtype=np.uint8)[None]
        expected = np.repeat(probe[..., None], 3, axis=2)
    else:
        probe = expected = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    found = np.asarray(profile.apply(Image.fromarray(probe)))
    return bool(np.abs(found.astype(int) - expected).max() <= SAME)
