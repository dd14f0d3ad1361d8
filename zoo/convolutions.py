"""Convolutions that make pictures larger, computed in fewer or better filled operations than torch's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LANES = 16
"""How many output channels a CPU's vector unit makes at once in float32; fewer leave the rest of it idle."""


class UpsampledConv2d(nn.Conv2d):
    """Nearest x2 upsampling, then a convolution of an odd kernel that keeps the size.

    It is computed as one smaller convolution: the pixels an upsampled kernel sees are copies of few, so
    that for each of the four places in a 2 x 2 block its taps sum to a kernel of half the width (5 x 5 to 3 x 3, 2.8
    times fewer operations; equal but for rounding). An exporter is shown the plain form.
    """

    def __init__(self, channels: int, filters: int, kernel: int) -> None:
        super().__init__(channels, filters, kernel, padding=kernel // 2)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, filters, 2H, 2W) for (N, channels, H, W)."""
        if torch.compiler.is_exporting():
            return super().forward(nn.functional.interpolate(images, scale_factor=2.0, mode="nearest"))
        with torch.autocast(images.device.type, enabled=False):
            taps = self._taps()
            weight = torch.einsum("oikl,ahk,bgl->oabihg", self.weight, taps, taps).flatten(0, 2)
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        blocks = nn.functional.conv2d(images, weight, bias, padding=taps.shape[1] // 2)
        return nn.functional.pixel_shuffle(blocks, 2)

    def _taps(self) -> Tensor:
        """Return which tap of the small kernel each tap of the large one falls on: 0 or 1, (place, small, large)."""
        kernel, here = self.kernel_size[0], self.weight.device
        reach = (kernel // 2 + 1) // 2
        place = torch.arange(2, device=here).view(-1, 1, 1)
        small = torch.arange(-reach, reach + 1, device=here).view(1, -1, 1)
        falls = (place + torch.arange(kernel, device=here) - kernel // 2).div(2, rounding_mode="floor")
        return (falls == small).to(self.weight.dtype)


class SameConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution whose output is `stride` times its input, whatever the kernel: Keras's 'same'.

    To few channels, a picture's one or three, a CPU computes it in blocks: the pixels of a square block become the
    channels of a convolution that are then laid out. That is 1.4 to 2.6 times more operations, but they fill the
    vector unit, of which one channel uses a sixteenth; equal but for rounding. An exporter is shown the plain form.
    """

    def __init__(self, channels: int, filters: int, kernel: int, stride: int) -> None:
        padding = max(0, -(-(kernel - stride) // 2))
        super().__init__(channels, filters, kernel, stride, padding, 2 * padding - kernel + stride)

    def forward(self, images: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return (N, filters, stride * H, stride * W) for (N, channels, H, W)."""
        step = self._block(images)
        if output_size is not None or step is None or torch.compiler.is_exporting():
            return super().forward(images, output_size)
        side = self.stride[0] * step
        with torch.autocast(images.device.type, enabled=False):
            taps, before = self._taps(side)
            weight = torch.einsum("iokl,ahk,bgl->oabihg", self.weight, taps, taps).flatten(0, 2)
        bias = None if self.bias is None else self.bias.repeat_interleave(side * side)
        after = taps.shape[1] - before - step
        if before != after:
            images, before = nn.functional.pad(images, (before, after, before, after)), 0
        return nn.functional.pixel_shuffle(nn.functional.conv2d(images, weight, bias, step, before), side)

    def _block(self, images: Tensor) -> int | None:
        """Return the side of the input's share in a block, the largest that fills no more than the lanes."""
        for step in (4, 2, 1):
            fits = self.out_channels * (self.stride[0] * step) ** 2 <= LANES
            if fits and images.device.type == "cpu" and all(side % step == 0 for side in images.shape[2:]):
                return step
        return None

    def _taps(self, side: int) -> tuple[Tensor, int]:
        """Return which tap leads from which input to which pixel of a block, and how many inputs lie before it.

        The taps are 0 or 1, (pixel in the block, input, tap of the kernel), along one side.
        """
        kernel, stride, padding = self.kernel_size[0], self.stride[0], int(self.padding[0])
        before, last = (kernel - 1 - padding) // stride, (side - 1 + padding) // stride
        place = torch.arange(side).view(-1, 1, 1)
        source = torch.arange(-before, last + 1).view(1, -1, 1)
        return (place + padding - torch.arange(kernel) == stride * source).to(self.weight), before
