"""Operators with the shapes that a stranger would choose to make them slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from onnx import TensorProto

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Attributes = dict[str, Any]


class Case(NamedTuple):
    """One operator with the shape of its input, which a generator's latents are expanded to."""

    op: str
    shape: tuple[int, ...]
    others: tuple[NDArray[Any] | np.generic | None, ...] = ()
    """Its other inputs."""
    attributes: Attributes = {}  # noqa: RUF012  # never changed
    kind: int = TensorProto.FLOAT


def floats(*shape: int) -> NDArray[np.float32]:
    """Return weights."""
    return np.random.default_rng(0).uniform(0.1, 0.9, shape).astype(np.float32)


def ints(*numbers: int) -> NDArray[np.int64]:
    """Return a shape, axes or pads."""
    return np.array(numbers, np.int64)


FLAT, LONG, THIN = (1, 1 << 20), (1 << 20, 1), (1 << 18, 2, 2)
SAME = (
    "Abs Ceil Celu Cos Elu Erf Exp Floor HardSigmoid HardSwish LeakyRelu Log Mish Neg Reciprocal Relu Round Selu "
    "Sigmoid Sign Sin Softplus Softsign Sqrt Tanh ThresholdedRelu Gelu Identity"
)
IMAGE = (1, 16, 256, 256)


def cases() -> list[Case]:
    """Return the operators, several shapes for those whose cost depends on it."""
    found = [Case(op, FLAT) for op in SAME.split()]
    found += [
        Case(op, FLAT, kind=TensorProto.DOUBLE) for op in ("Sin", "Exp", "Log", "Tanh", "Erf", "Sqrt", "Cos")
    ]
    found += [Case(op, FLAT, kind=TensorProto.FLOAT16) for op in ("Sin", "Tanh", "Relu", "Erf", "Gelu")]
    found += [Case("Clip", FLAT, (np.float32(0.2), np.float32(0.3)))]
    for op in ("Add", "Mul", "Div", "Pow", "Min", "Max", "Less", "Equal", "PRelu"):
        found += [
            Case(op, FLAT, (floats(1 << 20),)),
            Case(op, (128, 1, 128), (floats(1, 64, 1),))
            if op != "PRelu"
            else Case(op, THIN, (floats(2, 1),)),
        ]
        found += [Case(op, (1 << 18, 1, 2, 1), (floats(1, 2, 1, 2),))] if op != "PRelu" else []
    found += [
        Case("Pow", FLAT, (np.float32(1.37),)),
        Case("Sum", FLAT, (floats(1 << 20),)),
        Case("Mean", FLAT, (floats(1 << 20),)),
    ]
    for op in ("Softmax", "LogSoftmax"):
        found += [
            Case(op, shape, attributes={"axis": axis})
            for shape, axis in ((FLAT, -1), (LONG, -1), ((2, 2, 1 << 18), 1))
        ]
    found += [
        Case("LayerNormalization", shape, (floats(shape[-1]), floats(shape[-1]))) for shape in (FLAT, LONG)
    ]
    found += [
        Case("InstanceNormalization", shape, (floats(shape[1]), floats(shape[1])))
        for shape in (IMAGE, (1, 1 << 18, 2, 2))
    ]
    found += [Case("GroupNormalization", IMAGE, (floats(16), floats(16)), {"num_groups": 4})]
    found += [
        Case("BatchNormalization", shape, tuple(floats(shape[1]) for _ in range(4)))
        for shape in (IMAGE, (1, 1 << 18, 2, 2))
    ]
    for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"):
        found += [
            Case(op, shape, (ints(*axes),))
            for shape, axes in (
                (FLAT, (1,)),
                (THIN, (0, 2)),
                (THIN, (1,)),
                ((64,) * 3 + (4,), (0, 2)),
                ((2,) * 8, (1, 3, 5)),
            )
        ]
    found += [
        Case("Transpose", shape, attributes={"perm": perm})
        for shape, perm in (
            ((1 << 10, 1 << 10), (1, 0)),
            ((1, 64, 128, 128), (0, 3, 2, 1)),
            ((4,) * 8 + (), (7, 5, 3, 1, 6, 4, 2, 0)),
            ((8,) * 6 + (2, 2), (7, 5, 3, 1, 6, 4, 2, 0)),
        )
    ]
    found += [
        Case("Tile", (1 << 10, 1), (ints(1, 1 << 10),)),
        Case("Tile", (1, 1 << 10), (ints(1 << 10, 1),)),
        Case("Tile", (1, 1), (ints(1 << 10, 1 << 10),)),
    ]
    found += [
        Case("Expand", (1 << 10, 1), (ints(1 << 10, 1 << 10),)),
        Case("Expand", (1, 1 << 10, 1, 1), (ints(1 << 9, 1 << 10, 2, 1),)),
    ]
    found += [
        Case("Pad", shape, (ints(*pads),), {"mode": mode})
        for mode in ("constant", "reflect", "edge", "wrap")
        for shape, pads in ((IMAGE, (0, 0, 9, 9, 0, 0, 9, 9)), ((1 << 16, 2, 2, 2), (0, 0, 1, 1, 0, 0, 1, 1)))
    ]
    found += [
        Case("Slice", IMAGE, (ints(0, 0), ints(256, 256), ints(2, 3), ints(2, 2))),
        Case("Slice", IMAGE, (ints(-1, -1), ints(-300, -300), ints(2, 3), ints(-1, -1))),
        Case("Slice", (1 << 18, 2, 2), (ints(1), ints(-5), ints(2), ints(-1))),
    ]
    found += [
        Case("Gather", (1 << 10, 1 << 6), (np.zeros(1 << 14, np.int64),), {"axis": 0}),
        Case("Gather", (1 << 10, 1 << 5), (np.zeros(1 << 10, np.int64),), {"axis": 1}),
    ]
    found += [
        Case("Concat", FLAT, (floats(1, 1 << 20),), {"axis": 1}),
        Case("Concat", LONG, (floats(1 << 20, 1),), {"axis": 1}),
    ]
    found += [
        Case("DepthToSpace", (1, 64, 128, 128), attributes={"blocksize": b, "mode": mode})
        for b in (2, 8)
        for mode in ("DCR", "CRD")
    ]
    found += [Case("SpaceToDepth", (1, 16, 256, 256), attributes={"blocksize": b}) for b in (2, 16)]
    for mode in ("nearest", "linear", "cubic"):
        for factors in ((1, 1, 2, 2), (1, 1, 0.5, 0.5), (1, 1, 3.3, 1.7)):
            extra: Attributes = {"antialias": 1} if factors == (1, 1, 0.5, 0.5) and mode != "nearest" else {}
            found.append(
                Case(
                    "Resize", (1, 8, 256, 256), (None, np.array(factors, np.float32)), {"mode": mode, **extra}
                )
            )
    found += [
        Case("Resize", (1, 2, 64, 64, 64), (None, np.array((1, 1, 2, 2, 2), np.float32)), {"mode": "linear"}),
        Case(
            "Resize",
            (1, 1, 1024, 1024),
            (None, np.array((1, 1, 0.01, 0.01), np.float32)),
            {"mode": "linear", "antialias": 1},
        ),
        Case(
            "Resize",
            (1, 1, 1024, 1024),
            (None, np.array((1, 1, 0.01, 0.01), np.float32)),
            {"mode": "cubic", "antialias": 1},
        ),
        Case("Resize", (8, 2, 4, 64, 64), (None, np.array((1, 2, 2, 2, 2), np.float32)), {"mode": "nearest"}),
    ]
    found += [Case("GlobalAveragePool", IMAGE), Case("GlobalAveragePool", (1, 1 << 18, 2, 2))]
    found += [
        Case("QuantizeLinear", FLAT, (np.float32(0.01), np.uint8(3))),
        Case("Cast", FLAT, attributes={"to": TensorProto.FLOAT16}),
        Case("Cast", FLAT, attributes={"to": TensorProto.INT64}),
        Case("Where", FLAT, (floats(1 << 20), floats(1 << 20)), kind=TensorProto.BOOL),
    ]
    for op in ("MaxPool", "AveragePool"):
        for shape, window, pads in (
            ((1, 1, 128, 128), (64, 64), (0,) * 4),
            ((1, 16, 256, 256), (2, 2), (0,) * 4),
            ((1, 1, 256, 256), (256, 1), (128, 0, 127, 0)),
            ((1, 1, 256, 256), (1, 255), (0, 127, 0, 127)),
            ((1, 1, 32, 32, 32), (9, 9, 9), (0,) * 6),
            ((1, 64, 4096), (255,), (0, 0)),
        ):
            found.append(Case(op, shape, attributes={"kernel_shape": window, "pads": pads}))
        found.append(Case(op, (1, 1, 256, 256), attributes={"kernel_shape": (17, 17), "dilations": (8, 8)}))
        found.append(
            Case(op, (1, 1, 128, 128), attributes={"kernel_shape": (64, 64)}, kind=TensorProto.DOUBLE)
        )
    found += [
        Case("MatMul", (512, 512), (floats(512, 512),)),
        Case("MatMul", (1 << 14, 1), (floats(1, 64),)),
        Case("MatMul", (1 << 18, 1, 2), (floats(2, 1),)),
        Case("MatMul", (1 << 18, 2, 1), (floats(1 << 18, 1, 2),)),
        Case("MatMul", (1 << 18, 2, 2), (floats(1 << 18, 2, 2),)),
        Case("MatMul", (1, 4096), (floats(4096, 1024),)),
        Case("MatMul", (512, 512), (floats(512, 512).astype(np.float64),), kind=TensorProto.DOUBLE),
    ]
    found += [
        Case("MatMul", (256, 256), (np.ones((256, 256), np.int64),), kind=TensorProto.INT64),
        Case("MatMul", (256, 256), (floats(256, 256).astype(np.float16),), kind=TensorProto.FLOAT16),
    ]
    found += [
        Case("Gemm", (512, 512), (floats(512, 512),), {"transA": a, "transB": b})
        for a in (0, 1)
        for b in (0, 1)
    ]
    for shape, kernel, extra in (
        ((1, 64, 64, 64), (64, 64, 5, 5), {"pads": (2,) * 4}),
        ((1, 1, 256, 256), (1, 1, 31, 31), {"pads": (15,) * 4}),
        ((1, 64, 128, 128), (64, 1, 5, 5), {"group": 64, "pads": (2,) * 4}),
        ((1, 64, 128, 128), (64, 2, 5, 5), {"group": 32, "pads": (2,) * 4}),
        ((1, 1, 256, 256), (1, 1, 31, 31), {"dilations": (4, 4)}),
        ((1, 16, 256, 256), (3, 16, 5, 5), {"pads": (2,) * 4}),
        ((1, 256, 64, 64), (1, 256, 1, 1), {}),
        ((1, 1, 256, 256), (64, 1, 1, 1), {}),
        ((1, 4096, 8, 8), (4096, 1, 3, 3), {"group": 4096}),
        ((1, 1, 512, 512), (1, 1, 3, 3), {}),
        ((1, 512, 1024), (512, 1, 31), {"group": 512}),
        ((1, 4, 32, 32, 32), (4, 4, 5, 5, 5), {}),
        ((1, 64, 16, 16, 16), (64, 1, 3, 3, 3), {"group": 64}),
        ((1, 3, 513, 513), (3, 3, 7, 7), {"strides": (1, 1)}),
        ((1, 1, 1024, 1024), (1, 1, 511, 511), {"strides": (64, 64)}),
        ((1, 1, 4096), (1, 1, 2048), {}),
    ):
        found.append(Case("Conv", shape, (floats(*kernel),), extra))
    found.append(
        Case("Conv", (1, 16, 64, 64), (floats(16, 16, 3, 3).astype(np.float64),), kind=TensorProto.DOUBLE)
    )
    found.append(
        Case("Conv", (1, 16, 64, 64), (floats(16, 16, 3, 3).astype(np.float16),), kind=TensorProto.FLOAT16)
    )
    for shape, kernel, extra in (
        ((1, 64, 32, 32), (64, 64, 5, 5), {"strides": (2, 2)}),
        ((1, 1, 128, 128), (1, 1, 31, 31), {}),
        ((1, 64, 64, 64), (64, 1, 5, 5), {"group": 64}),
        ((1, 1, 64, 64), (1, 1, 5, 5), {"dilations": (9, 9)}),
        ((1, 512, 512), (512, 1, 31), {"group": 512}),
        ((1, 1, 256, 256), (1, 1, 1, 1), {"strides": (4, 4)}),
        ((1, 4, 16, 16, 16), (4, 4, 5, 5, 5), {}),
    ):
        found.append(Case("ConvTranspose", shape, (floats(*kernel),), extra))
    return found
