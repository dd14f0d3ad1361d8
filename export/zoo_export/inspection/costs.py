"""How long an operator takes at the worst, and how much memory besides its output, before anything runs.

The figures are nanoseconds on one core of an AMD EPYC with onnxruntime 1.31, for the slowest shapes and numbers that
were found (tiny inner axes, one channel a group, windows as large as the picture, denormal numbers), rounded up:
`python -m benchmarks.hostile.costs` measures them again. What a generator needs is often much faster.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo_export.inspection.tensors import KINDS

if TYPE_CHECKING:
    from zoo_export.inspection.shapes import Array, Call

NODE = 10_000
"""For each operator, whatever it does: loading it, mostly."""
_ELEMENT = 20
"""For each number that an operator takes or makes, where it is not named below."""
_CHEAP = (
    "Abs Cast Ceil Clip Concat DequantizeLinear Dropout Exp Expand Flatten Floor Gelu HardSigmoid HardSwish Identity "
    "LeakyRelu Neg QuantizeLinear Reciprocal Relu Reshape Round Shape Sigmoid Sign Softsign Split Sqrt Squeeze Tanh "
    "ThresholdedRelu Tile Unsqueeze Where BatchNormalization Constant ConstantOfShape GlobalAveragePool MaxPool "
    "AveragePool Conv ConvTranspose Gemm MatMul Erf"
)
_ELEMENTS = {
    **dict.fromkeys(_CHEAP.split(), 4),
    **dict.fromkeys(
        ["DepthToSpace", "SpaceToDepth", "Slice", "Pad", "GroupNormalization", "InstanceNormalization"], 8
    ),
    **dict.fromkeys(["Celu", "Elu", "Log", "Selu"], 12),
    **dict.fromkeys(["Mish", "Softplus"], 50),
    **dict.fromkeys(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"], 80),
    "Pow": 30,
}
_ALIKE = 4
"""For each number of an elementwise operator whose inputs have one shape, or one of them a single number."""
_BROADCASTING = frozenset(
    ("Add", "Sub", "Mul", "Div", "Min", "Max", "Mean", "Sum", "PRelu", "Equal", "Less", "Greater")
)
_RESIZE = {b"nearest": 20, b"linear": 20, b"cubic": 250}
_PRODUCT = {"Conv": 0.06, "ConvTranspose": 0.1, "Gemm": 0.5, "MatMul": 0.5}
"""For each multiplication with a weight, but for what is below."""
_INTEGERS = 2.0
"""For each multiplication of integers, which has no fast path."""
_COLUMNS = {"Conv": 2.0, "ConvTranspose": 4.0}
"""For each number of a window that is copied out of, or added into, a picture."""
_PICTURE = 4
"""For each number of a convolution's picture, beyond `_ELEMENTS`: with few weights it is what takes the time."""
_MATRIX = 1000
"""For each of many small matrix products."""
_WINDOWS = {"AveragePool": 12, "MaxPool": 3}
"""For each number of a pooling window."""
FLOAT16 = KINDS[10]


def multiplications(call: Call, output: Array) -> int:
    """Return roughly how many multiplications an operator takes, counting one for each number that goes in or out."""
    return _elements(call, output) + _products(call, output)


def nanoseconds(call: Call, output: Array) -> float:
    """Return how long one core takes at the worst."""
    elements, products = _elements(call, output), _products(call, output)
    found = _element(call) * elements
    if call.op in _WINDOWS:
        return found + _WINDOWS[call.op] * products
    rate = _PRODUCT.get(call.op, 0.0)
    if rate and call.array().kind.dtype.kind in "iu":
        rate = _INTEGERS
    found += rate * products
    if call.op in _COLUMNS:
        found += _COLUMNS[call.op] * _columns(call, output) + _PICTURE * elements
    if call.op == "MatMul":
        found += _MATRIX * math.prod(output.shape[:-2])
    return found


def workspace(call: Call) -> int:
    """Return the bytes an operator may need besides its inputs and outputs."""
    source = call.array() if call.inputs and call.inputs[0] else None
    if source is None or not source.shape:
        return 0
    if call.op == "Conv":
        # onnxruntime copies windows out piece by piece, or all where that is less than the weights; and pictures of
        # many channels are laid out in another way.
        return call.array(1).bytes + source.bytes
    if call.op == "ConvTranspose":
        kernel = call.array(1).shape
        return math.prod(kernel[1:]) * math.prod(source.shape[2:]) * 4
    if call.op in ("Softmax", "LogSoftmax") or call.op.startswith("Reduce"):
        return 2 * source.bytes  # with the axes in another order
    return 0


def held(array: Array) -> int:
    """Return the bytes an array takes while it is needed; float16 is computed in float32 beside it."""
    return array.bytes * (3 if array.kind == FLOAT16 else 1)


def _elements(call: Call, output: Array) -> int:
    return output.count + sum(array.count for array in call.inputs if array)


def _element(call: Call) -> float:
    """Return the nanoseconds for each number that goes in or out."""
    if call.op == "Resize":
        mode = call.text("mode", b"nearest")
        return _RESIZE.get(mode, max(_RESIZE.values()))
    if call.op in _BROADCASTING:
        shapes = {array.shape for array in call.inputs if array and array.count != 1}
        return _ALIKE if len(shapes) <= 1 else _ELEMENT
    return _ELEMENTS.get(call.op, _ELEMENT)


def _products(call: Call, output: Array) -> int:
    """Return how many products an operator sums up."""
    if call.op == "Conv":
        return output.count * math.prod(call.array(1).shape[1:])
    if call.op == "ConvTranspose":
        return call.array().count * math.prod(call.array(1).shape[1:])
    if call.op == "Gemm":
        return output.count * call.array().shape[0 if call.attribute("transA", 0) else 1]
    if call.op == "MatMul":
        return output.count * call.array().shape[-1]
    if call.op in _WINDOWS:
        return output.count * math.prod(call.sizes("kernel_shape", (1,) * (len(output.shape) - 2)))
    return 0


def _columns(call: Call, output: Array) -> int:
    """Return how many numbers a convolution's windows hold, over all its groups."""
    weights = call.array(1).shape
    groups = call.attribute("group", 1)
    if call.op == "Conv":
        return groups * math.prod(weights[1:]) * output.shape[0] * math.prod(output.shape[2:])
    source = call.array().shape
    return groups * math.prod(weights[1:]) * source[0] * math.prod(source[2:])
