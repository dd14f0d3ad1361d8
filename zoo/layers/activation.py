"""Layers for networks that are trained under a gradient penalty."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LeakyReLU(nn.Module):
    """torch's LeakyReLU with a second derivative that is not there, instead of one that is zero.

    A gradient penalty differentiates twice. Between its kinks the activation is linear, so that nothing comes back
    through its second derivative; torch's own sends zeros through all layers before it, a sixth of a critic's
    operations. Values and gradients are the same.

    Args:
        slope: for negative values, 0 (ReLU) or more.
    """

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Return x where it is positive, `slope * x` elsewhere; any shape."""
        if torch.compiler.is_exporting():
            return nn.functional.leaky_relu(x, self.slope)
        result: Tensor = _Rectified.apply(x, self.slope)  # type: ignore[no-untyped-call]
        return result

    def extra_repr(self) -> str:
        """Return what stands in the brackets of `print(network)`."""
        return f"slope={self.slope}"


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.slope = slope
        # The convolution behind has no second derivative of its own, and zeros made of that would cost as much.
        ctx.set_materialize_grads(False)
        result = nn.functional.leaky_relu(x, slope)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None]:
        if gradients[0] is None:
            return None, None
        (result,) = ctx.saved_tensors
        passed: Tensor = _Passed.apply(gradients[0], result.detach(), ctx.slope)  # type: ignore[no-untyped-call]
        return passed, None


class _Passed(torch.autograd.Function):
    """A gradient's way back through the activation: linear in the gradient, constant in everything else."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, result: Tensor, slope: float) -> Tensor:
        ctx.slope = slope
        ctx.save_for_backward(result)
        return torch.ops.aten.leaky_relu_backward(gradient, result, slope, self_is_result=True)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (result,) = ctx.saved_tensors
        passed: Tensor = _Passed.apply(gradients[0], result, ctx.slope)  # type: ignore[no-untyped-call]
        return passed, None, None
