"""A critic's convolution, whose gradients of any order are found by the kernels made for them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.layers.blocks import Blocks, block_side


class CriticConv2d(nn.Conv2d):
    """A convolution whose input's gradient is asked for, and under a gradient penalty differentiated once more.

    For the weights' part of that second derivative torch takes a forward convolution whose kernel is a whole feature
    map: on an H100, of the first layer of a 64 x 64 critic, a quarter of the iteration. It is the gradient for the
    weights of another pair of tensors, and a GPU finds it as such here.

    A CPU finds a picture's gradient, of one or three channels, for all of a block's pixels at a time: torch computes
    it for a channel at a time.
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
            return _convolved(images, weight, bias, form)

    def _form(self, images: Tensor) -> _Form | None:
        """Return how the gradient is computed, or None where torch's own way is as good."""
        stride, padding, kernel = self.stride[0], int(self.padding[0]), self.kernel_size[0]
        if images.is_cuda:
            return _Form(stride, padding, None)
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in images.shape[2:]]
        step = block_side(self, self.in_channels, images, sides)
        if step is None or [side * stride for side in sides] != list(images.shape[2:]):
            return None
        return _Form(stride, padding, step)


class _Form(NamedTuple):
    stride: int
    padding: int
    step: int | None
    """The side of a block's share of the features; None: the gradient for the input is torch's."""


def _convolved(images: Tensor, weight: Tensor, bias: Tensor | None, form: _Form) -> Tensor:
    """Return a convolution, linear in whatever it is given, as are its gradients: each is the others' derivative."""
    # Two ways back: where only the images' gradient is asked for, as a penalty does, that to the weights is not gone.
    made = _ForWeights.apply(weight, bias, _Held(images), form)  # type: ignore[no-untyped-call]
    result: Tensor = _ForImages.apply(images, weight, made, form)  # type: ignore[no-untyped-call]
    return result


class _Held(NamedTuple):
    """A tensor that autograd does not take for an input."""

    tensor: Tensor


class _ForWeights(torch.autograd.Function):
    """A convolution with the way back to its weights."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor | None, images: _Held, form: _Form) -> Tensor:
        ctx.form = form
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(images.tensor, weight)
        return nn.functional.conv2d(images.tensor, weight, bias, form.stride, form.padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        gradient, (images, weight) = gradients[0], ctx.saved_tensors
        if gradient is None:
            return None, None, None, None
        for_weight, for_bias, _, _ = ctx.needs_input_grad
        with torch.autocast(gradient.device.type, enabled=False):
            gathered = _backward(gradient, images, weight, ctx.form, 1) if for_weight else None
        return gathered, gradient.sum((0, 2, 3)) if for_bias else None, None, None


class _ForImages(torch.autograd.Function):
    """Gives a convolution of images the way back to them."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, made: Tensor, form: _Form) -> Tensor:
        ctx.form = form
        # Where there is no second derivative, none of zeros is to be made.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(images, weight)
        ctx.mark_dirty(made)
        return made

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        gradient, (images, weight) = gradients[0], ctx.saved_tensors
        if gradient is None:
            return None, None, None, None
        with torch.autocast(gradient.device.type, enabled=False):
            spread = _Spread.apply(gradient, images.detach(), weight, ctx.form)  # type: ignore[no-untyped-call]
        return spread, None, gradient, None


class _Spread(torch.autograd.Function):
    """The gradient of a convolution for its images, of which only the shape counts."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, images: Tensor, weight: Tensor, form: _Form) -> Tensor:
        ctx.form = form
        ctx.save_for_backward(gradient, weight)
        if form.step is None:
            return _backward(gradient, images, weight, form, 0)
        return Blocks.of(weight, form.stride, form.padding, form.step).apply(gradient)

    @staticmethod
    def backward(ctx: Any, *towards: Tensor) -> tuple[Tensor | None, None, Tensor | None, None]:
        gradient, weight = ctx.saved_tensors
        for_gradient, _, for_weight, _ = ctx.needs_input_grad
        with torch.autocast(gradient.device.type, enabled=False):
            back = _convolved(towards[0], weight, None, ctx.form) if for_gradient else None
            gathered = _backward(gradient, towards[0], weight, ctx.form, 1) if for_weight else None
        return back, None, gathered, None


def _backward(gradient: Tensor, images: Tensor, weight: Tensor, form: _Form, which: int) -> Tensor:
    """Return torch's gradient of a convolution for its images (0) or its weights (1)."""
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
        [which == 0, which == 1, False],
    )[which]
    return found
