"""Just enough of protobuf to look into an ONNX file without `onnx`: is it whole, are all its tensors inside?

onnxruntime would follow a tensor's path to another file, relative to the current folder, even for a model
that is given as bytes: a file from the network could so read files of whoever runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEPTH_LIMIT = 64
_EXTERNAL_DATA = 13
_DATA_LOCATION = 14

# Message -> field number -> message inside it: every way from an ONNX model to a tensor (onnx.proto3).
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}


class DamagedError(ValueError):
    """The bytes are not a whole protobuf message; the message says why."""


def needs_other_files(model: bytes) -> bool:
    """Whether any tensor of the model is kept in another file.

    Raises:
        DamagedError: the bytes are no whole protobuf message.
    """
    return _is_outside(memoryview(model), "model", 0)


def _is_outside(data: memoryview, message: str, depth: int) -> bool:
    if depth > _DEPTH_LIMIT:
        raise DamagedError(f"its graphs are nested over {_DEPTH_LIMIT} deep")
    inside = _INSIDE[message]
    found = False
    for number, value in _fields(data):
        if message == "tensor" and number in (_EXTERNAL_DATA, _DATA_LOCATION) and value != 0:
            found = True
        elif number in inside and isinstance(value, memoryview):
            found = _is_outside(value, inside[number], depth + 1) or found
    return found


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) in order; the values of fixed-width fields are their bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise DamagedError("it holds a field with the number 0")
        if wire == _VARINT:
            number_value, at = _varint(data, at)
            yield number, number_value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise DamagedError(f"it holds a field of the unknown kind {wire}")
        if at + length > len(data):
            raise DamagedError(f"it ends {at + length - len(data)} bytes too early")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return the number that starts at `at`, and where the next thing starts."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise DamagedError("it ends in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise DamagedError("it holds a number of over 10 bytes")
