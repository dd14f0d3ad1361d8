"""Tables as TOML has them: changed by `--set`, merged, flattened, written."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import tomli_w

from zoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


Table = dict[str, Any]


def set_value(table: Table, change: str, option: str = "--set") -> None:
    """Apply one `key.path=value` in place; the value is read as TOML, and as plain text when it is not.

    `option` is what messages say that it was given with.

    Raises:
        InputError: there is no `=`, or the path leads through something that is no table or list.
    """
    key, equals, text = change.partition("=")
    if not equals or not all(key.split(".")):
        raise InputError(
            f"{option} {change}: it is not of the form key.path=value. Write for example training.steps=500"
        )
    *parents, last = key.split(".")
    place: Any = table
    for part in parents:
        place = _step_into(place, part, f"{option} {change}")
    if isinstance(place, list):
        place[_index(place, last, f"{option} {change}")] = parse_value(text)
    elif isinstance(place, dict):
        place[last] = parse_value(text)
    else:
        raise InputError(f"{option} {change}: {parents[-1]!r} is no table. Name a field of a table")


def _step_into(place: Any, part: str, given: str) -> Any:
    if isinstance(place, list):
        return place[_index(place, part, given)]
    if isinstance(place, dict):
        return place.setdefault(part, {})
    raise InputError(f"{given}: nothing lies below {part!r}. Name a field of a table")


def _index(place: list[Any], part: str, given: str) -> int:
    if part not in map(str, range(len(place))):
        raise InputError(f"{given}: {part!r} is no entry of a list of {len(place)}. Count from 0")
    return int(part)


def parse_value(text: str) -> Any:
    """Return the value that a text has in TOML, or the text where it has none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> Table:
    """Return `table` with `changes` laid over it: tables are merged, everything else is replaced."""
    out = dict(table)
    for key, value in changes.items():
        old = out.get(key)
        out[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def flattened(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nested table as `{"losses.1.weight": 10.0}`, as `--set` names fields; empty ones are left out."""
    out: dict[str, Any] = {}
    for key, value in table.items():
        entries = dict(enumerate(value)) if isinstance(value, (list, tuple)) else value
        if isinstance(entries, dict):
            inner = flattened({str(name): entry for name, entry in entries.items()})
            out.update({f"{key}.{name}": entry for name, entry in inner.items()})
        elif value is not None:
            out[key] = value
    return out


def write_toml(table: Mapping[str, Any]) -> bytes:
    """Return a table as TOML; keys without a value are left out, since TOML has no null."""
    return tomli_w.dumps(_without_none(table)).encode()


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_without_none(inner) for inner in value]
    return value
