"""A component's fields, for `zoo info`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.components import Component
    from zoo.plugins.registry import Entry


_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def component_facts(kind: str, entry: Entry) -> dict[str, Any]:
    """Return what there is to say of a component: its summary, its provider, and each field with type and default."""
    component = entry.component
    return {
        kind: component.name,
        "summary": first_line(component),
        **({"paper": component.paper} if component.paper else {}),
        "provider": entry.provider.model_dump(),
        "fields": {name: _field(component, name) for name in component.model_fields},
    }


def _field(component: type[Component], name: str) -> dict[str, Any]:
    schema = component.model_json_schema()["properties"][name]
    field = component.model_fields[name]
    facts: dict[str, Any] = {"type": _type_name(schema)}
    if not field.is_required():
        value = field.get_default(call_default_factory=True)
        facts["default"] = json.loads(json.dumps(value, default=str))
    return {**facts, "help": field.description or ""}


def _type_name(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(repr, schema["enum"]))
    if "const" in schema:
        return repr(schema["const"])
    if "anyOf" in schema:
        return " | ".join(_type_name(option) for option in schema["anyOf"])
    if "prefixItems" in schema:
        return f"[{', '.join(_type_name(item) for item in schema['prefixItems'])}]"
    if schema.get("type") == "array":
        return f"list of {_type_name(schema['items'])}" if schema.get("items") else "list"
    bounds = [f"{sign} {schema[key]}" for key, sign in _BOUNDS.items() if key in schema]
    return " ".join([str(schema.get("type", "value")), *bounds])


def first_line(component: type[Component]) -> str:
    """Return the first line of a component's docstring."""
    return (component.__doc__ or "").strip().partition("\n")[0]
