"""Tensors as an ONNX file holds them, checked to be complete and of types that a generator needs.

Error messages call the file "it"; the caller puts the file's name in front.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.system.terminal import legible
from zoo_export.inspection.protobuf import DamagedError, integers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_export.inspection.protobuf import Message

SMALL = 64
"""The values of tensors with at most this many numbers are read: shapes, axes and scales."""
RANK_LIMIT = 8


class ForbiddenError(ValueError):
    """A complete ONNX file holds what no generator needs; the message says what."""


class Kind(NamedTuple):
    """The type of a tensor's numbers."""

    name: str
    """As onnxruntime names it."""
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

    @property
    def nbytes(self) -> int:
        """Of its numbers in memory."""
        return math.prod(self.shape) * self.kind.dtype.itemsize


def printable(text: str) -> str:
    """Return a name from the file, fit for a terminal: short, without control characters."""
    short = text if len(text) <= 40 else f"{text[:37]}..."
    return legible(short)


def read_tensor(message: Message) -> Tensor:
    """Return a TensorProto; raises DamagedError or ForbiddenError."""
    name, code = text_field(message, "name"), message.get("data_type", 0)
    if code not in KINDS:
        raise ForbiddenError(f"its tensor {printable(name)} is of type {code}, which no generator needs")
    if {"segment", "string_data"} & set(message):
        raise ForbiddenError(
            f"its tensor {printable(name)} is in segments or holds text, which no generator needs"
        )
    kind, shape = (
        KINDS[code],
        tuple(short_integers(message.get("dims", []), f"the shape of {printable(name)}")),
    )
    if len(shape) > RANK_LIMIT or min(shape, default=0) < 0:
        raise ForbiddenError(f"its tensor {printable(name)} has the shape {shape}")
    count, stored = math.prod(shape), _stored_size(message)
    # Otherwise onnxruntime might allocate what the shape promises before it finds that the numbers are missing.
    if ("raw_data" in message and stored != count * kind.dtype.itemsize) or stored < count:
        raise DamagedError(
            f"its tensor {printable(name)} of shape {shape} has only {stored} bytes of numbers"
        )
    return Tensor(name, kind, shape, _value(message, kind, shape) if count <= SMALL else None)


_NUMBERS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")


def _stored_size(message: Message) -> int:
    """Return how many bytes a tensor's numbers take in the file: at least one for each number."""
    if "raw_data" in message:
        if set(_NUMBERS) & set(message):
            raise DamagedError("one of its tensors has its numbers twice")
        return len(message["raw_data"])
    pieces = [piece for field in _NUMBERS for piece in message.get(field, ())]
    return sum(1 if isinstance(piece, int) else len(piece) for piece in pieces)


def _value(message: Message, kind: Kind, shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Return the numbers of a small tensor, on which shapes may depend; None for types on which none do."""
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


def short_integers(pieces: list[int | memoryview], what: str) -> list[int]:
    """Decode a list of at most `SMALL` integers; `what` names it in the error."""
    if sum(1 if isinstance(piece, int) else len(piece) for piece in pieces) > 10 * SMALL:
        raise ForbiddenError(f"{what} has more than {SMALL} numbers")
    return integers(pieces)


def text_field(message: Message, field: str) -> str:
    """Return a field that is text, or ''."""
    return decode_text(message.get(field, b""))


def decode_text(text: bytes | memoryview) -> str:
    """Return UTF-8 as text; raises DamagedError where it is none."""
    try:
        return bytes(text).decode()
    except UnicodeDecodeError as error:
        raise DamagedError("one of its names is not text") from error
