"""The sizes that are worked out in advance are those that onnxruntime really makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.handmade import build
from zoo_export.inspection.graph import read_graph
from zoo_export.inspection.limits import estimate_cost
from zoo_export.inspection.operators import RULES

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATENT = (3, 2, 6, 8)
"""The shape that z takes before the operator: 96 numbers a picture, for three pictures."""


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def ones(*shape: int) -> NDArray[np.float32]:
    return np.ones(shape, np.float32)


CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    *((op, [], {}) for op in ("Tanh", "LeakyRelu", "Softmax", "Identity", "GlobalAveragePool", "Flatten", "Shape")),
    *((op, [ones(6, 1)], {}) for op in ("Add", "Mul", "Pow", "Min", "PRelu", "Less")),
    ("BatchNormalization", [ones(2)] * 4, {}),
    ("LayerNormalization", [ones(8)], {}),
    ("Cast", [], {"to": TensorProto.FLOAT16}),
    ("Conv", [ones(5, 2, 3, 3), ones(5)], {"strides": [2, 1], "pads": [1, 0, 2, 1], "dilations": [1, 2]}),
    ("Conv", [ones(4, 1, 3, 3)], {"group": 2}),
    ("ConvTranspose", [ones(2, 5, 5, 4)], {"strides": [2, 3], "pads": [1, 0, 2, 1], "output_padding": [1, 0]}),
    ("ConvTranspose", [ones(2, 3, 2, 2)], {"group": 2, "dilations": [2, 1]}),
    ("MaxPool", [], {"kernel_shape": [3, 2], "strides": [2, 2]}),
    ("AveragePool", [], {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]}),
    ("MatMul", [ones(8, 5)], {}),
    ("MatMul", [ones(8)], {}),
    ("Resize", [None, np.array([1, 1, 2, 1.5], np.float32)], {"mode": "nearest"}),
    ("Resize", [None, None, ints(3, 2, 7, 5)], {"mode": "linear"}),
    ("DepthToSpace", [], {"blocksize": 1}),
    ("SpaceToDepth", [], {"blocksize": 2}),
    ("Reshape", [ints(0, -1, 4)], {}),
    ("Transpose", [], {"perm": [0, 3, 1, 2]}),
    ("Transpose", [], {}),
    ("Squeeze", [], {}),
    ("Unsqueeze", [ints(0, -1)], {}),
    ("Concat", [ones(3, 4, 6, 8)], {"axis": 1}),
    ("Gather", [ints(0, 1, 1)], {"axis": 2}),
    ("Gather", [np.array(1)], {"axis": -1}),
    ("Slice", [ints(1, -1), ints(100, -100), ints(2, 3), ints(2, -3)], {}),
    ("Expand", [ints(4, 1, 2, 1, 8)], {}),
    ("Tile", [ints(1, 2, 1, 3)], {}),
    ("Pad", [ints(0, 0, 1, 2, 0, 0, 3, 0)], {}),
    ("Pad", [ints(1, 2), None, ints(-1)], {}),
    ("ReduceMean", [ints(2, 3)], {"keepdims": 0}),
    ("ReduceSum", [], {}),
    ("QuantizeLinear", [np.float32(0.1), np.int8(0)], {}),
    ("Where", [], {}),
]  # fmt: skip
IDS = [f"{index}-{op}" for index, (op, _, _) in enumerate(CASES)]


def model_of(op: str, constants: list[Any], attributes: dict[str, Any]) -> bytes:
    """Return z (batch, 96) -> reshape -> the operator -> images, of whatever shape."""
    named = {f"c{i}": value for i, value in enumerate(constants) if value is not None}
    names = ["x", *("" if value is None else f"c{i}" for i, value in enumerate(constants))]
    nodes = [helper.make_node("Reshape", ["z", "s"], ["x"])]
    if op == "Where":
        nodes.append(helper.make_node("Less", ["x", "x"], ["less"]))
        names = ["less", "x", "x"]
    if op == "Expand":
        named["c0"] = ints(4, 3, 2, 6, 8)
    nodes.append(helper.make_node(op, names, ["images"], **attributes))
    named["s"] = ints(-1, *LATENT[1:])
    graph = helper.make_graph(
        nodes, "sizes", [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 96])],
        [helper.make_empty_tensor_value_info("images")],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in named.items()],
    )  # fmt: skip
    kinds = {"Shape": TensorProto.INT64, "Less": TensorProto.BOOL, "Cast": TensorProto.FLOAT16}
    kind = TensorProto.INT8 if op == "QuantizeLinear" else kinds.get(op, TensorProto.FLOAT)
    graph.output[0].type.tensor_type.elem_type = kind
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(("op", "constants", "attributes"), CASES, ids=IDS)
def test_the_output_has_the_inferred_size(op: str, constants: list[Any], attributes: dict[str, Any]) -> None:
    data = model_of(op, constants, attributes)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"z": np.ones((3, 96), np.float32)})

    inferred = estimate_cost(read_graph(data), 3).output

    assert (inferred.shape, inferred.kind.dtype) == (found.shape, found.dtype)
    assert inferred.value is None or np.array_equal(inferred.value, found)


def test_most_rules_are_tried_here() -> None:
    tried = {RULES[op] for op, _, _ in CASES}

    assert {rule.__name__ for rule in set(RULES.values()) - tried} == {
        "constant", "constant_of_shape", "dequantize", "gemm",
    }  # fmt: skip


def test_shapes_that_are_calculated_from_the_batch_are_followed() -> None:
    model = build()
    del model.graph.initializer[1]
    before, after = model.graph.node[:2], model.graph.node[2:]
    steps = [
        helper.make_node("Shape", ["z"], ["size"], start=0, end=1),
        helper.make_node("Constant", [], ["rest"], value_ints=[1, 2, 3]),
        helper.make_node("Concat", ["size", "rest"], ["s"], axis=0),
    ]
    nodes = [*before, *steps, *after]
    del model.graph.node[:]
    model.graph.node.extend(nodes)

    for count in (1, 2, 7):
        assert estimate_cost(read_graph(model.SerializeToString()), count).output.shape == (count, 1, 2, 3)


def test_the_work_of_a_matrix_product_is_counted() -> None:
    first, second = (estimate_cost(read_graph(build().SerializeToString()), count).work for count in (1, 2))

    assert first >= 4 * 6
    assert second - first >= 4 * 6
