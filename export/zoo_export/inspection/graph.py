"""An ONNX file's bytes as a graph of nodes; what no generator needs is refused. Imports neither onnx nor onnxruntime.

Error messages call the file "it"; the caller puts the file's name in front.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from zoo_export.inspection.protobuf import DamagedError, Message, TooManyError, parse_model
from zoo_export.inspection.tensors import (
    KINDS,
    ForbiddenError,
    Kind,
    Tensor,
    decode_text,
    printable,
    read_tensor,
    short_integers,
    text_field,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    Attribute: TypeAlias = "int | float | bytes | tuple[int, ...] | Tensor"

OPSETS = range(13, 24)
BESIDE_LIMIT = 8 << 20
"""Bytes of a file that are no numbers of its tensors: names, texts, metadata. A generator has some 10,000; onnxruntime
takes up to five times of what it finds there."""


@dataclass(frozen=True)
class Node:
    """One operator of the graph; the name of an input that is left out is ''."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]


@dataclass(frozen=True)
class Port:
    """An input or output of the whole graph."""

    name: str
    kind: Kind
    sizes: tuple[int | str, ...]
    """A number for each fixed size; a name, perhaps '', for each that is free."""

    def __str__(self) -> str:
        sizes = ", ".join(
            printable(size) or "?" if isinstance(size, str) else str(size) for size in self.sizes
        )
        return f"{printable(self.name)} {self.kind.name} ({sizes})"


@dataclass(frozen=True)
class Graph:
    """Everything that onnxruntime would run."""

    opset: int
    nodes: tuple[Node, ...]
    weights: dict[str, Tensor]
    inputs: tuple[Port, ...]
    """Without the weights, which files of IR version 3 list as inputs too."""
    outputs: tuple[Port, ...]
    metadata: dict[str, str]
    """What the file says about itself."""
    size: int
    """Of the whole file, in bytes."""


def read_graph(data: bytes) -> Graph:
    """Read a model's graph.

    Raises:
        DamagedError: it is no complete ONNX file.
        TooManyError: it has too many parts to be read.
        ForbiddenError: it needs other files, functions, foreign or nested operators, or types no generator needs.
    """
    model = parse_model(data)
    _refuse_external_data(model)
    if model.get("functions") or model.get("training_info"):
        raise ForbiddenError("it brings functions or a training of its own, which no generator needs")
    if "graph" not in model or "ir_version" not in model:
        raise DamagedError("it holds no graph")
    graph = model["graph"]
    if graph.get("sparse_initializer"):
        raise ForbiddenError("it holds sparse weights, which no generator needs")
    weights = {tensor.name: tensor for tensor in map(read_tensor, graph.get("initializer", ()))}
    if len(weights) != len(graph.get("initializer", ())):
        raise DamagedError("it holds two weights of one name")
    inputs = tuple(map(_port, graph.get("input", ())))
    nodes = tuple(map(_node, graph.get("node", ())))
    _refuse_ballast(len(data), weights, nodes)
    return Graph(
        _opset(model),
        nodes,
        weights,
        tuple(port for port in inputs if port.name not in weights),
        tuple(map(_port, graph.get("output", ()))),
        {text_field(pair, "key"): text_field(pair, "value") for pair in model.get("metadata_props", ())},
        len(data),
    )


def _refuse_ballast(size: int, weights: dict[str, Tensor], nodes: tuple[Node, ...]) -> None:
    """Refuse a file most of which is no numbers: nobody reads them, and onnxruntime copies them."""
    constants = [value for node in nodes for value in node.attributes.values() if isinstance(value, Tensor)]
    beside = size - sum(tensor.nbytes for tensor in (*weights.values(), *constants))
    if beside > BESIDE_LIMIT:
        raise TooManyError(f"it has {beside} bytes beside its weights, more than {BESIDE_LIMIT}")


def _refuse_external_data(model: Message) -> None:
    """Refuse weights in other files, at any depth of the model.

    onnxruntime would follow such a path relative to the current folder, even for a model given as bytes: that way a
    file from the network could read its user's files.
    """
    for message in _walk(model):
        if message.get("external_data") or message.get("data_location"):
            raise ForbiddenError("it keeps weights in other files, which are never read")


def _walk(message: Message) -> Iterator[Message]:
    """Yield a message and all messages in it."""
    yield message
    for value in message.values():
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict):
                yield from _walk(part)


def _opset(model: Message) -> int:
    versions = [
        entry.get("version", 0)
        for entry in model.get("opset_import", ())
        if text_field(entry, "domain") in ("", "ai.onnx")
    ]
    if len(versions) != 1 or versions[0] not in OPSETS:
        found = ", ".join(map(str, versions)) or "none"
        raise ForbiddenError(f"its opset is {found}, not one from {OPSETS[0]} to {OPSETS[-1]}")
    return int(versions[0])


def _node(message: Message) -> Node:
    op, domain = text_field(message, "op_type"), text_field(message, "domain")
    if domain not in ("", "ai.onnx"):
        raise ForbiddenError(
            f"it needs the operator {printable(op)} of {printable(domain)}, which ONNX does not define"
        )
    attributes = {}
    for part in message.get("attribute", ()):
        name = text_field(part, "name")
        if name in attributes:
            raise DamagedError(f"its operator {printable(op)} has the attribute {printable(name)} twice")
        attributes[name] = _attribute(part, op)
    return Node(
        op,
        tuple(decode_text(name) for name in message.get("input", ())),
        tuple(decode_text(name) for name in message.get("output", ())),
        attributes,
    )


def _attribute(message: Message, op: str) -> Attribute:
    """Return an attribute's value; its declared type and its one field must agree."""
    kinds = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
    field = kinds.get(message.get("type", 0))
    others = set(message) - {"name", "type", "doc_string", field}
    if field is None or others:
        what = "a graph inside" if {"g", "graphs"} & others else "an attribute of a kind no generator needs"
        raise ForbiddenError(f"its operator {printable(op)} has {what}")
    value = message.get(field)
    match field:
        case "f":
            return float(np.frombuffer(value, "<f4")[0]) if value is not None else 0.0
        case "i":
            return value or 0
        case "t":
            return read_tensor(value or {})
        case "ints":
            return tuple(
                short_integers(value or [], f"the attribute {printable(text_field(message, 'name'))}")
            )
        case "s":
            return bytes(value or b"")
    return b""  # lists of floats or strings, on which no allowed operator's output size depends


def _port(message: Message) -> Port:
    name, type_ = text_field(message, "name"), message.get("type", {})
    array = type_.get("tensor_type")
    if array is None or set(type_) - {"tensor_type", "denotation"} or array.get("elem_type") not in KINDS:
        raise ForbiddenError(f"its input or output {printable(name)} is no array of numbers")
    sizes = tuple(_size(dim) for dim in array.get("shape", {}).get("dim", ()))
    return Port(name, KINDS[array["elem_type"]], sizes)


def _size(dim: Message) -> int | str:
    if "dim_value" in dim and "dim_param" in dim:
        raise DamagedError("one of its sizes is a number and a name")
    return int(dim["dim_value"]) if "dim_value" in dim else text_field(dim, "dim_param")
