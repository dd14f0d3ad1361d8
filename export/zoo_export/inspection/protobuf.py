"""The part of protobuf's wire format that ONNX files use, so that making pictures does not need the package `onnx`.

Stricter than protobuf itself: a field that ONNX does not define, or a single field given twice (protobuf would merge
the two), is refused. So onnxruntime finds nothing in the bytes that was not checked here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Message = dict[str, Any]
"""Field name -> value: int, float bytes or memoryview, a Message, or a list of these for repeated fields."""

DEPTH_LIMIT = 32
FIELDS_LIMIT = 100_000
"""Twice what 4,096 operators take; reading this many takes 0.2 s."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIRES = {
    "int": (_VARINT,),
    "float": (_FIXED32,),
    "integers": (_VARINT, _BYTES),
    "reals": (_FIXED32, _FIXED64, _BYTES),
}


class DamagedError(ValueError):
    """The bytes are not a complete ONNX message; the error's text says why."""


class TooManyError(ValueError):
    """The model has more parts than can be read in good time; the error's text says which."""


class _Field(NamedTuple):
    name: str
    kind: str = "bytes"
    """`int`, `float`, `bytes`, `integers` and `reals` (repeated, packed or not, undecoded), or the message inside."""
    repeated: bool = False


_METADATA = _Field("metadata_props", "pair", True)
_SCHEMA: dict[str, dict[int, _Field]] = {
    "model": {
        1: _Field("ir_version", "int"), 2: _Field("producer_name"), 3: _Field("producer_version"),
        4: _Field("domain"), 5: _Field("model_version", "int"), 6: _Field("doc_string"),
        7: _Field("graph", "graph"), 8: _Field("opset_import", "opset", True), 14: _METADATA,
        20: _Field("training_info", "training", True), 25: _Field("functions", "function", True),
    },
    "opset": {1: _Field("domain"), 2: _Field("version", "int")},
    "pair": {1: _Field("key"), 2: _Field("value")},
    "training": {
        1: _Field("initialization", "graph"), 2: _Field("algorithm", "graph"),
        3: _Field("initialization_binding", "pair", True), 4: _Field("update_binding", "pair", True),
    },
    "graph": {
        1: _Field("node", "node", True), 2: _Field("name"), 5: _Field("initializer", "tensor", True),
        10: _Field("doc_string"), 11: _Field("input", "value", True), 12: _Field("output", "value", True),
        13: _Field("value_info", "value", True), 14: _Field("quantization_annotation", "annotation", True),
        15: _Field("sparse_initializer", "sparse", True), 16: _METADATA,
    },
    "function": {
        1: _Field("name"), 4: _Field("input", repeated=True), 5: _Field("output", repeated=True),
        6: _Field("attribute", repeated=True), 7: _Field("node", "node", True), 8: _Field("doc_string"),
        9: _Field("opset_import", "opset", True), 10: _Field("domain"),
        11: _Field("attribute_proto", "attribute", True), 12: _Field("value_info", "value", True),
        13: _Field("overload"), 14: _METADATA,
    },
    "node": {
        1: _Field("input", repeated=True), 2: _Field("output", repeated=True), 3: _Field("name"), 4: _Field("op_type"),
        5: _Field("attribute", "attribute", True), 6: _Field("doc_string"), 7: _Field("domain"),
        8: _Field("overload"), 9: _METADATA,
    },
    "attribute": {
        1: _Field("name"), 2: _Field("f", "float"), 3: _Field("i", "int"), 4: _Field("s"), 5: _Field("t", "tensor"),
        6: _Field("g", "graph"), 7: _Field("floats", "reals"), 8: _Field("ints", "integers"),
        9: _Field("strings", repeated=True), 10: _Field("tensors", "tensor", True), 11: _Field("graphs", "graph", True),
        13: _Field("doc_string"), 14: _Field("tp", "type"), 15: _Field("type_protos", "type", True),
        20: _Field("type", "int"), 21: _Field("ref_attr_name"), 22: _Field("sparse_tensor", "sparse"),
        23: _Field("sparse_tensors", "sparse", True),
    },
    "tensor": {
        1: _Field("dims", "integers"), 2: _Field("data_type", "int"), 3: _Field("segment"),
        4: _Field("float_data", "reals"), 5: _Field("int32_data", "integers"), 6: _Field("string_data", repeated=True),
        7: _Field("int64_data", "integers"), 8: _Field("name"), 9: _Field("raw_data"),
        10: _Field("double_data", "reals"), 11: _Field("uint64_data", "integers"), 12: _Field("doc_string"),
        13: _Field("external_data", "pair", True), 14: _Field("data_location", "int"), 16: _METADATA,
    },
    "sparse": {1: _Field("values", "tensor"), 2: _Field("indices", "tensor"), 3: _Field("dims", "integers")},
    "annotation": {1: _Field("tensor_name"), 2: _Field("quant_parameter_tensor_names", "pair", True)},
    "value": {1: _Field("name"), 2: _Field("type", "type"), 3: _Field("doc_string"), 4: _METADATA},
    "type": {
        1: _Field("tensor_type", "array"), 4: _Field("sequence_type"), 5: _Field("map_type"), 6: _Field("denotation"),
        7: _Field("opaque_type"), 8: _Field("sparse_tensor_type"), 9: _Field("optional_type"),
    },
    "array": {1: _Field("elem_type", "int"), 2: _Field("shape", "shape")},
    "shape": {1: _Field("dim", "dim", True)},
    "dim": {1: _Field("dim_value", "int"), 2: _Field("dim_param"), 3: _Field("denotation")},
}  # fmt: skip
"""What onnx.proto3 defines, up to IR version 13 without the fields for many devices."""


def parse_model(data: bytes) -> Message:
    """Return a ModelProto; tensors' data stay views into `data`.

    Raises:
        DamagedError: it is no complete ONNX message.
        TooManyError: it has more than `FIELDS_LIMIT` fields, or messages nested too deeply.
    """
    return _Parser().message(memoryview(data), "model", 0)


def integers(pieces: list[int | memoryview]) -> list[int]:
    """Decode an `integers` field as int64.

    Raises:
        DamagedError: a number is cut short.
    """
    found = []
    for piece in pieces:
        if isinstance(piece, int):
            found.append(_signed(piece))
            continue
        position = 0
        while position < len(piece):
            number, position = _varint(piece, position)
            found.append(_signed(number))
    return found


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


class _Parser:
    def __init__(self) -> None:
        self._left = FIELDS_LIMIT

    def message(self, data: memoryview, kind: str, depth: int) -> Message:
        if depth > DEPTH_LIMIT:
            raise TooManyError(f"its messages are nested over {DEPTH_LIMIT} deep")
        schema = _SCHEMA[kind]
        found: Message = {}
        for number, wire, value in self._read_fields(data):
            field = schema.get(number)
            if field is None:
                raise DamagedError(f"its {kind} has a field {number}, which ONNX does not define")
            decoded = self._value(field, wire, value, depth)
            if field.repeated or field.kind in ("integers", "reals"):
                found.setdefault(field.name, []).append(decoded)
            elif field.name in found:
                raise DamagedError(f"its {kind} has the field {field.name} twice")
            else:
                found[field.name] = decoded
        return found

    def _value(self, field: _Field, wire: int, value: int | memoryview, depth: int) -> Any:
        allowed = _WIRES.get(field.kind, (_BYTES,))
        if wire not in allowed:
            raise DamagedError(f"its field {field.name} is of kind {wire} instead of {allowed[0]}")
        if isinstance(value, int):
            return _signed(value)
        if field.kind in _SCHEMA:
            return self.message(value, field.kind, depth + 1)
        return value

    def _read_fields(self, data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
        """Yield (field number, wire type, value) in order; the values of fixed-width fields are their bytes."""
        position = 0
        while position < len(data):
            self._left -= 1
            if self._left < 0:
                raise TooManyError(f"it has more than {FIELDS_LIMIT} fields")
            key, position = _varint(data, position)
            number, wire = key >> 3, key & 7
            if not 0 < key < 1 << 32 or number == 0:
                raise DamagedError(f"it holds a field with the number {number}")
            if wire == _VARINT:
                value, position = _varint(data, position)
                yield number, wire, value
                continue
            length, position = _length(data, position, wire)
            if position + length > len(data):
                raise DamagedError(f"it ends {position + length - len(data)} bytes too early")
            yield number, wire, data[position : position + length]
            position += length


def _length(data: memoryview, position: int, wire: int) -> tuple[int, int]:
    """Return the length of a field that is no varint, and where it starts."""
    if wire == _BYTES:
        return _varint(data, position)
    if wire == _FIXED64:
        return 8, position
    if wire == _FIXED32:
        return 4, position
    raise DamagedError(f"it holds a field of the unknown kind {wire}")


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return the number that starts at `position`, modulo 2^64 as in protobuf, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise DamagedError("it ends in the middle of a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, position
    raise DamagedError("it holds a number of over 10 bytes")
