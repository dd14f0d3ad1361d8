"""What a run keeps in its checkpoints beside its trainer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from zoo.runs.checkpoints.names import VALUES

if TYPE_CHECKING:
    from zoo.runs.checkpoints.nesting import State


def check_run_state(state: State) -> None:
    """Raise ValueError where a state lacks what a run keeps beside its trainer, or has something else in its place."""
    for name, kind in (("recipe", dict), ("surroundings", dict), ("trainer", dict), ("fingerprint", str)):
        if not isinstance(state.get(name), kind):
            raise ValueError(f"{VALUES} has no {name}")
    if not _is_number(state.get("seconds")) or state["seconds"] < 0:
        raise ValueError(f"{VALUES} has no seconds")
    if "best" not in state:
        raise ValueError(f"{VALUES} has no best figure, nor says that there is none")
    best = state["best"]
    if best is not None and not (_is_list(best, 2) and type(best[0]) is int and _is_number(best[1])):
        raise ValueError(f"{VALUES} has a best figure that is none")
    log = state.get("log")
    if not isinstance(log, dict) or type(log.get("offset")) is not int or log["offset"] < 0:
        raise ValueError(f"{VALUES} has no place in the log")
    pending = log.get("pending")
    if not isinstance(pending, list) or not all(
        _is_list(entry, 2) and _is_figures(entry) for entry in pending
    ):
        raise ValueError(f"{VALUES} has figures that are none")


def _is_figures(entry: list[Any]) -> bool:
    number, figures = entry
    return type(number) is int and isinstance(figures, dict) and all(map(_is_number, figures.values()))


def _is_list(value: Any, length: int) -> bool:
    return isinstance(value, list) and len(value) == length


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
