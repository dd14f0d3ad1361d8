"""Shape inference for operators that move numbers: constants, reshapes, slices, concatenations and the like."""

from __future__ import annotations

import math

import numpy as np

from zoo_export.inspection.shapes import INT64, Array, Call, broadcast_shape
from zoo_export.inspection.tensors import KINDS, RANK_LIMIT, SMALL, Tensor


def constant(call: Call) -> Array:
    """Infer Constant: the output is in the file."""
    attributes = call.node.attributes
    tensor, number, numbers = (attributes.get(name) for name in ("value", "value_int", "value_ints"))
    if isinstance(tensor, Tensor):
        return call.output(tensor.shape, tensor.kind, tensor.value)
    if isinstance(number, int):
        return call.output((), INT64, np.array(number))
    if isinstance(numbers, tuple):
        return call.output((len(numbers),), INT64, np.array(numbers, np.int64))
    if isinstance(attributes.get("value_float"), float):
        return call.output((), KINDS[1])
    raise call.refuse("holds no array of numbers")


def constant_of_shape(call: Call) -> Array:
    """Infer ConstantOfShape: one number, repeated."""
    shape, filler = call.ints(0), call.node.attributes.get("value")
    kind = filler.kind if isinstance(filler, Tensor) else KINDS[1]
    number = filler.value if isinstance(filler, Tensor) and filler.value is not None else None
    small = (
        number is not None
        and number.size == 1
        and 0 <= math.prod(shape) <= SMALL
        and min(shape, default=0) >= 0
    )
    return call.output(shape, kind, np.full(shape, number) if small else None)


def shape_of(call: Call) -> Array:
    """Infer Shape: the input's shape, or a slice of it."""
    shape = call.array().shape
    part = shape[call.attribute("start", 0) : call.attribute("end", len(shape))]
    return call.output((len(part),), INT64, np.array(part, np.int64))


def cast(call: Call) -> Array:
    """Infer Cast: the same shape, another type."""
    kind = KINDS.get(call.attribute("to", 0))
    if kind is None:
        raise call.refuse("makes numbers of a type that no generator needs")
    value = call.array().value
    known = value if value is not None and kind is INT64 and value.dtype.kind in "iu" else None
    return call.output(call.array().shape, kind, known)


def reshape(call: Call) -> Array:
    """Infer Reshape: 0 keeps a size, -1 stands for the size that is left."""
    source, target = call.array(), list(call.ints(1))
    if not call.attribute("allowzero", 0):
        for index, size in enumerate(target):
            if size == 0 and index < len(source.shape):
                target[index] = source.shape[index]
    known = math.prod(size for size in target if size != -1)
    if target.count(-1) == 1 and known > 0:
        target[target.index(-1)] = source.count // known
    if math.prod(target) != source.count or min(target, default=0) < 0:
        raise call.refuse(f"cannot give {source.shape} the shape {call.ints(1)}")
    shape = tuple(target)
    return call.output(shape, value=None if source.value is None else source.value.reshape(shape))


def flatten(call: Call) -> Array:
    """Infer Flatten: the axes before `axis` become one, and the rest another."""
    shape = call.array().shape
    axis = call.attribute("axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise call.refuse(f"has an axis {axis} where there are {len(shape)}")
    axis = axis + len(shape) if axis < 0 else axis
    return call.output((math.prod(shape[:axis]), math.prod(shape[axis:])))


def transpose(call: Call) -> Array:
    """Infer Transpose: the axes in another order."""
    shape = call.array().shape
    order = call.sizes("perm", tuple(reversed(range(len(shape)))), least=0)
    if sorted(order) != list(range(len(shape))):
        raise call.refuse(f"has the order {order} for {len(shape)} axes")
    return call.output(tuple(shape[axis] for axis in order))


def squeeze(call: Call) -> Array:
    """Infer Squeeze: axes of size 1 are removed."""
    source = call.array()
    axes = call.axes(1, len(source.shape))
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(source.shape) if size == 1)
    if any(source.shape[axis] != 1 for axis in axes):
        raise call.refuse(f"leaves out axes {axes} of {source.shape}, which are not of size 1")
    shape = tuple(size for axis, size in enumerate(source.shape) if axis not in axes)
    return call.output(shape, value=None if source.value is None else source.value.reshape(shape))


def unsqueeze(call: Call) -> Array:
    """Infer Unsqueeze: axes of size 1 are inserted."""
    source = call.array()
    given = call.ints(1)
    axes = call.axes(1, len(source.shape) + len(given)) or ()
    sizes = iter(source.shape)
    shape = tuple(1 if axis in axes else next(sizes, 1) for axis in range(len(source.shape) + len(axes)))
    return call.output(shape, value=None if source.value is None else source.value.reshape(shape))


def concat(call: Call) -> Array:
    """Infer Concat: the inputs joined along one axis."""
    arrays = [call.array(index) for index in range(len(call.inputs))]
    first = call.array().shape
    axis = call.axis(call.attribute("axis", 0), len(first))
    rests = {(*array.shape[:axis], *array.shape[axis + 1 :]) for array in arrays}
    if len(rests) != 1 or {len(array.shape) for array in arrays} != {len(first)}:
        raise call.refuse("has inputs that do not fit")
    total = sum(array.shape[axis] for array in arrays)
    parts = [array.value for array in arrays if array.value is not None]
    value = np.concatenate(parts, axis) if len(parts) == len(arrays) else None
    return call.output((*first[:axis], total, *first[axis + 1 :]), value=value)


def gather(call: Call) -> Array:
    """Infer Gather: rows picked by their indices."""
    source, indices = call.array(), call.array(1)
    axis = call.axis(call.attribute("axis", 0), len(source.shape))
    shape = (*source.shape[:axis], *indices.shape, *source.shape[axis + 1 :])
    value = None
    if source.value is not None and indices.value is not None:
        if any(not -source.shape[axis] <= index < source.shape[axis] for index in indices.value.flatten()):
            raise call.refuse("takes a row that is not there")
        value = source.value.take(indices.value, axis)
    return call.output(shape, value=value)


def slice_(call: Call) -> Array:
    """Infer Slice: a range of each axis, with a step."""
    source = call.array()
    starts, ends = call.ints(1), call.ints(2)
    axes = call.ints(3) if call.optional(3) else tuple(range(len(starts)))
    steps = call.ints(4) if call.optional(4) else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise call.refuse("has starts, ends, axes and steps that do not fit")
    parts = [slice(None)] * len(source.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = source.shape[call.axis(axis, len(source.shape))]
        # A step backwards goes down to the first row where the end lies before it.
        stop = None if step < 0 and end < -size else end
        parts[call.axis(axis, len(source.shape))] = slice(start, stop, step)
    shape = tuple(len(range(*part.indices(size))) for part, size in zip(parts, source.shape, strict=True))
    return call.output(shape, value=None if source.value is None else source.value[tuple(parts)])


def expand(call: Call) -> Array:
    """Infer Expand: the input broadcast to a shape."""
    target = call.ints(1)
    if len(target) > RANK_LIMIT or min(target, default=0) < 0:
        raise call.refuse(f"makes an array of the shape {target}")
    return call.output(broadcast_shape(call, call.array().shape, target))


def tile(call: Call) -> Array:
    """Infer Tile: the input repeated along each axis."""
    shape, times = call.array().shape, call.ints(1)
    if len(times) != len(shape):
        raise call.refuse(f"repeats {len(shape)} axes {times} times")
    return call.output(tuple(size * count for size, count in zip(shape, times, strict=True)))


def pad(call: Call) -> Array:
    """Infer Pad: rows added before and after."""
    shape, pads = call.array().shape, call.ints(1)
    axes = call.ints(3) if call.optional(3) else tuple(range(len(shape)))
    if len(pads) != 2 * len(axes) or min(pads, default=0) < 0:
        raise call.refuse(f"has pads {pads} for {len(axes)} axes")
    sizes = list(shape)
    for index, axis in enumerate(axes):
        sizes[call.axis(axis, len(shape))] += pads[index] + pads[index + len(axes)]
    return call.output(tuple(sizes))


def split(call: Call) -> tuple[Array, ...]:
    """Infer Split: parts along one axis, of the given lengths or of equal ones."""
    shape, parts = call.array().shape, len(call.node.outputs)
    axis = call.axis(call.attribute("axis", 0), len(shape))
    if call.optional(1) is not None:
        lengths = call.ints(1)
    else:
        each = -(-shape[axis] // max(parts, 1))
        lengths = (*(each,) * (parts - 1), shape[axis] - each * (parts - 1))
    if len(lengths) != parts or sum(lengths) != shape[axis]:
        raise call.refuse(f"parts {shape[axis]} into {lengths}")
    return tuple(call.output((*shape[:axis], length, *shape[axis + 1 :])) for length in lengths)
