"""Convolutions that make pictures larger, computed in fewer or better filled operations than torch's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.layers.blocks import LARGEST, Blocks, Taps, block_side, laid_out, summed


class UpsampledConv2d(nn.Conv2d):
    """Nearest x2 upsampling, then a convolution of an odd kernel that keeps the size.

    It is computed as one smaller convolution: the pixels an upsampled kernel sees are copies of few, so
    that for each of the four places in a 2 x 2 block its taps sum to a kernel of half the width (5 x 5 to 3 x 3, 2.8
    times fewer operations; equal but for rounding). An exporter is shown the plain form.
    """

    def __init__(self, channels: int, filters: int, kernel: int) -> None:
        super().__init__(channels, filters, kernel, padding=kernel // 2)
        self._taps: Taps | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, filters, 2H, 2W) for (N, channels, H, W)."""
        if torch.compiler.is_exporting() or self.kernel_size[0] > LARGEST:
            return super().forward(nn.functional.interpolate(images, scale_factor=2.0, mode="nearest"))
        large = self.weight  # read once: a parametrization may make it anew each time
        with torch.autocast(images.device.type, enabled=False):
            weight = summed(large, self._taps_for(large))
        bias = None if self.bias is None else self.bias.repeat(4)
        blocks = nn.functional.conv2d(images, weight, bias, padding=weight.shape[2] // 2)
        return laid_out(blocks, 2)

    def _taps_for(self, weight: Tensor) -> Taps:
        """Return which tap of the small kernel each tap of the large one falls on.

        Kept, since it is asked for in each step; by the layer, since a layer may be tried on tensors without memory.
        """
        kept = self._taps
        if kept is None or (kept.square.device, kept.square.dtype) != (weight.device, weight.dtype):
            kept = self._taps = _taps(weight)
        return kept


def _taps(weight: Tensor) -> Taps:
    kernel = weight.shape[2]
    reach = (kernel // 2 + 1) // 2
    place = torch.arange(2).view(-1, 1, 1)
    small = torch.arange(-reach, reach + 1).view(1, -1, 1)
    falls = (place + torch.arange(kernel) - kernel // 2).div(2, rounding_mode="floor")
    return Taps.of(falls == small, weight.device, weight.dtype)


class SameConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution whose output is `stride` times its input, whatever the kernel: Keras's 'same'.

    To few channels, a picture's one or three, a CPU computes it in blocks. An exporter is shown the plain form.
    """

    def __init__(self, channels: int, filters: int, kernel: int, stride: int) -> None:
        padding = max(0, -(-(kernel - stride) // 2))
        super().__init__(channels, filters, kernel, stride, padding, 2 * padding - kernel + stride)

    def forward(self, images: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return (N, filters, stride * H, stride * W) for (N, channels, H, W)."""
        plain = output_size is not None or torch.compiler.is_exporting() or images.dim() != 4
        step = None if plain else block_side(self, self.out_channels, images, images.shape[2:])
        if step is None:
            return super().forward(images, output_size)
        with torch.autocast(images.device.type, enabled=False):
            blocks = Blocks.of(self.weight, self.stride[0], int(self.padding[0]), step)
        return blocks.apply(images, self.bias)
