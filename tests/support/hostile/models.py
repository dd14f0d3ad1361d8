"""ONNX files that are whole, and that no stranger should be able to make anybody run."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

DIM, SIZE = 4, 6


def generator(
    nodes: Sequence[NodeProto] = (),
    *constants: TensorProto,
    opset: int = 20,
    second: bool = False,
    promised: tuple[int, ...] | None = None,
) -> ModelProto:
    """Return z (batch, 4) -> x (batch, 6) -> y by `nodes` -> images (batch, 1, 2, 3); without nodes y is x."""
    weights = numpy_helper.from_array(np.ones((DIM, SIZE), np.float32), "w")
    if promised:
        weights.ClearField("dims")
        weights.dims.extend(promised)
    shape = numpy_helper.from_array(np.array([-1, 1, 2, 3]), "s")
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["z", "w"], ["x"]),
            *(nodes or [helper.make_node("Tanh", ["x"], ["y"])]),
            helper.make_node("Reshape", ["y", "s"], ["images"]),
        ],
        "hostile",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", DIM])
            for name in ("z", "y")[: 2 if second else 1]
        ],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 2, 3])],
        [weights, shape, *constants],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def chain(count: int, side: int = 0) -> ModelProto:
    """Return a generator with one operator after the other: tanh, or products of large constant matrices."""
    if not side:
        names = ["x", *(f"t{i}" for i in range(count - 1)), "y"]
        return generator([helper.make_node("Tanh", [a], [b]) for a, b in itertools.pairwise(names)])
    sides = numpy_helper.from_array(np.array([side, side]), "n")
    nodes = [helper.make_node("ConstantOfShape", ["n"], ["m0"])]
    nodes += [helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"m{i + 1}"]) for i in range(count + 1)]
    return generator([*nodes, helper.make_node("Tanh", ["x"], ["y"])], sides)


def talkative() -> ModelProto:
    """Return a generator with 9 MiB of text about itself, which onnxruntime would copy five times."""
    model = generator()
    model.graph.doc_string = "x" * (9 << 20)
    return model


def beside(op: str, inputs: Sequence[str], *values: int) -> ModelProto:
    """Return a generator with one more operator, whose output nobody uses; its input `n` holds `values`."""
    constant = numpy_helper.from_array(np.array(values, np.int64), "n")
    return generator(
        [helper.make_node(op, inputs, ["unused"]), helper.make_node("Tanh", ["x"], ["y"])], constant
    )


def within(op: str, **attributes: int) -> ModelProto:
    """Return a generator with one more operator between its product and its pictures."""
    return generator([helper.make_node(op, ["x"], ["y"], **attributes)])  # type: ignore[arg-type]


def outside() -> ModelProto:
    """Return a generator whose weights are said to lie in another file."""
    model = generator()
    _send_outside(model.graph.initializer[0])
    return model


def attribute_outside() -> ModelProto:
    """Return a generator in which a constant's attribute lies in another file."""
    node = helper.make_node("Constant", [], ["y"], value=_tensor("c"))
    _send_outside(node.attribute[0].t)
    return generator([node])


def subgraph_outside() -> ModelProto:
    """Return a generator with a branch whose weights lie in another file."""
    model = loop()
    _send_outside(model.graph.node[1].attribute[0].g.initializer[0])
    return model


def function_outside() -> ModelProto:
    """Return a generator with a function whose constant lies in another file."""
    model = function()
    node = helper.make_node("Constant", [], ["b"], value=_tensor("c"))
    _send_outside(node.attribute[0].t)
    model.functions[0].node.append(node)
    return model


def sparse() -> ModelProto:
    """Return a generator with sparse weights."""
    model = generator()
    values, indices = _tensor("v"), numpy_helper.from_array(np.arange(6), "i")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [100]))
    return model


def sparse_outside() -> ModelProto:
    """Return a generator with sparse weights in another file."""
    model = sparse()
    _send_outside(model.graph.sparse_initializer[0].values)
    return model


def function() -> ModelProto:
    """Return a generator that brings a function, which could call itself."""
    model = generator([helper.make_node("Mine", ["x"], ["y"], domain="mine")])
    model.opset_import.append(helper.make_opsetid("mine", 1))
    body: FunctionProto = helper.make_function(
        "mine", "Mine", ["a"], ["b"], [helper.make_node("Mine", ["a"], ["b"], domain="mine")],
        [helper.make_opsetid("mine", 1)],
    )  # fmt: skip
    model.functions.append(body)
    return model


def training() -> ModelProto:
    """Return a generator that brings a training of its own."""
    model = generator()
    model.training_info.add().algorithm.CopyFrom(model.graph)
    return model


def loop() -> ModelProto:
    """Return a generator with a loop of 2^62 turns."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("again", TensorProto.BOOL, [])],
        [_tensor("c")],
    )
    turns = numpy_helper.from_array(np.array(2**62), "n")
    yes = numpy_helper.from_array(np.array(True), "yes")
    return generator(
        [helper.make_node("Loop", ["n", "yes"], [], body=body), helper.make_node("Tanh", ["x"], ["y"])],
        turns,
        yes,
    )


def foreign() -> ModelProto:
    """Return a generator that needs an operator of another domain."""
    model = generator([helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


def _tensor(name: str) -> TensorProto:
    tensor: TensorProto = numpy_helper.from_array(np.ones(6, np.float32), name)
    return tensor


def _send_outside(tensor: TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
