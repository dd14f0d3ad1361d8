"""Shape inference: the size of an operator's output from its inputs, before onnxruntime runs anything.

A rule takes a `Call` and returns its output. Rules for elementwise operators are here, the others in `layout_ops.py`
and `compute_ops.py`. An output whose size cannot be inferred is refused with a ForbiddenError.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_export.inspection.protobuf import TooManyError
from zoo_export.inspection.tensors import KINDS, RANK_LIMIT, SMALL, ForbiddenError, Kind, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from zoo_export.inspection.graph import Node

INT64, BOOL = KINDS[7], KINDS[9]
NUMBERS_LIMIT = 1 << 48
"""In one array; sizes that are reckoned from those of such arrays overflow nothing."""


@dataclass(frozen=True)
class Array:
    """What is known of a tensor before anything runs."""

    kind: Kind
    shape: tuple[int, ...]
    value: NDArray[Any] | None = None
    """The numbers of a small tensor that depend on sizes and constants alone."""

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.count * self.kind.dtype.itemsize


class Call:
    """One node with what is known of its inputs; its methods return what rules need, or raise ForbiddenError."""

    def __init__(self, node: Node, inputs: tuple[Array | None, ...]) -> None:
        self.node = node
        self.op = node.op
        self.inputs = inputs

    def refuse(self, why: str) -> ForbiddenError:
        """Return the error to raise, whose message begins with the operator's name."""
        return ForbiddenError(f"its operator {printable(self.op)} {why}")

    def array(self, index: int = 0) -> Array:
        """Return an input that must be there."""
        found = self.optional(index)
        if found is None:
            raise self.refuse(f"lacks its input {index + 1}")
        return found

    def optional(self, index: int) -> Array | None:
        """Return an input that may be left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def value(self, index: int) -> NDArray[Any]:
        """Return the numbers of an input, which must be known before it runs."""
        found = self.array(index).value
        if found is None:
            raise self.refuse(
                f"has sizes that depend on its input {index + 1}, so they are not known before it runs"
            )
        return found

    def ints(self, index: int) -> tuple[int, ...]:
        """Return the known numbers of an input as integers."""
        try:
            return tuple(int(number) for number in self.value(index).flatten())
        except (ValueError, OverflowError):  # NaN, or no end
            raise self.refuse(f"has sizes in its input {index + 1} that are no numbers") from None

    def attribute(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        found = self.node.attributes.get(name, default)
        if not isinstance(found, int):
            raise self.refuse(f"has an attribute {name} that is no integer")
        return found

    def sizes(self, name: str, default: tuple[int, ...], *, least: int = 1) -> tuple[int, ...]:
        """Return an attribute that is a list of integers, as long as its default and none below `least`."""
        found = self.node.attributes.get(name, default)
        if not isinstance(found, tuple) or len(found) != len(default) or min(found, default=least) < least:
            raise self.refuse(f"has an attribute {name} that does not fit")
        return found

    def text(self, name: str, default: bytes) -> bytes:
        """Return an attribute that is a string."""
        found = self.node.attributes.get(name, default)
        if not isinstance(found, bytes):
            raise self.refuse(f"has an attribute {name} that is no word")
        return found

    def axis(self, axis: int, rank: int) -> int:
        """Return an axis counted from the front."""
        if not -rank <= axis < rank:
            raise self.refuse(f"has an axis {axis} where there are {rank}")
        return axis % rank

    def axes(self, index: int, rank: int) -> tuple[int, ...] | None:
        """Return the axes an input or the attribute of that name gives, from the front; None where neither does."""
        found = self.node.attributes.get("axes")
        if not isinstance(found, tuple):
            if self.optional(index) is None:
                return None
            found = self.ints(index)
        return tuple(sorted({self.axis(axis, rank) for axis in found}))

    def output(
        self, shape: tuple[int, ...], kind: Kind | None = None, value: NDArray[Any] | None = None
    ) -> Array:
        """Return an output of this shape; its kind is the first input's where none is given."""
        if len(shape) > RANK_LIMIT or min(shape, default=0) < 0:
            raise self.refuse(f"makes an array of the shape {shape}")
        if math.prod(shape) > NUMBERS_LIMIT:
            raise TooManyError(
                f"its operator {printable(self.op)} makes an array of the shape {shape}, which no memory holds"
            )
        if value is not None and value.size > SMALL:
            value = None
        return Array(kind or self.array().kind, shape, value)


def same(call: Call) -> Array:
    """Infer an output of the input's shape."""
    return call.output(call.array().shape)


def identity(call: Call) -> Array:
    """Infer an output that is the input."""
    return call.array()


def broadcast(call: Call) -> Array:
    """Infer an elementwise operator's output: all inputs are broadcast to one shape."""
    arrays = [call.array(index) for index in range(len(call.inputs))]
    shape = broadcast_shape(call, *(array.shape for array in arrays))
    kind = BOOL if call.op in ("Equal", "Less", "Greater") else arrays[-1].kind
    value = None
    calculate = _ARITHMETIC.get(call.op)
    if calculate and len(arrays) == 2 and kind is INT64 and math.prod(shape) <= SMALL:
        first, second = arrays[0].value, arrays[1].value
        if first is not None and second is not None and not (call.op == "Div" and not second.all()):
            with np.errstate(all="ignore"):  # integers may overflow; onnxruntime's do the same
                value = calculate(first, second)
    return call.output(shape, kind, value)


def _divide(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Divide as ONNX does: towards zero."""
    quotient: NDArray[Any] = np.sign(first) * np.sign(second) * (abs(first) // abs(second))
    return quotient


_ARITHMETIC: dict[str, Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "Add": lambda first, second: first + second,
    "Sub": lambda first, second: first - second,
    "Mul": lambda first, second: first * second,
    "Div": _divide,
}


def broadcast_shape(call: Call, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that all are broadcast to."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(map(str, shapes))
        raise call.refuse(f"has inputs of the shapes {listed}, which do not fit") from None
