"""Upsampling convolutions rewritten as sub-pixel convolutions: one on the small image, then DepthToSpace.

Each pixel of the small image becomes a block of `factor` x `factor` pixels of the large one; a pixel's position in its
block is its phase. For one phase, the taps of the large kernel always fall on the same small pixels, so a smaller
kernel for each phase computes the same: a convolution with factor^2 times the channels, which DepthToSpace then lays
out. The result differs by rounding only, and both operators are standard ONNX.
Source: Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network, 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnxscript import ir
from onnxscript.rewriter import RewriteRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def _upsampling_pattern(op: Any, x: Any, scales: Any) -> Any:
    upsampled = op.Resize(x, None, scales, _outputs=["upsampled"])
    return op.Conv(upsampled, _allow_other_inputs=True, _outputs=["images"])


def _is_nearest_upsampling(
    _context: Any, scales: ir.Value, upsampled: ir.Value, images: ir.Value, **_: Any
) -> bool:
    """Whether the Resize repeats pixels a whole number of times, and the convolution keeps the size."""
    resize, (kernel, stride, pads) = _producer(upsampled), _geometry(_producer(images))
    mode = (
        resize.attributes.get_string("mode", "nearest"),
        resize.attributes.get_string("coordinate_transformation_mode", "half_pixel"),
        resize.attributes.get_string("nearest_mode", "round_prefer_floor"),
    )
    return (
        mode == ("nearest", "asymmetric", "floor")
        and _factor(scales) is not None
        and kernel is not None
        and kernel % 2 == 1
        and (stride, pads) == (1, (kernel // 2,) * 4)
    )


def _upsampling_in_phases(op: Any, x: ir.Value, scales: ir.Value, images: ir.Value, **_: Any) -> Any:
    convolution, factor = _producer(images), _factor(scales)
    assert factor is not None
    weight = _array(convolution.inputs[1])
    reach = weight.shape[-1] // 2
    return _small_convolution(
        op, x, convolution, weight, factor, lambda phase, tap: (phase + tap - reach) // factor
    )


UPSAMPLED = RewriteRule(_upsampling_pattern, _upsampling_in_phases, _is_nearest_upsampling)
"""Replaces nearest upsampling by a whole factor, followed by a convolution that keeps the size.

5 x 5 after x2 becomes 3 x 3 on a quarter of the pixels: 2.8 times fewer multiplications.
"""


def _transposed_pattern(op: Any, x: Any) -> Any:
    return op.ConvTranspose(x, _allow_other_inputs=True, _outputs=["images"])


def _grows_by_stride(_context: Any, images: ir.Value, **_: Any) -> bool:
    """Whether kernel and padding are the same on both axes and the image becomes `stride` times as large."""
    node = _producer(images)
    kernel, stride, pads = _geometry(node)
    extra = set(node.attributes.get_ints("output_padding", [0, 0]))
    return (
        kernel is not None
        and stride is not None
        and len({*pads[:2]}) == len({*pads[2:]}) == len(extra) == 1
        and "output_shape" not in node.attributes
        and kernel - pads[0] - pads[2] + extra.pop() == stride
    )


def _transposed_in_phases(op: Any, x: ir.Value, images: ir.Value, **_: Any) -> Any:
    node = _producer(images)
    stride, pads = _geometry(node)[1:]
    assert stride is not None

    def offset(phase: int, tap: int) -> int | None:
        steps, rest = divmod(phase + pads[0] - tap, stride)
        return None if rest else steps

    return _small_convolution(op, x, node, _array(node.inputs[1]).swapaxes(0, 1), stride, offset)


def _is_wide_stride_1(_context: Any, images: ir.Value, **_: Any) -> bool:
    node = _producer(images)
    return (
        _grows_by_stride(_context, images)
        and _geometry(node)[1] == 1
        and _array(node.inputs[1]).shape[1] >= MIN_CHANNELS
    )


MIN_CHANNELS = 8
"""Output channels from which on a convolution of stride 1 is faster than a transposed one.

onnxruntime computes 8 channels at a time.
"""
WIDE_TRANSPOSED = RewriteRule(_transposed_pattern, _transposed_in_phases, _is_wide_stride_1)
"""Replaces a transposed convolution of stride 1 with many output channels by a convolution, its kernel flipped."""
TRANSPOSED = RewriteRule(_transposed_pattern, _transposed_in_phases, _grows_by_stride)
"""Replaces any transposed convolution that makes the image `stride` times as large.

5 x 5 of stride 2 becomes four kernels of 3 x 3, 36 taps instead of 25: slower in float32, but onnxruntime can quantise
convolutions to int8, and not transposed ones.
"""


def _small_convolution(
    op: Any,
    x: ir.Value,
    node: ir.Node,
    weight: NDArray[np.float32],
    factor: int,
    offset: Callable[[int, int], int | None],
) -> Any:
    """Return the convolution on the small image that replaces one on the large image.

    Args:
        op: builds nodes.
        x: the small image.
        node: the node that is replaced, for its bias and names.
        weight: the large kernel (out, in, k, k).
        factor: how many times as large each side of the large image is.
        offset: for a phase and a tap, along one axis, the distance from the phase's own small pixel to the one that
            the tap falls on; None where it falls on none.
    """
    taps, before, after = _taps(factor, weight.shape[-1], offset)
    small = np.einsum("oikl,ahk,bgl->aboihg", weight.astype(np.float64), taps, taps)
    small = small.reshape(-1, *small.shape[3:]).astype(weight.dtype)
    name = node.inputs[1].name  # type: ignore[union-attr]
    inputs = [x, op.initializer(ir.tensor(small), name=f"{name}.phases")]
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        bias = np.tile(_array(node.inputs[2]), factor * factor)
        inputs.append(op.initializer(ir.tensor(bias), name=f"{name}.phases.bias"))
    pads = [before, before, after, after]
    blocks = op.Conv(*inputs, kernel_shape=list(small.shape[2:]), pads=pads, strides=[1, 1])
    return blocks if factor == 1 else op.DepthToSpace(blocks, blocksize=factor, mode="DCR")


def _taps(
    factor: int, kernel: int, offset: Callable[[int, int], int | None]
) -> tuple[NDArray[np.float64], int, int]:
    """Return which tap of the small kernel each tap of the large one falls on, and the padding before and after.

    The first is an array of 0 and 1 (phase, small tap, large tap), for one axis.
    """
    offsets = {(phase, tap): offset(phase, tap) for phase in range(factor) for tap in range(kernel)}
    used = [steps for steps in offsets.values() if steps is not None]
    first, last = min(used), max(used)
    taps = np.zeros((factor, last - first + 1, kernel))
    for (phase, tap), steps in offsets.items():
        if steps is not None:
            taps[phase, steps - first, tap] = 1
    return taps, -first, last


def _geometry(node: ir.Node) -> tuple[int | None, int | None, tuple[int, ...]]:
    """Return kernel size, stride and padding of a square convolution with constant weights.

    (None, None, ()) where it is another one: grouped, dilated, or with padding worked out by the runtime.
    """
    weights = [value for value in node.inputs[1:] if value is not None]
    attributes = node.attributes
    strides = set(attributes.get_ints("strides", [1, 1]))
    plain = (
        all(_is_constant(value) for value in weights)
        and bool(weights)
        and len(shape := _array(weights[0]).shape) == 4
        and shape[2] == shape[3]
        and attributes.get_int("group", 1) == 1
        and set(attributes.get_ints("dilations", [1, 1])) == {1}
        and attributes.get_string("auto_pad", "NOTSET") == "NOTSET"
        and len(strides) == 1
    )
    if not plain:
        return None, None, ()
    return shape[2], strides.pop(), tuple(attributes.get_ints("pads", [0, 0, 0, 0]))


def _producer(value: ir.Value) -> ir.Node:
    node = value.producer()
    assert node is not None
    return node


def _factor(scales: ir.Value | None) -> int | None:
    """Return the factor by which both sides grow; None where they differ, or it is no whole number over 1."""
    if not _is_constant(scales):
        return None
    numbers = _array(scales).tolist()
    if len(numbers) != 4 or numbers[:2] != [1, 1] or numbers[2] != numbers[3]:
        return None
    return int(numbers[2]) if numbers[2] > 1 and numbers[2].is_integer() else None


def _is_constant(value: ir.Value | None) -> bool:
    return value is not None and value.const_value is not None and not value.is_graph_input()


def _array(value: ir.Value | None) -> NDArray[Any]:
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()
