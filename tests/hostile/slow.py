"""Models that pass inspection and yet take long: each picture a second or so, or seconds while they are loaded."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, helper, numpy_helper

from tests.support.hostile.models import generator


def pooling(side: int = 96) -> ModelProto:
    """Return a generator with an average over windows as large as half its picture, whose result adds nothing."""
    window = side // 2
    return generator(
        [
            helper.make_node("ReduceMean", ["x", "last"], ["mean"]),
            helper.make_node("Reshape", ["mean", "four"], ["pixel"]),
            helper.make_node("Expand", ["pixel", "large"], ["image"]),
            helper.make_node("AveragePool", ["image"], ["pooled"], kernel_shape=[window, window]),
            helper.make_node("ReduceMean", ["pooled", "axes"], ["tiny"], keepdims=0),
            helper.make_node("Mul", ["tiny", "nothing"], ["added"]),
            helper.make_node("Add", ["x", "added"], ["sum"]),
            helper.make_node("Tanh", ["sum"], ["y"]),
        ],
        *(
            numpy_helper.from_array(np.array(value), name)
            for name, value in {
                "last": [1], "four": [-1, 1, 1, 1], "large": [1, 1, side, side], "axes": [2, 3],
                "nothing": np.float32(0),
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
