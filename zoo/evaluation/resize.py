"""Images as a network of photographs takes them: three channels, at its size, resized without aliasing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch.nn import functional

from zoo.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


def resized(
    images: Tensor, side: int, mode: Literal["bicubic", "bilinear"] = "bicubic", *, name: str
) -> Tensor:
    """Return images as float32 (N, 3, side, side) in [-1, 1]; grey ones have three equal channels.

    Pixels are averaged where an image becomes smaller, as Pillow does and plain interpolation does not, whose aliasing
    moves figures (Parmar et al. 2022, *On Aliased Resizing and Surprising Subtleties in GAN Evaluation*,
    arXiv:2104.11222). What bicubic weights overshoot is cut off at -1 and 1.

    Args:
        images: float (N, C, H, W) in [-1, 1], C 1 or 3.
        side: of the square.
        mode: how pixels are weighted.
        name: what messages call the network.

    Raises:
        InputError: they have another shape, or no pixel.
    """
    images = in_colour(images, name=name)
    if images.shape[2:] == (side, side):
        return images
    return functional.interpolate(images, (side, side), mode=mode, align_corners=False, antialias=True).clamp(
        -1, 1
    )


def in_colour(images: Tensor, *, name: str) -> Tensor:
    """Return images as float32 (N, 3, H, W): grey ones have three equal channels.

    Raises:
        InputError: they have another shape, or no pixel.
    """
    if images.dim() != 4 or images.shape[1] not in (1, 3) or not images.shape[2:].numel():
        raise InputError(
            f"{name}: it was given a tensor {tuple(images.shape)}. Give it images (N, C, H, W) of 1 or 3 channels"
        )
    return images.float().expand(-1, 3, -1, -1)
