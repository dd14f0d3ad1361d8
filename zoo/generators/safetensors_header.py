"""What a .safetensors file says that it holds, read before any of it is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.system.strict_json import check_json

if TYPE_CHECKING:
    from pathlib import Path

HEADER_LIMIT = 1 << 20
"""Bytes of the header: some thousands of tensors, where a generator has dozens."""
TENSOR_LIMIT = 4096


class TensorHeader(NamedTuple):
    """A tensor by its type (`F32`) and shape."""

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path) -> dict[str, TensorHeader]:
    """Return a file's tensors by name.

    Raises:
        ValueError: its header is damaged, too long, or lists too many tensors; one clause for people.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= HEADER_LIMIT:
            raise ValueError(f"its header has {length} bytes, and at most {HEADER_LIMIT} are read")
        data = file.read(length)
    check_json(data)
    header = json.loads(data)
    if not isinstance(header, dict):
        raise ValueError("its header is no table of tensors")
    header.pop("__metadata__", None)
    if len(header) > TENSOR_LIMIT:
        raise ValueError(f"it holds {len(header)} tensors, and at most {TENSOR_LIMIT} are read")
    return {name: _tensor(name, entry) for name, entry in header.items()}


def _tensor(name: str, entry: Any) -> TensorHeader:
    dtype, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
    if (
        not isinstance(dtype, str)
        or not isinstance(shape, list)
        or not all(type(size) is int for size in shape)
    ):
        raise ValueError(f"its tensor {name[:40]!r} has no type or no shape")
    return TensorHeader(dtype, tuple(shape))


def describe(tensor: TensorHeader) -> str:
    """Return a tensor in words: `F32 of 4 x 4`."""
    return f"{tensor.dtype} of {' x '.join(map(str, tensor.shape)) or 'one number'}"
