"""Which metrics: those that were asked for, or all that can be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.components import Metric
from zoo.errors import InputError, UsageError, ZooError, left_out
from zoo.recipes.tables import set_value
from zoo.system.console import warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zoo.components import Features
    from zoo.plugins.registry import Registry
    from zoo.recipes.tables import Table


@dataclass(frozen=True)
class Chosen:
    """A metric, what it looks through, and whether a person asked for it."""

    spelt: str
    metric: Metric
    features: Features | None
    required: bool
    """Whether the evaluation fails with it; what nobody asked for is left out with the reason."""


def asked_for(
    words: Iterable[str], features: str | None, changes: Sequence[str], registry: Registry
) -> list[Chosen]:
    """Return the metrics that a person named, each once: `swd`, `swd,kid`, `kid:drawings`.

    Args:
        words: one or several names each, with commas between them.
        features: what they look through where no colon says it.
        changes: `METRIC.FIELD=value`, as `--set` takes them.
        registry: what there is.

    Raises:
        UsageError: a metric is unknown.
        InputError: a field or what follows a colon is wrong, or `changes` are of a metric that was not named.
    """
    names = [name.strip() for word in words for name in word.split(",")]
    if not all(names):
        raise InputError("--metric: it names nothing between two commas. Give a name, like --metric swd")
    fields = _fields(changes)
    made = []
    for spelt in dict.fromkeys(names):
        name = spelt.partition(":")[0]
        made.append(_chosen(spelt, features, fields.get(name, {}), registry, required=True))
    strangers = fields.keys() - {one.metric.name for one in made}
    if strangers:
        name = min(strangers)
        raise InputError(f"--set {name}: no --metric {name} was given. Add it, or leave --set out")
    return made


def available(
    recipe: Mapping[str, Any] | None, features: str | None, changes: Sequence[str], registry: Registry
) -> list[Chosen]:
    """Return the metric of the recipe, and then all others that need no field to be set."""
    fields = _fields(changes)
    own = dict(recipe or {})
    first = own.pop("name", None)
    names = registry.entries("metric")
    unknown = fields.keys() - names.keys()
    if unknown:
        raise UsageError(f"--set {min(unknown)}: there is no such metric. There is {', '.join(names)}")
    found, missing = [], []
    for name in sorted(names, key=lambda name: (name != first, name)):
        changed = {**(own if name == first else {}), **fields.get(name, {})}
        needed = (field for field, about in names[name].component.model_fields.items() if about.is_required())
        if all(field in changed for field in needed):
            try:
                found.append(_chosen(name, features, changed, registry, required=name in fields))
            except ZooError as error:
                if name in fields or features is not None:
                    raise
                missing.append((name, str(error).removeprefix(f"--metric {name}: ")))
    for line in left_out(missing):
        warn(line)
    return found


def _fields(changes: Sequence[str]) -> dict[str, Table]:
    """Return the fields that `METRIC.FIELD=value` set, by metric."""
    tables: Table = {}
    for change in changes:
        set_value(tables, change)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InputError(f"--set {name}: it is no metric's field. Write for example --set swd.patches=64")
    return tables


def _chosen(
    spelt: str, features: str | None, fields: Mapping[str, Any], registry: Registry, *, required: bool
) -> Chosen:
    name, colon, _ = spelt.partition(":")
    component = registry.entry("metric", name).component
    assert issubclass(component, Metric)
    if features is not None and not colon and component.argument in component.model_fields:
        fields = {component.argument: features, **fields}
    metric = registry.metric(spelt, "--metric", fields)
    seen_through = metric.extractor
    found = None if seen_through is None else registry.features(seen_through, f"--metric {spelt}")
    named = spelt if seen_through is None else f"{name}:{seen_through}"
    return Chosen(named, metric, found, required)
