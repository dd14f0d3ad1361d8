"""Every component by kind and name, each with the distribution that brought it."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from zoo.__about__ import DISTRIBUTION
from zoo.components import (
    Architecture,
    Augmentation,
    Component,
    Dataset,
    Features,
    Loss,
    Metric,
    Regularizer,
    Symptom,
    Tracker,
)
from zoo.errors import InputError, UsageError, did_you_mean
from zoo.generators.config import COMPONENT_NAME, PAPER, ComponentRecord, Provider
from zoo.recipes.validation import explain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pydantic_core import ErrorDetails

KINDS: dict[str, type[Component]] = {
    kind.kind: kind
    for kind in (Architecture, Loss, Regularizer, Augmentation, Dataset, Metric, Features, Symptom, Tracker)
}


@dataclass(frozen=True)
class Entry:
    """A component class and who brought it."""

    component: type[Component]
    provider: Provider


@dataclass(frozen=True)
class RecipeEntry:
    """A recipe's file and who brought it."""

    path: Path
    provider: Provider


E = TypeVar("E", Entry, RecipeEntry)


@dataclass
class Registry:
    """What recipes can name. Made anew from the plugins; nothing registers itself."""

    _entries: dict[str, dict[str, list[Entry]]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    _recipes: dict[str, list[RecipeEntry]] = field(default_factory=dict)
    named_rivals: set[tuple[str, str]] = field(default_factory=set)
    """Kinds and names of which people were told that several plugins bring them."""

    def add(self, kind: str, component: type[Component], provider: Provider) -> None:
        """Take a component from a plugin.

        Raises:
            TypeError: it is no finished component of this kind.
        """
        base = KINDS[kind]
        if not (isinstance(component, type) and issubclass(component, base)) or inspect.isabstract(component):
            raise TypeError(f"{component!r} is no finished {base.__name__} class")
        if not isinstance(getattr(component, "name", None), str):
            raise TypeError(f"{component.__name__} has no `name: ClassVar[str]`")
        if not re.fullmatch(COMPONENT_NAME, component.name):
            raise TypeError(
                f"{component.__name__} has the name {component.name!r}, which config.json cannot hold"
            )
        if not isinstance(component.paper, str) or (
            component.paper and not re.fullmatch(PAPER, component.paper)
        ):
            raise TypeError(
                f"{component.__name__} has the paper {component.paper!r}, which config.json cannot hold"
            )
        self._entries[kind].setdefault(component.name, []).append(Entry(component, provider))

    def add_recipe(self, path: Path, provider: Provider) -> None:
        """Take a recipe file from a plugin; its name is the file's.

        Raises:
            TypeError: it is no path of a file.
        """
        if not isinstance(path, Path) or not path.is_file():
            raise TypeError(f"{path!r} is no pathlib.Path of a recipe file")
        self._recipes.setdefault(path.stem, []).append(RecipeEntry(path, provider))

    def take(self, part: Registry) -> None:
        """Take all that another registry has."""
        for kind, members in part._entries.items():
            for name, entries in members.items():
                self._entries[kind].setdefault(name, []).extend(entries)
        for name, recipes in part._recipes.items():
            self._recipes.setdefault(name, []).extend(recipes)

    def names(self, kind: str) -> list[str]:
        """Return the sorted names of a kind's components."""
        return sorted(self._entries[kind])

    def recipes(self) -> dict[str, RecipeEntry]:
        """Return each recipe by name, the built-in one where names clash."""
        return {name: _preferred(entries) for name, entries in sorted(self._recipes.items())}

    def recipe(self, name: str) -> Path:
        """Return the file of a recipe, the built-in one where plugins bring others of its name.

        Raises:
            UsageError: there is none of this name, or two plugins bring one.
        """
        if name not in self._recipes:
            raise UsageError(f"{name}: there is no such recipe. {did_you_mean(name, self._recipes)}")
        return _only(self._recipes[name], "recipe", name, (DISTRIBUTION,)).path

    def is_builtin_recipe(self, path: Path) -> bool:
        """Whether a file is one of the zoo's own recipes."""
        own = self._recipes.get(path.stem, [])
        return any(_is_builtin(entry) and entry.path.resolve() == path.resolve() for entry in own)

    def rivals(self, kind: str, name: str, taken: str) -> tuple[str, ...]:
        """Return the distributions other than `taken` that bring a component, or a `recipe`, of a name."""
        entries: Iterable[Entry | RecipeEntry] = (
            self._recipes.get(name, []) if kind == "recipe" else self._entries[kind].get(name, [])
        )
        providers = (entry.provider.distribution for entry in entries)
        return tuple(provider for provider in providers if provider != taken)

    def entry(self, kind: str, name: str, preferred: Collection[str] = ()) -> Entry:
        """Return a component and its provider.

        Raises:
            UsageError: there is none of this name, or several plugins bring one, and not just one of the `preferred`
                distributions.
        """
        known = self._entries[kind]
        if name not in known:
            none = "are no such features" if kind == "features" else f"is no such {kind}"
            raise UsageError(f"{name}: there {none}. {did_you_mean(name, known)}")
        return _only(known[name], kind, name, preferred)

    def entries(self, kind: str) -> dict[str, Entry]:
        """Return each component of a kind by name, the built-in one where names clash."""
        return {name: _preferred(entries) for name, entries in sorted(self._entries[kind].items())}

    def make(
        self, kind: str, table: Mapping[str, Any], where: str, preferred: Collection[str] = ()
    ) -> Component:
        """Return the component a recipe's table asks for: its `name`, and its fields.

        Where several plugins bring one, it is that of the `preferred` distributions.

        Raises:
            UsageError: the name is unknown or clashes.
            InputError: a field is unknown or has a wrong value; the message begins with `where`.
        """
        fields = dict(table)
        name = fields.pop("name", None)
        if not isinstance(name, str):
            raise InputError(f"{where}: it names no {kind}. Add name = one of {', '.join(self.names(kind))}")
        try:
            component = self.entry(kind, name, preferred).component
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
        return validated(component, fields, where, name)

    def features(self, spelt: str, where: str, preferred: Collection[str] = ()) -> Features:
        """Return the features that a metric or a command names: `drawings`, or `timm:resnet18` with an argument.

        Raises:
            UsageError: there are none of this name, or several plugins bring some.
            InputError: they take no argument, lack theirs, or it is wrong.
        """
        made = self._spelt("features", spelt, where, {}, preferred)
        assert isinstance(made, Features)
        return made

    def metric(self, spelt: str, where: str, fields: Mapping[str, Any]) -> Metric:
        """Return the metric that a command names, `swd`, or `kid:drawings` with an argument, and with these fields.

        Raises:
            UsageError: there is none of this name, or several plugins bring one.
            InputError: it takes no argument, or a field is wrong.
        """
        made = self._spelt("metric", spelt, where, fields, ())
        assert isinstance(made, Metric)
        return made

    def _spelt(
        self, kind: str, spelt: str, where: str, fields: Mapping[str, Any], preferred: Collection[str]
    ) -> Component:
        """Return a component by its name and what follows a colon; `fields` set others."""
        name, colon, argument = spelt.partition(":")
        component = self.entry(kind, name, preferred).component
        assert issubclass(component, Features | Metric)
        taken = component.argument if component.argument in component.model_fields else None
        if colon and taken is None:
            raise InputError(
                f"{where}: {name} takes nothing after a colon, and {spelt!r} was given. Write {name}"
            )
        given = {taken: argument} if colon and taken else {}
        return validated(component, {**fields, **given}, where, name)

    def record(self, component: Component) -> ComponentRecord:
        """Return what `config.json` says of a component."""
        entries = self._entries[component.kind][component.name]
        provider = next(entry.provider for entry in entries if entry.component is type(component))
        return ComponentRecord(
            name=component.name, provider=provider, fields=component.model_dump(mode="json")
        )

    def versions(self, components: Iterable[Component]) -> dict[str, str]:
        """Return the version of each distribution that brought one of the components."""
        providers = (self.record(component).provider for component in components)
        return {provider.distribution: provider.version for provider in providers}


def validated(component: type[Component], fields: Mapping[str, Any], where: str, name: str) -> Component:
    """Make a component from plain values, or say in one line which field is wrong and why."""
    try:
        # JSON mode: strict about types, yet a list becomes the tuple that a frozen model holds.
        return component.model_validate_json(json.dumps(fields, default=str))
    except ValidationError as error:
        details: ErrorDetails = error.errors()[0]
        raise InputError(explain(details, component, where, name)) from None


def _only(entries: list[E], kind: str, name: str, preferred: Collection[str]) -> E:
    chosen = [entry for entry in entries if entry.provider.distribution in preferred]
    if len(entries) > 1 and len(chosen) == 1:
        return chosen[0]
    if len(entries) > 1:
        providers = [entry.provider.distribution for entry in entries]
        rival = next((provider for provider in providers if provider != DISTRIBUTION), providers[0])
        raise UsageError(
            f"{name}: the {kind} comes from {' and '.join(providers)}. Turn one off with ZOO_DISABLE={rival}"
        )
    return entries[0]


def _preferred(entries: Iterable[E]) -> E:
    return min(entries, key=lambda entry: not _is_builtin(entry))


def _is_builtin(entry: Entry | RecipeEntry) -> bool:
    return entry.provider.distribution == DISTRIBUTION
