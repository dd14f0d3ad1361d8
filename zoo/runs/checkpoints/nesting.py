"""A nested state as tensors by name and JSON of everything else, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import InputError
from zoo.runs.checkpoints.names import FORMAT, TENSORS, VALUES

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, Any]


def parts(state: State) -> tuple[dict[str, Tensor], bytes]:
    """Return the tensors by name, and the JSON of everything else."""
    tensors: dict[str, Tensor] = {}
    nest = _take_tensors(state, "", tensors)
    return tensors, json.dumps({"format": FORMAT, "state": nest}, allow_nan=False).encode()


def _take_tensors(value: Any, prefix: str, tensors: dict[str, Tensor]) -> Any:
    """Return `value` with each tensor replaced by its name, which `tensors` then holds."""
    if isinstance(value, torch.Tensor):
        tensors[prefix] = value
        return {"tensor": prefix}
    if isinstance(value, dict):
        return {
            "dict": [[key, _take_tensors(inner, f"{prefix}/{key}", tensors)] for key, inner in value.items()]
        }
    if isinstance(value, (list, tuple)):
        return {
            "list": [_take_tensors(inner, f"{prefix}/{index}", tensors) for index, inner in enumerate(value)]
        }
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise InputError(
            f"{prefix.lstrip('/')}: it is a {type(value).__name__}, and a checkpoint holds tensors, numbers and text "
            "only. Keep it in a buffer"
        )
    return {"value": value}


def put_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return the state that `_take_tensors` made `value` of; ValueError where it made no such thing."""
    left = dict(tensors)
    try:
        state = _filled(value, left)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{VALUES} and {TENSORS} do not fit each other: {error!r}") from error
    if left:
        raise ValueError(f"{TENSORS} holds {next(iter(left))}, which {VALUES} does not")
    return state


def _filled(value: Any, tensors: dict[str, Tensor]) -> Any:
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors.pop(content)
    if kind == "dict":
        return {key: _filled(inner, tensors) for key, inner in content}
    if kind == "list":
        return [_filled(inner, tensors) for inner in content]
    if kind != "value":
        raise ValueError(f"there is no {kind!r}")
    return content
