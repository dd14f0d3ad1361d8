"""Convolutions computed by blocks of pixels, which fill a CPU's vector units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.nn.modules.conv import _ConvNd


VECTOR_WIDTH = 16
"""How many output channels a CPU's vector unit makes at once in float32; fewer leave the rest of it idle."""
LARGEST = 11
"""Kernel whose taps are worth summing: what that costs grows with the fourth power."""


@dataclass(frozen=True)
class Blocks:
    """A transposed convolution to few channels as one to the pixels of square blocks, which are then laid out.

    That is 1.4 to 2.6 times more operations, but they fill a CPU's vector unit, of which one channel uses a sixteenth;
    equal but for rounding.

    Attributes:
        weight: (side * side * channels, inputs, taps, taps).
        side: of a block.
        step: the inputs' share of a side.
        before: how many inputs before its share a block sees.
    """

    weight: Tensor
    side: int
    step: int
    before: int

    @classmethod
    def of(cls, weight: Tensor, stride: int, padding: int, step: int) -> Self:
        """Return the same function as a transposed convolution of a square kernel, `stride` times its input large.

        Args:
            weight: (inputs, channels, kernel, kernel).
            stride: of the transposed convolution.
            padding: of it.
            step: from `block_side`.
        """
        side, kernel = stride * step, weight.shape[2]
        before, last = (kernel - 1 - padding) // stride, (side - 1 + padding) // stride
        place = torch.arange(side).view(-1, 1, 1)
        source = torch.arange(-before, last + 1).view(1, -1, 1)
        # Which tap leads from which input to which pixel of a block.
        leads = place + padding - torch.arange(kernel) == stride * source
        taps = Taps.of(leads, weight.device, weight.dtype)
        return cls(summed(weight.transpose(0, 1), taps), side, step, before)

    def apply(self, images: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return (N, channels, stride * H, stride * W) for (N, inputs, H, W)."""
        before, after = self.before, self.weight.shape[2] - self.before - self.step
        if before != after:
            images, before = nn.functional.pad(images, (before, after, before, after)), 0
        spread = None if bias is None else bias.repeat(self.side * self.side)
        made = nn.functional.conv2d(images, self.weight, spread, self.step, before)
        return laid_out(made, self.side)


@dataclass(frozen=True)
class Taps:
    """Which taps of a large kernel each of the small ones takes in.

    Attributes:
        places: of a block along one side; each has a small kernel.
        small: the side of these.
        square: 0 or 1, (places * places * small * small, large * large).
    """

    places: int
    small: int
    square: Tensor

    @classmethod
    def of(cls, side: Tensor, device: torch.device, dtype: torch.dtype) -> Self:
        """Return those of both sides for those of one, bool (place, small, large)."""
        places, small, large = side.shape
        # Wherever they are first asked for, a training may ask for them later.
        with torch.inference_mode(mode=False):
            taps = side.to(device, dtype)
            square = torch.einsum("ahk,bgl->abhgkl", taps, taps).reshape(places**2 * small**2, large**2)
        return cls(places, small, square)


def summed(weight: Tensor, taps: Taps) -> Tensor:
    """Return a small kernel for each place of a block, in channels_last: (places * filters, channels, small, small).

    Args:
        weight: (filters, channels, large, large).
        taps: of this large kernel.
    """
    filters, channels = weight.shape[:2]
    last = weight.permute(0, 2, 3, 1).flatten(1, 2)
    sums = torch.matmul(taps.square, last).view(filters, taps.places**2, taps.small, taps.small, channels)
    return sums.transpose(0, 1).reshape(-1, taps.small, taps.small, channels).permute(0, 3, 1, 2)


def laid_out(blocks: Tensor, side: int) -> Tensor:
    """Return (N, C, side * H, side * W) for (N, side * side * C, H, W), whose channels are rows, columns, channels.

    In channels_last, long runs of memory stay together; torch's pixel_shuffle has channels first and tears them apart.
    """
    count, channels, height, width = blocks.shape
    last = blocks.permute(0, 2, 3, 1).reshape(count, height, width, side, side, channels // side**2)
    rows = last.transpose(2, 3).reshape(count, side * height, side * width, channels // side**2)
    return rows.permute(0, 3, 1, 2)


def block_side(layer: _ConvNd, channels: int, images: Tensor, inputs: Sequence[int]) -> int | None:
    """Return the side of a block's share of the inputs, the largest that fills no more than a CPU's lanes.

    Args:
        layer: the convolution, whose stride makes pictures of the inputs, or inputs of pictures.
        channels: of the pictures.
        images: what the layer is given.
        inputs: their height and width.

    Returns:
        None where blocks are of no use: not on a CPU, for many channels, or for a kernel too large.
    """
    if images.device.type != "cpu" or layer.kernel_size[0] > LARGEST:
        return None
    for step in (4, 2, 1):
        if channels * (layer.stride[0] * step) ** 2 <= VECTOR_WIDTH and all(
            side % step == 0 for side in inputs
        ):
            return step
    return None
