"""An ONNX file's bytes as a graph of nodes, and what no generator needs refused. Imports neither onnx nor onnxruntime.

Errors are said about "it"; whoever calls adds the file's name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from zoo_export.protobuf import DamagedError, Message, integers, parse_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Attribute: TypeAlias = "int | float | bytes | tuple[int, ...] | Tensor"

SMALL = 64
"""Tensors of at most so many numbers are read: shapes, axes and scales."""
RANK_LIMIT = 8
OPSETS = range(13, 24)


class ForbiddenError(ValueError):
    """A whole ONNX file holds what no generator needs; the message says what."""


class Kind(NamedTuple):
    """The type of a tensor's numbers."""

    name: str
    """As onnxruntime says it."""
    dtype: np.dtype[Any]


KINDS = {
    code: Kind(name, np.dtype(dtype))
    for code, name, dtype in (
        (1, "float", "f4"), (2, "uint8", "u1"), (3, "int8", "i1"), (6, "int32", "i4"), (7, "int64", "i8"),
        (9, "bool", "?"), (10, "float16", "f2"), (11, "double", "f8"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """Weights, or a small constant."""

    name: str
    kind: Kind
    shape: tuple[int, ...]
    value: NDArray[Any] | None
    """Only where there are at most `SMALL` integers or floats."""


@dataclass(frozen=True)
class Node:
    """One operation; an input that is left out is ''."""

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
    """A size that is free has a name, perhaps ''."""

    def __str__(self) -> str:
        sizes = ", ".join(plain(size) or "?" if isinstance(size, str) else str(size) for size in self.sizes)
        return f"{plain(self.name)} {self.kind.name} ({sizes})"


@dataclass(frozen=True)
class Graph:
    """All that onnxruntime would run."""

    opset: int
    nodes: tuple[Node, ...]
    weights: dict[str, Tensor]
    inputs: tuple[Port, ...]
    """Without those that are weights too, as files of IR version 3 have them."""
    outputs: tuple[Port, ...]


def read_graph(data: bytes) -> Graph:
    """Read a model's graph.

    Raises:
        DamagedError: it is no whole ONNX file.
        TooManyError: it has too many parts to be looked at.
        ForbiddenError: it needs other files, functions, foreign or nested operators, or types no generator needs.
    """
    model = parse_model(data)
    _refuse_outside(model)
    if model.get("functions") or model.get("training_info"):
        raise ForbiddenError("it brings functions or a training of its own, which no generator needs")
    if "graph" not in model or "ir_version" not in model:
        raise DamagedError("it holds no graph")
    graph = model["graph"]
    if graph.get("sparse_initializer"):
        raise ForbiddenError("it holds sparse weights, which no generator needs")
    weights = {tensor.name: tensor for tensor in map(_tensor, graph.get("initializer", ()))}
    if len(weights) != len(graph.get("initializer", ())):
        raise DamagedError("it holds two weights of one name")
    inputs = tuple(map(_port, graph.get("input", ())))
    return Graph(
        _opset(model),
        tuple(map(_node, graph.get("node", ()))),
        weights,
        tuple(port for port in inputs if port.name not in weights),
        tuple(map(_port, graph.get("output", ()))),
    )


def plain(text: str) -> str:
    """Return a name from the file, fit for a terminal: short, without control characters."""
    short = text if len(text) <= 40 else f"{text[:37]}..."
    return short if short.isprintable() else ascii(short)


def _refuse_outside(model: Message) -> None:
    """Refuse weights in other files, wherever they hide.

    onnxruntime would follow such a path relative to the current folder, even for a model given as bytes: a file
    from the network could so read the files of whoever runs it.
    """
    for message in _inside(model):
        if message.get("external_data") or message.get("data_location"):
            raise ForbiddenError("it keeps weights in other files, which are never read")


def _inside(message: Message) -> Iterator[Message]:
    """Yield a message and all messages in it."""
    yield message
    for value in message.values():
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict):
                yield from _inside(part)


def _opset(model: Message) -> int:
    versions = [
        entry.get("version", 0)
        for entry in model.get("opset_import", ())
        if _text(entry, "domain") in ("", "ai.onnx")
    ]
    if len(versions) != 1 or versions[0] not in OPSETS:
        found = ", ".join(map(str, versions)) or "none"
        raise ForbiddenError(f"its opset is {found}, not one from {OPSETS[0]} to {OPSETS[-1]}")
    return int(versions[0])


def _node(message: Message) -> Node:
    op, domain = _text(message, "op_type"), _text(message, "domain")
    if domain not in ("", "ai.onnx"):
        raise ForbiddenError(
            f"it needs the operator {plain(op)} of {plain(domain)}, which ONNX does not define"
        )
    attributes = {}
    for part in message.get("attribute", ()):
        name = _text(part, "name")
        if name in attributes:
            raise DamagedError(f"its operator {plain(op)} has the attribute {plain(name)} twice")
        attributes[name] = _attribute(part, op)
    return Node(
        op,
        tuple(_decoded(name) for name in message.get("input", ())),
        tuple(_decoded(name) for name in message.get("output", ())),
        attributes,
    )


def _attribute(message: Message, op: str) -> Attribute:
    """Return an attribute's value; its declared type and its one field must agree."""
    kinds = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
    field = kinds.get(message.get("type", 0))
    others = set(message) - {"name", "type", "doc_string", field}
    if field is None or others:
        what = "a graph inside" if {"g", "graphs"} & others else "an attribute of a kind no generator needs"
        raise ForbiddenError(f"its operator {plain(op)} has {what}")
    value = message.get(field)
    match field:
        case "f":
            return float(np.frombuffer(value, "<f4")[0]) if value is not None else 0.0
        case "i":
            return value or 0
        case "t":
            return _tensor(value or {})
        case "ints":
            return tuple(_few(value or [], f"the attribute {plain(_text(message, 'name'))}"))
        case "s":
            return bytes(value or b"")
    return b""  # lists of floats or strings, which no allowed operator's sizes depend on


def _tensor(message: Message) -> Tensor:
    name, code = _text(message, "name"), message.get("data_type", 0)
    if code not in KINDS:
        raise ForbiddenError(f"its tensor {plain(name)} is of type {code}, which no generator needs")
    if {"segment", "string_data"} & set(message):
        raise ForbiddenError(
            f"its tensor {plain(name)} is in segments or holds text, which no generator needs"
        )
    kind, shape = KINDS[code], tuple(_few(message.get("dims", []), f"the shape of {plain(name)}"))
    if len(shape) > RANK_LIMIT or min(shape, default=0) < 0:
        raise ForbiddenError(f"its tensor {plain(name)} has the shape {shape}")
    count, stored = math.prod(shape), _stored(message)
    # Otherwise onnxruntime might set aside what the shape promises before it finds that the numbers are missing.
    if ("raw_data" in message and stored != count * kind.dtype.itemsize) or stored < count:
        raise DamagedError(f"its tensor {plain(name)} of shape {shape} has only {stored} bytes of numbers")
    return Tensor(name, kind, shape, _value(message, kind, shape) if count <= SMALL else None)


_NUMBERS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")


def _stored(message: Message) -> int:
    """Return the bytes of a tensor's numbers as they are stored: at least one a number."""
    if "raw_data" in message:
        if set(_NUMBERS) & set(message):
            raise DamagedError("one of its tensors has its numbers twice")
        return len(message["raw_data"])
    pieces = [piece for field in _NUMBERS for piece in message.get(field, ())]
    return sum(1 if isinstance(piece, int) else len(piece) for piece in pieces)


def _value(message: Message, kind: Kind, shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Return the numbers of a small tensor, where sizes may depend on them."""
    if "raw_data" in message:
        return np.frombuffer(message["raw_data"], kind.dtype.newbyteorder("<")).reshape(shape)
    field = {"float": "float_data", "int64": "int64_data", "int32": "int32_data"}.get(kind.name)
    if field is None:
        return None
    pieces = message.get(field, [])
    if field == "float_data":
        found = np.frombuffer(b"".join(bytes(piece) for piece in pieces), "<f4")
    else:
        found = np.array(integers(pieces), np.int64)
    if found.size != math.prod(shape):
        raise DamagedError(f"one of its tensors of shape {shape} has {found.size} numbers")
    return found.reshape(shape)


def _port(message: Message) -> Port:
    name, type_ = _text(message, "name"), message.get("type", {})
    array = type_.get("tensor_type")
    if array is None or set(type_) - {"tensor_type", "denotation"} or array.get("elem_type") not in KINDS:
        raise ForbiddenError(f"its input or output {plain(name)} is no array of numbers")
    sizes = tuple(_size(dim) for dim in array.get("shape", {}).get("dim", ()))
    return Port(name, KINDS[array["elem_type"]], sizes)


def _size(dim: Message) -> int | str:
    if "dim_value" in dim and "dim_param" in dim:
        raise DamagedError("one of its sizes is a number and a name")
    return int(dim["dim_value"]) if "dim_value" in dim else _text(dim, "dim_param")


def _few(pieces: list[int | memoryview], what: str) -> list[int]:
    """Decode a short list of integers."""
    if sum(1 if isinstance(piece, int) else len(piece) for piece in pieces) > 10 * SMALL:
        raise ForbiddenError(f"{what} has more than {SMALL} numbers")
    return integers(pieces)


def _text(message: Message, field: str) -> str:
    return _decoded(message.get(field, b""))


def _decoded(text: bytes | memoryview) -> str:
    try:
        return bytes(text).decode()
    except UnicodeDecodeError as error:
        raise DamagedError("one of its names is not text") from error
