"""What pydantic found wrong, said in one line for the person who wrote the recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails


def explain(details: ErrorDetails, model: type[BaseModel], where: str, name: str) -> str:
    """Return `<where>: <name> ...: <what is wrong, with the value found>. <what to do>`."""
    place = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        last = str(details["loc"][-1])
        known = _fields(model, details["loc"][:-1])
        return f"{where}: {name} has no field {last!r}; it has {', '.join(known)}. {_advice(last, known)}"
    if details["type"] == "missing":
        return f"{where}: {name} needs the field {place!r}. Add it"
    if details["type"] == "value_error":
        reason = str(details["ctx"]["error"])
        return f"{where}: {name}: {place + ': ' if place else ''}{reason}. Change it"
    reason = details["msg"].removeprefix("Input ")
    return f"{where}: {name}.{place} {reason}, found {details['input']!r}. Change it"


def _fields(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type):
            break
        model = field.annotation
    return sorted(model.model_fields)


def _advice(word: str, known: list[str]) -> str:
    advice = did_you_mean(word, known)
    return advice if advice.startswith("Did") else "Remove it"
