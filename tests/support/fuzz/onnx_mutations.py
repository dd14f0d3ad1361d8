"""ONNX models that are whole, and mean something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from tests.support.fuzz.mutations import NUMBERS, damaged

if TYPE_CHECKING:
    import random

OPERATORS = (
    "Add", "Mul", "Div", "MatMul", "Gemm", "Conv", "ConvTranspose", "Reshape", "Resize", "Expand", "Tile", "Concat",
    "Slice", "Gather", "Transpose", "Unsqueeze", "Squeeze", "Shape", "Cast", "Pad", "DepthToSpace", "ReduceMean",
    "Softmax", "If", "Loop", "Identity", "ConstantOfShape", "QuantizeLinear", "Clip", "LayerNormalization", "",
)  # fmt: skip
ATTRIBUTES = (
    "axis", "axes", "perm", "kernel_shape", "strides", "pads", "group", "to", "blocksize", "dilations",
)  # fmt: skip
WIDE = tuple(number for number in NUMBERS if -(2**63) <= number < 2**63)


def onnx_mutation(data: bytes, chance: random.Random) -> bytes:
    """Return a model with other operators, sizes, types, names or numbers, or bytes that are damaged."""
    if chance.random() < 0.35:
        return damaged(data, chance)
    model = onnx.load_from_string(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        _CHANGES[chance.randrange(len(_CHANGES))](model.graph, chance)
    return bytes(model.SerializeToString())


def _operator(graph: Any, chance: random.Random) -> None:
    chance.choice(graph.node).op_type = chance.choice(OPERATORS)


def _edge(graph: Any, chance: random.Random) -> None:
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    node = chance.choice(graph.node)
    if node.input and chance.random() < 0.7:
        node.input[chance.randrange(len(node.input))] = chance.choice((*names, "", "z", "images"))
    else:
        node.input.append(chance.choice(names))


def _attribute(graph: Any, chance: random.Random) -> None:
    node = chance.choice(graph.node)
    if node.attribute and chance.random() < 0.6:
        attribute = chance.choice(node.attribute)
        if attribute.ints:
            attribute.ints[chance.randrange(len(attribute.ints))] = chance.choice(WIDE)
        else:
            attribute.i = chance.choice(WIDE)
        return
    name = chance.choice(
        ("axis", "axes", "perm", "kernel_shape", "strides", "pads", "group", "to", "blocksize", "dilations")
    )
    value = chance.choice((chance.choice(WIDE), [chance.choice(WIDE) for _ in range(chance.randrange(1, 5))]))
    node.attribute.append(onnx.helper.make_attribute(name, value))


def _dims(graph: Any, chance: random.Random) -> None:
    tensor = chance.choice(graph.initializer)
    if tensor.dims and chance.random() < 0.7:
        tensor.dims[chance.randrange(len(tensor.dims))] = chance.choice(WIDE)
    else:
        tensor.dims.append(chance.choice(WIDE))


def _numbers(graph: Any, chance: random.Random) -> None:
    """Put extreme numbers into a tensor, which may be a shape."""
    tensor = chance.choice(graph.initializer)
    array = onnx.numpy_helper.to_array(tensor).copy() if _is_whole(tensor) else np.zeros(1, np.float32)
    if array.size:
        extreme = chance.choice(
            WIDE if array.dtype.kind == "i" else (0, -1, float("nan"), float("inf"), 1e30, 65504)
        )
        with np.errstate(all="ignore"):
            array.reshape(-1)[chance.randrange(array.size)] = np.array(extreme).astype(array.dtype)
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def _is_whole(tensor: Any) -> bool:
    try:
        onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OverflowError):
        return False
    return True


def _type(graph: Any, chance: random.Random) -> None:
    if chance.random() < 0.5:
        chance.choice(graph.initializer).data_type = chance.randrange(24)
    else:
        chance.choice((*graph.input, *graph.output)).type.tensor_type.elem_type = chance.randrange(24)


def _port(graph: Any, chance: random.Random) -> None:
    dims = chance.choice((*graph.input, *graph.output)).type.tensor_type.shape.dim
    if chance.random() < 0.3 or not dims:
        dims.add().dim_value = chance.choice(WIDE)
    elif chance.random() < 0.7:
        dims[chance.randrange(len(dims))].dim_value = chance.choice(WIDE)
    else:
        dims[chance.randrange(len(dims))].dim_param = chance.choice(("", "n", "\x1b[2J"))


def _node(graph: Any, chance: random.Random) -> None:
    place = chance.randrange(len(graph.node))
    if chance.random() < 0.5 and len(graph.node) > 1:
        del graph.node[place]
    else:
        graph.node.add().CopyFrom(graph.node[place])


def _scaled(graph: Any, chance: random.Random) -> None:
    """Make what comes out larger: arrays that no memory holds."""
    sizes = np.array([chance.choice(WIDE) for _ in range(chance.randrange(1, 9))])
    times = onnx.numpy_helper.from_array(sizes, f"much{len(graph.node)}")
    graph.initializer.append(times)
    last = graph.node[-1]
    op = chance.choice(("Tile", "Expand", "Reshape", "ConstantOfShape", "Unsqueeze"))
    inner = f"inner{len(graph.node)}"
    name, last.output[0] = last.output[0], inner
    inputs = [times.name] if op == "ConstantOfShape" else [inner, times.name]
    graph.node.append(onnx.helper.make_node(op, inputs, [name]))


_CHANGES = (_operator, _edge, _attribute, _dims, _numbers, _type, _port, _node, _scaled)
