"""What pydantic found wrong, said in one line for the person who wrote the recipe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from zoo.errors import did_you_mean, joined
from zoo.recipes.tables import flattened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

WORDS = {
    "Input ": "",
    "String ": "",
    "Tuple ": "",
    "List ": "",
    " an object": " a table",
    " a valid dictionary": " a table",
    " a valid array": " a list",
    " a valid tuple": " a list",
    " items after validation": " entries",
    " item after validation": " entry",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}
"""pydantic's words, and those that people who write TOML know."""
REMOVE = "Remove it"
ALIASES = {"lr": "learning_rate", "rate": "learning_rate", "batch": "batch_size", "epochs": "steps"}
"""What other programs call a field, and what recipes call it."""
FOUND_LENGTH = 80


def explain(details: ErrorDetails, model: type[BaseModel], where: str, component: str = "") -> str:
    """Return `<where>: <field>: <what is wrong, with the value found>. <what to do>`.

    `where` names the file, and for a component its table, with the component's name beside it; without one the
    error is in the recipe itself, and the table is read from the error.
    """
    path, inner = _walk(model, details["loc"])
    if details["type"] == "union_tag_invalid":
        return f"{_place(where, path)}: {_unknown_tag(details['ctx'], inner)}"
    field = ".".join(path)
    if not component:
        named = max((index for index, part in enumerate(path) if not part.isdigit()), default=0)
        where, field = _place(where, path[:named]), ".".join(path[named:])
    subject = f"{component}.{field}".strip(".")
    kind = details["type"]
    if kind == "extra_forbidden":
        _, holder = _walk(model, details["loc"][:-1])
        return f"{where}: {_unknown_field(component or 'it', field, holder)}"
    if kind == "missing" and field.rpartition(".")[2].isdigit():
        listed, _, entry = subject.rpartition(".")
        return f"{where}: {listed} has no entry {entry}, counted from 0. Add it"
    if kind in ("missing", "union_tag_not_found"):
        missing = field if kind == "missing" else f"{field}.name"
        return f"{where}: {component or 'it'} needs the field {missing!r}. Add it"
    if kind == "value_error":
        return f"{where}: {subject + ': ' if subject else ''}{details['ctx']['error']}. Change it"
    return f"{where}: {subject} {_in_toml_words(details['msg'])}, found {_shown(details['input'])}. Change it"


def elsewhere(details: ErrorDetails, table: Mapping[str, Any]) -> str | None:
    """Return advice for a field that is unknown here and stands elsewhere in the recipe; None for any other error."""
    if details["type"] != "extra_forbidden":
        return None
    *above, last = map(str, details["loc"])
    wanted = ALIASES.get(last, last)
    itself = ".".join([*above, last])
    there = [key for key in flattened(table) if key.rpartition(".")[2] == wanted and key != itself]
    own = [key for key in there if key.split(".")[:2] == above[:2]]
    return f"Set {joined(own or there)} instead" if there else None


def _place(where: str, table: list[str]) -> str:
    return f"{where} [{'.'.join(table)}]" if table else where


def _walk(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[list[str], Any]:
    """Return an error's place as people write it, and the type found there; a union's tag is no part of the place."""
    path: list[str] = []
    inner: Any = model
    for part in loc:
        tagged = [option for option in get_args(inner) if part in _tags(option)]
        if tagged:
            inner = tagged[0]
            continue
        path.append(str(part))
        fields = inner.model_fields if _is_model(inner) else {}
        inner = fields[str(part)].annotation if str(part) in fields else None
    return path, inner


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _tags(option: Any) -> tuple[Any, ...]:
    """Return what `name` may be in an option of a union: `Literal["adam"]`."""
    if not _is_model(option) or "name" not in option.model_fields:
        return ()
    return get_args(option.model_fields["name"].annotation)


def _unknown_field(owner: str, field: str, holder: Any) -> str:
    known = sorted(holder.model_fields) if _is_model(holder) else []
    advice = did_you_mean(field, known)
    has = f"{owner} has no field {field!r}; it has {', '.join(known)}"
    return f"{has}. {advice if advice.startswith('Did') else REMOVE}"


def _unknown_tag(context: dict[str, Any], union: Any) -> str:
    known = [tag for option in get_args(union) for tag in _tags(option)]
    return f"there is no {context['tag']!r}. {did_you_mean(context['tag'], known)}"


def _in_toml_words(text: str) -> str:
    for theirs, ours in WORDS.items():
        text = text.replace(theirs, ours)
    return text


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= FOUND_LENGTH else f"{text[:FOUND_LENGTH]}…"
