"""A critic's first layer: a convolution of pictures, whose gradient for them a CPU computes in blocks."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.layers.blocks import Blocks, block_side


class ImageConv2d(nn.Conv2d):
    """A convolution through which a CPU finds a picture's gradient for all of a block's pixels at a time.

    A gradient penalty asks for that gradient, and the generator does. torch computes it for a channel at a time, of
    which a picture has one or three.
    """

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__(channels, filters, kernel, stride, padding)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, filters, H', W') for (N, channels, H, W)."""
        plain = torch.compiler.is_exporting() or not images.requires_grad or images.dim() != 4
        form = None if plain else self._form(images)
        if form is None:
            return super().forward(images)
        # Read once: a parametrization may make them anew each time.
        place, weight, bias = images.device.type, self.weight, self.bias
        if torch.is_autocast_enabled(place):
            dtype = torch.get_autocast_dtype(place)
            images, weight = images.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        with torch.autocast(place, enabled=False):
            made: Tensor = _Convolved.apply(images, weight, bias, form)  # type: ignore[no-untyped-call]
        return made

    def _form(self, images: Tensor) -> _Form | None:
        """Return how the gradient is computed in blocks, or None where it cannot be."""
        stride, padding, kernel = self.stride[0], int(self.padding[0]), self.kernel_size[0]
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in images.shape[2:]]
        step = block_side(self, self.in_channels, images, sides)
        if step is None or [side * stride for side in sides] != list(images.shape[2:]):
            return None
        return _Form(stride, padding, step)


class _Form(NamedTuple):
    stride: int
    padding: int
    step: int


class _Convolved(torch.autograd.Function):
    """A convolution. It, its gradient for the images and that for the weights are linear in whatever they are given,
    so that each is the others' derivative."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, form: _Form) -> Tensor:
        ctx.form = form
        # Where there is no second derivative, none of zeros is to be made.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(images, weight)
        return nn.functional.conv2d(images, weight, bias, form.stride, form.padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        gradient, (images, weight) = gradients[0], ctx.saved_tensors
        if gradient is None:
            return None, None, None, None
        wanted, for_weight, for_bias, _ = ctx.needs_input_grad
        with torch.autocast(gradient.device.type, enabled=False):
            spread = _Spread.apply(gradient, weight, ctx.form) if wanted else None  # type: ignore[no-untyped-call]
            gathered = _gathered(gradient, images, weight, ctx.form) if for_weight else None
        return spread, gathered, gradient.sum((0, 2, 3)) if for_bias else None, None


class _Spread(torch.autograd.Function):
    """The gradient of a convolution for its images."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor, form: _Form) -> Tensor:
        ctx.form = form
        ctx.save_for_backward(gradient, weight)
        return Blocks.of(weight, form.stride, form.padding, form.step).apply(gradient)

    @staticmethod
    def backward(ctx: Any, *towards: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        gradient, weight = ctx.saved_tensors
        for_gradient, for_weight, _ = ctx.needs_input_grad
        with torch.autocast(gradient.device.type, enabled=False):
            back = _Convolved.apply(towards[0], weight, None, ctx.form) if for_gradient else None  # type: ignore[no-untyped-call]
            gathered = _gathered(gradient, towards[0], weight, ctx.form) if for_weight else None
        return back, gathered, None


def _gathered(gradient: Tensor, images: Tensor, weight: Tensor, form: _Form) -> Tensor:
    """Return the gradient of a convolution for its weights."""
    stride, padding, _ = form
    found: Tensor = torch.ops.aten.convolution_backward(
        gradient,
        images,
        weight,
        None,
        [stride, stride],
        [padding, padding],
        [1, 1],
        False,
        [0, 0],
        1,
        [False, True, False],
    )[1]
    return found
