"""Entries by rows: runs that differ only in their seed are one, with the mean and the spread of their figures."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from zoo.errors import counted
from zoo.generators.measures import columns
from zoo.reports.comparison.entry import NOT_BEGUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zoo.generators.measures import Columns, Measure
    from zoo.reports.comparison.entry import Entry

STATES = ("done", "running", "stopped", "failed", NOT_BEGUN)
TOLD_LIMIT = 4
"""Fields by which a row is named; of more, the rest is told in the table of what differs."""
LABEL_LIMIT = 80


@dataclass(frozen=True)
class Figure:
    """A measure's figures in a row.

    Attributes:
        mean: of the runs that came to their end; where none has, of all.
        deviation: of the sample; None of a single one.
        values: of each run that has one, in order.
    """

    mean: float
    deviation: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """Runs that differ only in their seed, or one generator."""

    label: str
    entries: tuple[Entry, ...]

    @cached_property
    def figures(self) -> Mapping[Measure, Figure]:
        """The figures by how they were measured."""
        measures = dict.fromkeys(measure for entry in self.entries for measure in entry.figures)
        return {measure.of(self.label): _figure(measure, self.entries) for measure in measures}

    def mean(self, of: Callable[[Entry], float | None]) -> float | None:
        """Return the mean over the entries that have a figure, the complete ones if there are any."""
        values = [value for entry in _counting(self.entries) if (value := of(entry)) is not None]
        return statistics.fmean(values) if values else None

    def first(self, of: Callable[[Entry], Any]) -> Any:
        """Return what the first entry that has it says."""
        return next((value for entry in self.entries if (value := of(entry)) is not None), None)

    @property
    def state(self) -> str:
        """How far its runs are, in words; empty for a generator."""
        states = [entry.state for entry in self.entries]
        if any(entry.problem and not entry.state for entry in self.entries):
            return "cannot be read"
        if len(states) == 1:
            return states[0]
        counts = {state: states.count(state) for state in STATES}
        return ", ".join(f"{count} {state}" for state, count in counts.items() if count)

    @property
    def seeds(self) -> str:
        """The seeds of its runs, in words."""
        seeds = [entry.seed for entry in self.entries if entry.seed is not None]
        if len(seeds) > 5:
            return counted(len(seeds), "seed")
        return ", ".join(map(str, seeds))

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What went wrong with which of its entries: a name, of a file in it perhaps, and why."""
        return [_problem(entry.name, entry.problem) for entry in self.entries if entry.problem]


def _problem(name: str, problem: str) -> tuple[str, str]:
    file, colon, why = problem.removeprefix(name).partition(": ")
    return (f"{name}{file}", why) if colon and problem.startswith(name) else (name, problem)


def rows_of(entries: Sequence[Entry]) -> list[Row]:
    """Return the rows, in the order of their first entries."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(_alike(entry), []).append(entry)
    members = list(groups.values())
    labels = _labels([group[0] for group in members])
    return [Row(label, tuple(group)) for label, group in zip(labels, members, strict=True)]


def columns_of(rows: Iterable[Row]) -> Columns:
    """Return the columns that the rows' figures need."""
    return columns([row.figures for row in rows])


def differing(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return the fields in which the rows' recipes differ, and for each row its value; None where it has none."""
    settings = [row.entries[0].settings or {} for row in rows]
    known = [table for table in settings if table]
    keys = dict.fromkeys(key for table in known for key in table)
    return {
        key: [table.get(key) for table in settings]
        for key in keys
        if len({json.dumps(table.get(key), default=str) for table in known}) > 1
    }


def _figure(measure: Measure, entries: Sequence[Entry]) -> Figure:
    measured = [entry for entry in entries if measure in entry.figures]
    counting = [entry.figures[measure] for entry in _counting(measured)]
    return Figure(
        statistics.fmean(counting),
        statistics.stdev(counting) if len(counting) > 1 else None,
        tuple(entry.figures[measure] for entry in measured),
    )


def _counting(entries: Sequence[Entry]) -> Sequence[Entry]:
    return [entry for entry in entries if entry.complete] or entries


def _alike(entry: Entry) -> str:
    """Return what entries of one row have in common: their own name, where not all fields of a training are known."""
    if entry.state == NOT_BEGUN:
        return _sweep(entry)
    if entry.settings is None:
        return entry.name
    return json.dumps([entry.recipe, entry.settings, entry.fingerprint], sort_keys=True, default=str)


def _labels(firsts: Sequence[Entry]) -> list[str]:
    """Name each row by its recipe and what tells it from others of that recipe; what has no recipe by its own name."""
    labels = []
    for entry in firsts:
        alike = [other for other in firsts if other.recipe == entry.recipe and other.settings is not None]
        own = _sweep(entry) if entry.state == NOT_BEGUN else entry.name
        label = own if entry.settings is None else str(entry.recipe)
        if entry.settings is not None and len(alike) > 1:
            label = f"{label} {_told(entry, alike)}".strip()
        labels.append(label if len(label) <= LABEL_LIMIT else f"{label[: LABEL_LIMIT - 1]}…")
    return [
        label if labels.count(label) == 1 else f"{label} ({entry.name})"
        for label, entry in zip(labels, firsts, strict=True)
    ]


def _sweep(entry: Entry) -> str:
    return str(PurePath(entry.name).parent)


def _told(entry: Entry, alike: Sequence[Entry]) -> str:
    tables = [other.settings or {} for other in alike]
    own = entry.settings or {}
    keys = [
        key
        for key in dict.fromkeys(key for table in tables for key in table)
        if len({json.dumps(table.get(key), default=str) for table in tables}) > 1
    ]
    ends = Counter(key.rpartition(".")[2] for key in keys)
    short = {key: end if ends[end] == 1 else key for key in keys for end in [key.rpartition(".")[2]]}
    told = [f"{short[key]}={value_text(own[key])}" for key in keys if key in own]
    return " ".join(told[:TOLD_LIMIT]) + (" …" if len(told) > TOLD_LIMIT else "")


def value_text(value: Any) -> str:
    """Return a field's value as text."""
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(value_text, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
