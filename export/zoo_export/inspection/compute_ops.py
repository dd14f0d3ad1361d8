"""Shape inference for operators that compute."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo_export.inspection.shapes import Array, Call, broadcast_shape
from zoo_export.inspection.tensors import KINDS

if TYPE_CHECKING:
    from zoo_export.inspection.tensors import Kind


def convolution(call: Call) -> Array:
    """Infer Conv: every output pixel is computed from a window of the input."""
    source, kernel = call.array().shape, _kernel(call)
    outputs, inputs = call.array(1).shape[:2]
    group = _group(call)
    if source[1] != inputs * group or outputs % group:
        raise call.refuse(f"has {source[1]} channels for a kernel of {call.array(1).shape} in {group} groups")
    return call.output((source[0], outputs, *_window_positions(call, source[2:], kernel)))


def transposed_convolution(call: Call) -> Array:
    """Infer ConvTranspose: every input pixel is spread over a window of the output."""
    source, kernel = call.array().shape, _kernel(call)
    group = _group(call)
    if source[1] != call.array(1).shape[0] or source[1] % group:
        raise call.refuse(f"has {source[1]} channels for a kernel of {call.array(1).shape} in {group} groups")
    ones = (1,) * len(kernel)
    strides, dilations = call.sizes("strides", ones), call.sizes("dilations", ones)
    extra = call.sizes("output_padding", (0,) * len(kernel), least=0)
    _require_explicit_pads(call, "output_shape")
    pads = call.sizes("pads", (0,) * 2 * len(kernel), least=0)
    sizes = tuple(
        (source[2 + i] - 1) * strides[i]
        + (kernel[i] - 1) * dilations[i]
        + 1
        + extra[i]
        - pads[i]
        - pads[i + len(kernel)]
        for i in range(len(kernel))
    )
    return call.output((source[0], call.array(1).shape[1] * group, *sizes))


def pooling(call: Call) -> Array:
    """Infer AveragePool and MaxPool: one number for each window."""
    source = call.array().shape
    window = call.node.attributes.get("kernel_shape")
    if len(source) < 3 or not isinstance(window, tuple) or len(window) != len(source) - 2 or min(window) < 1:
        raise call.refuse("has a window that does not fit")
    if call.attribute("ceil_mode", 0):
        raise call.refuse("rounds its sizes up, which no generator needs")
    return call.output((*source[:2], *_window_positions(call, source[2:], window)))


def global_pooling(call: Call) -> Array:
    """Infer GlobalAveragePool: one number for each channel."""
    shape = call.array().shape
    return call.output((*shape[:2], *(1 for _ in shape[2:])))


def gemm(call: Call) -> Array:
    """Infer Gemm: a matrix product, either side transposed or not, and a bias."""
    left, right = call.array().shape, call.array(1).shape
    if len(left) != 2 or len(right) != 2:
        raise call.refuse(f"has inputs of the shapes {left} and {right}, which are no matrices")
    rows, inner = reversed(left) if call.attribute("transA", 0) else left
    other, columns = reversed(right) if call.attribute("transB", 0) else right
    bias = call.optional(2)
    if inner != other or (bias and broadcast_shape(call, (rows, columns), bias.shape) != (rows, columns)):
        raise call.refuse(f"has inputs of the shapes {left} and {right}, which do not fit")
    return call.output((rows, columns))


def matrix_product(call: Call) -> Array:
    """Infer MatMul: a product of the last two axes, broadcast over those before."""
    left, right = call.array().shape, call.array(1).shape
    if not left or not right:
        raise call.refuse("has an input without axes")
    wide_left, wide_right = (1, *left) if len(left) == 1 else left, (*right, 1) if len(right) == 1 else right
    if wide_left[-1] != wide_right[-2]:
        raise call.refuse(f"has inputs of the shapes {left} and {right}, which do not fit")
    rows = () if len(left) == 1 else left[-2:-1]
    columns = () if len(right) == 1 else right[-1:]
    return call.output((*broadcast_shape(call, wide_left[:-2], wide_right[:-2]), *rows, *columns))


def depth_to_space(call: Call) -> Array:
    """Infer DepthToSpace: channels become blocks of pixels."""
    batch, channels, height, width = _image(call)
    block = call.attribute("blocksize", 0)
    if block < 1 or channels % block**2:
        raise call.refuse(f"has blocks of {block} for {channels} channels")
    return call.output((batch, channels // block**2, height * block, width * block))


def space_to_depth(call: Call) -> Array:
    """Infer SpaceToDepth: blocks of pixels become channels."""
    batch, channels, height, width = _image(call)
    block = call.attribute("blocksize", 0)
    if block < 1 or height % block or width % block:
        raise call.refuse(f"has blocks of {block} for {height} x {width}")
    return call.output((batch, channels * block**2, height // block, width // block))


def resize(call: Call) -> Array:
    """Infer Resize: another size, by factors or as given."""
    shape = call.array().shape
    if "axes" in call.node.attributes or call.text("keep_aspect_ratio_policy", b"stretch") != b"stretch":
        raise call.refuse("has axes or keeps an aspect ratio, which no generator needs")
    if call.optional(3) is not None:
        sizes = call.ints(3)
    else:
        scales = [float(factor) for factor in call.value(2).flatten()]
        if not all(0 < factor < 1e6 for factor in scales) or len(scales) != len(shape):
            raise call.refuse(f"has the factors {scales} for {len(shape)} axes")
        sizes = tuple(math.floor(size * factor) for size, factor in zip(shape, scales, strict=True))
    if len(sizes) != len(shape) or min(sizes, default=1) < 1:
        raise call.refuse(f"makes {sizes} of {shape}")
    return call.output(sizes)


def reduction(call: Call) -> Array:
    """Infer a reduction: some axes are reduced to one number."""
    shape = call.array().shape
    axes = call.axes(1, len(shape))
    if not axes:
        axes = () if call.attribute("noop_with_empty_axes", 0) else tuple(range(len(shape)))
    keepdims = call.attribute("keepdims", 1)
    return call.output(
        tuple(1 if axis in axes else size for axis, size in enumerate(shape) if keepdims or axis not in axes)
    )


def quantize(call: Call) -> Array:
    """Infer QuantizeLinear: integers for floats."""
    level = call.optional(2)
    code = call.attribute("output_dtype", 0)
    kind = level.kind if level else KINDS.get(code or 2)
    if kind is None:
        raise call.refuse("makes numbers of a type that no generator needs")
    return call.output(call.array().shape, kind)


def dequantize(call: Call) -> Array:
    """Infer DequantizeLinear: floats for integers, of the scale's type."""
    kind: Kind = call.array(1).kind
    return call.output(call.array().shape, kind)


def _kernel(call: Call) -> tuple[int, ...]:
    source, weights = call.array().shape, call.array(1).shape
    if not 3 <= len(source) <= 5 or len(weights) != len(source) or min(weights) < 1:
        raise call.refuse(f"has a kernel of {weights} for an input of {source}")
    kernel = weights[2:]
    if call.sizes("kernel_shape", kernel) != kernel:
        raise call.refuse(f"has a kernel of {weights} and says otherwise")
    return kernel


def _group(call: Call) -> int:
    group = call.attribute("group", 1)
    if group < 1:
        raise call.refuse(f"has {group} groups")
    return group


def _require_explicit_pads(call: Call, *refused: str) -> None:
    if any(name in call.node.attributes for name in refused) or call.text("auto_pad", b"NOTSET") not in (
        b"NOTSET",
        b"",
    ):
        raise call.refuse("has pads to be worked out, which no generator needs")


def _window_positions(call: Call, source: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many positions the window has along each axis."""
    _require_explicit_pads(call)
    ones = (1,) * len(kernel)
    strides, dilations = call.sizes("strides", ones), call.sizes("dilations", ones)
    pads = call.sizes("pads", (0,) * 2 * len(kernel), least=0)
    return tuple(
        (size + pads[i] + pads[i + len(kernel)] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1
        for i, size in enumerate(source)
    )


def _image(call: Call) -> tuple[int, int, int, int]:
    shape = call.array().shape
    if len(shape) != 4:
        raise call.refuse(f"has an input of {shape} instead of four axes")
    return shape[0], shape[1], shape[2], shape[3]
