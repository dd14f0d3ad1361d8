"""Models whose time is not in their size: with small sides they pass inspection, with large ones they never end."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from tests.support.hostile.models import generator

if TYPE_CHECKING:
    from collections.abc import Sequence


def pooling(side: int = 96, op: str = "AveragePool") -> ModelProto:
    """Return a generator that pools windows as large as half its picture."""
    return beside_pictures([helper.make_node(op, ["image"], ["pooled"], kernel_shape=[side // 2] * 2)], side)


def repeated(op: str, count: int, side: int) -> ModelProto:
    """Return a generator with one elementwise operator after the other."""
    names = ["image", *(f"t{index}" for index in range(count - 1)), "pooled"]
    return beside_pictures([helper.make_node(op, [a], [b]) for a, b in itertools.pairwise(names)], side)


def enlarged(side: int) -> ModelProto:
    """Return a generator with a cubic enlargement."""
    node = helper.make_node("Resize", ["image", "", "twice"], ["pooled"], mode="cubic")
    return beside_pictures([node], side)


def beside_pictures(nodes: Sequence[NodeProto], side: int) -> ModelProto:
    """Return a generator with operators from `image` (batch, 1, side, side) to `pooled`, whose result adds nothing."""
    return generator(
        [
            helper.make_node("ReduceMean", ["x", "last"], ["mean"]),
            helper.make_node("Reshape", ["mean", "four"], ["pixel"]),
            helper.make_node("Expand", ["pixel", "large"], ["image"]),
            *nodes,
            helper.make_node("ReduceMean", ["pooled", "axes"], ["tiny"], keepdims=0),
            helper.make_node("Mul", ["tiny", "nothing"], ["added"]),
            helper.make_node("Add", ["x", "added"], ["sum"]),
            helper.make_node("Tanh", ["sum"], ["y"]),
        ],
        *(
            numpy_helper.from_array(np.array(value), name)
            for name, value in {
                "last": [1], "four": [-1, 1, 1, 1], "large": [1, 1, side, side], "axes": [2, 3],
                "nothing": np.float32(0), "twice": np.array([1, 1, 2, 2], np.float32),
            }.items()
        ),
    )  # fmt: skip


def folding(count: int = 4, side: int = 1000) -> ModelProto:
    """Return a generator with products of large constants, which onnxruntime works out while it loads the model."""
    nodes = [helper.make_node("ConstantOfShape", ["n"], ["m0"])]
    nodes += [helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"m{i + 1}"]) for i in range(count)]
    nodes += [
        helper.make_node("ReduceMean", [f"m{count}", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["added"]),
        helper.make_node("Add", ["x", "added"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["y"]),
    ]
    constants = {"n": [side, side], "axes": [0, 1], "nothing": np.float32(0)}
    return generator(
        nodes, *(numpy_helper.from_array(np.array(value), name) for name, value in constants.items())
    )
