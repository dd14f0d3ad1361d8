"""Limits of ONNX files and of the pictures they make."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from tests.support.hostile.limits.limit import INPUT, RESOURCE, LeftOutError, Limit
from tests.support.hostile.make import field
from tests.support.hostile.models import chain, generator
from zoo.errors import InputError
from zoo.generators.files import LATENT_LIMIT, ONNX_LIMIT, SIDE_LIMIT
from zoo_export.cli.request import PIXELS_LIMIT, check_size
from zoo_export.inspection import limits
from zoo_export.inspection.graph import BESIDE_LIMIT
from zoo_export.inspection.limits import CheckedModel, Cost
from zoo_export.inspection.protobuf import DEPTH_LIMIT, FIELDS_LIMIT, parse_model
from zoo_export.runtime.session import OnnxGenerator

FILE, PICTURE, BATCH, GRID = (
    "an ONNX file",
    "one picture of an ONNX file",
    "a batch of pictures",
    "a grid or GIF",
)
MILLISECONDS = int(limits.SECONDS_LIMIT * 1000)


def checked(model: ModelProto | bytes) -> CheckedModel:
    """Check a model as `zoo generate` does."""
    return CheckedModel(model if isinstance(model, bytes) else model.SerializeToString(), "it")


def padded(model: ModelProto, size: int) -> bytes:
    """Return a model that has so many bytes, by a text that nobody reads."""
    model.doc_string = "x"
    for _ in range(3):  # its length takes bytes, too
        model.doc_string = "x" * (len(model.doc_string) + size - len(model.SerializeToString()))
    data: bytes = model.SerializeToString()
    assert len(data) == size
    return data


def of_bytes(folder: Path, size: int) -> None:
    """Make a picture with a file of so many bytes: weights, and half as much text as there may be."""
    numbers = np.zeros((size - (BESIDE_LIMIT >> 1)) // 4, np.float32)
    model = generator([helper.make_node("Tanh", ["x"], ["y"])], numpy_helper.from_array(numbers, "large"))
    (folder / "large.onnx").write_bytes(padded(model, size))
    del numbers, model
    OnnxGenerator(folder / "large.onnx").sample(1)


def of_text(_: Path, size: int) -> None:
    """Make a picture with a file that has so many bytes beside its weights and a shape, which have 128."""
    OnnxGenerator.from_bytes(padded(generator(), size + 128), "it").sample(1)


def of_fields(_: Path, count: int) -> None:
    """Check a model whose graph says the sizes of arrays that it does not have."""
    model = generator()
    used = _fields(parse_model(model.SerializeToString()))
    for _number in range(count - used):
        model.graph.value_info.add()
    checked(model)


def _fields(message: object) -> int:
    if isinstance(message, dict):
        return sum(
            sum(1 + _fields(one) for one in value) if isinstance(value, list) else 1 + _fields(value)
            for value in message.values()
        )
    return 0


def of_operators(_: Path, count: int) -> None:
    """Check a model with so many operators: two are there beside those of the chain."""
    checked(chain(count - 2))


def of_depth(_: Path, depth: int) -> None:
    """Check messages in messages, of graphs, nodes and attributes in turn; they are read, and are no generator."""
    inner = b""
    for level in range(depth, 0, -1):
        inner = field((7, 1, 5)[level - 1] if level < 4 else (6, 1, 5)[(level - 1) % 3], inner)
    with suppress(InputError):
        checked(inner)


def pictures(height: int, width: int, latent_dim: int = 4) -> ModelProto:
    """Return a generator whose pictures are each of one level of grey."""
    shape = [1, 1, height, width]
    nodes: list[NodeProto] = [
        helper.make_node("MatMul", ["z", "w"], ["x"]),
        helper.make_node("Reshape", ["x", "pixel"], ["p"]),
        helper.make_node("Expand", ["p", "shape"], ["y"]),
        helper.make_node("Tanh", ["y"], ["images"]),
    ]
    constants = {
        "w": np.full((latent_dim, 1), 0.1, np.float32), "pixel": np.array([-1, 1, 1, 1]), "shape": np.array(shape),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "limit",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", latent_dim])],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *shape[1:]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def of_memory(_: Path, size: int) -> None:
    """Check a model with one more array and some text, which together bring it to this number of bytes."""
    for text in range(4):  # bytes that count three times, beside numbers of four bytes
        rest = size - _with_array(1, text).cost(1).bytes
        if rest % 4 == 0:
            break
    assert _with_array(1 + rest // 4, text).cost(1).bytes == size


def _with_array(count: int, text: int) -> CheckedModel:
    constant = numpy_helper.from_array(np.array([count]), "n")
    made, used = helper.make_node("ConstantOfShape", ["n"], ["array"]), helper.make_node("Tanh", ["x"], ["y"])
    model = generator([made, used], constant)
    model.doc_string = "x" * (9 + text)
    return checked(model)


def of_seconds(_: Path, milliseconds: int) -> None:
    """Decide on a picture that is estimated to take so long."""
    output = checked(generator()).cost(1).output
    limits._check_limits(Cost(0, 0, milliseconds / 1000, output), "it")


def of_height(_: Path, side: int) -> None:
    """Make a picture of that height."""
    OnnxGenerator.from_bytes(pictures(side, 1).SerializeToString(), "it").sample(1)


def of_width(_: Path, side: int) -> None:
    """Check pictures of that width."""
    checked(pictures(1, side))


def of_latents(_: Path, latents: int) -> None:
    """Make a picture from so many latents."""
    OnnxGenerator.from_bytes(pictures(2, 2, latents).SerializeToString(), "it").sample(1)


def _batch_of(cost: Cost) -> None:
    model = checked(generator())
    model._costs[8] = cost
    if model.fitting(8) < 8:
        raise LeftOutError(f"parts of {model.fitting(8)}")


def of_batch_bytes(_: Path, size: int) -> None:
    """Ask for a batch of eight pictures that is estimated to take so many bytes."""
    _batch_of(Cost(size, 0, 0.0, checked(generator()).cost(1).output))


def of_batch_seconds(_: Path, milliseconds: int) -> None:
    """Ask for a batch of eight pictures that is estimated to take so long."""
    _batch_of(Cost(0, 0, milliseconds / 1000, checked(generator()).cost(1).output))


def of_grid(_: Path, pixels: int) -> None:
    """Ask for a GIF of frames of one pixel, as large as they are."""
    check_size(1, (1, 1, 1), pixels, out=Path("out.gif"))


ONNX_LIMITS = (
    Limit(FILE, "104 MiB", ONNX_LIMIT, of_bytes, "it has 109051905 bytes, more than 109051904", RESOURCE),
    Limit(FILE, "8 MiB", BESIDE_LIMIT, of_text, "it has 8388609 bytes beside its weights, more", RESOURCE),
    Limit(FILE, "100,000 fields", FIELDS_LIMIT, of_fields, "it has more than 100000 fields", RESOURCE),
    Limit(FILE, "4,096 operators", limits.NODES_LIMIT, of_operators, "it has 4097 operators, more than", RESOURCE),
    Limit(FILE, "32 deep", DEPTH_LIMIT, of_depth, "its messages are nested over 32 deep", RESOURCE),
    Limit(PICTURE, "320 MiB", limits.PICTURE_LIMIT, of_memory, "336 MB of memory, more than", RESOURCE),
    Limit(PICTURE, "5 s", MILLISECONDS, of_seconds, "one picture would take up to 5 s, more than 5.", RESOURCE),
    Limit(PICTURE, "2,048 pixels a side", SIDE_LIMIT, of_height, "a generator takes one float", INPUT),
    Limit(PICTURE, "2,048 pixels a side", SIDE_LIMIT, of_width, "a generator takes one float", INPUT),
    Limit(PICTURE, "4,096 latents", LATENT_LIMIT, of_latents, "a generator takes one float", INPUT),
    Limit(BATCH, "160 MiB", limits.BATCH_LIMIT, of_batch_bytes, "parts of 4"),
    Limit(BATCH, "5 s", MILLISECONDS, of_batch_seconds, "parts of 4"),
    Limit(GRID, "33,554,432 pixels", PIXELS_LIMIT, of_grid, "and at most 33,554,432 are written", INPUT),
)  # fmt: skip
