"""One recipe -> many: the product of swept values and seeds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from zoo.errors import InputError, UsageError, counted, joined
from zoo.recipes.tables import parse_value
from zoo.system.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

RUNS_LIMIT = 200
"""Of a sweep."""
SEEDS_LIMIT = 100
NAME_LIMIT = 80
SEED = "training.seed"
_NEXT_KEY = re.compile(r"\+(?=[\w-]+(?:\.[\w-]+)*=)")
_BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}
_AROUND = "[]{}\"' "
_EXAMPLE = "Write for example --sweep losses.1.weight=1,10 or --sweep KEY=[2,2],[1,1]"


@dataclass(frozen=True)
class Axis:
    """Fields that change together, and the values that they take in turn.

    Attributes:
        fields: by their keys, the values as they were typed; all have equally many.
    """

    fields: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(next(iter(self.fields.values())))

    def changes(self, index: int) -> tuple[str, ...]:
        """Return `key=value` for the values number `index`."""
        return tuple(f"{key}={values[index]}" for key, values in self.fields.items())


@dataclass(frozen=True)
class Combination:
    """One training of a sweep.

    Attributes:
        folder: the name of its run folder.
        changes: `key=value` of what is swept, the seed included.
    """

    folder: str
    changes: tuple[str, ...]


def parse_axis(text: str) -> Axis:
    """Return what `KEY=VALUE,VALUE` sweeps; `KEY=V,V+KEY=V,V` are fields that change together.

    Lists stand in brackets (`KEY=[2,2],[1,1]`), and text that holds a comma in quotes.

    Raises:
        InputError: it is of another form, a value is empty or named twice, or the fields have unequally many.
    """
    fields: dict[str, tuple[str, ...]] = {}
    for part in _split(text, _NEXT_KEY):
        key, equals, values = part.partition("=")
        if not equals or not all(key.split(".")):
            raise InputError(f"{_said(text)}: it is not of the form KEY=VALUE,VALUE. {_EXAMPLE}")
        if key in fields:
            raise InputError(f"{_said(text)}: {key} stands in it twice. Name it once")
        if len(_split(values, re.compile(";"))) > 1:
            raise InputError(
                f"{_said(text)}: a semicolon parts no values. Part them by commas, with lists in brackets: "
                "--sweep KEY=[2,2],[1,1]"
            )
        fields[key] = tuple(value.strip() for value in _split(values, re.compile(",")))
        if not all(fields[key]):
            raise InputError(f"{_said(text)}: {key} has an empty value. {_EXAMPLE}")
    _check_counts(text, fields)
    axis = Axis(fields)
    seen: list[str] = []
    for index in range(len(axis)):
        seen.append(json.dumps([parse_value(values[index]) for values in fields.values()], default=str))
        if seen[-1] in seen[:-1]:
            raise InputError(
                f"{_said(text)}: {' '.join(axis.changes(index))} stands in it twice. Name it once"
            )
    return axis


def _check_counts(text: str, fields: Mapping[str, Sequence[str]]) -> None:
    counts = {key: len(values) for key, values in fields.items()}
    if len(set(counts.values())) > 1:
        told = joined([f"{key} has {count}" for key, count in counts.items()])
        raise InputError(f"{_said(text)}: fields that change together need equally many values, and {told}")


def combinations(axes: Sequence[Axis], seeds: Sequence[int]) -> list[Combination]:
    """Return every combination of the axes' values with every seed, the seeds of one beside each other.

    Raises:
        InputError: a field stands in two axes, lies in another one, or is the seed where seeds are given too; or there
            are more than `RUNS_LIMIT`.
    """
    keys = [key for axis in axes for key in axis.fields]
    _check_keys([*keys, SEED] if seeds else keys)
    count = prod(map(len, axes)) * max(len(seeds), 1)
    if count > RUNS_LIMIT:
        raise InputError(
            f"sweep: it is of {counted(count, 'run')}, and at most {RUNS_LIMIT} are trained. Give fewer values or seeds"
        )
    last = [Axis({SEED: tuple(map(str, seeds))})] if seeds else []
    labels = _labels([*keys, *(SEED for _ in last)])
    named: dict[str, Combination] = {}
    for changes in _product([*axes, *last]):
        folder = _free(_folder(changes, labels), named)
        named[folder] = Combination(folder, changes)
    return list(named.values())


def _product(axes: Sequence[Axis]) -> Iterator[tuple[str, ...]]:
    for indices in product(*(range(len(axis)) for axis in axes)):
        yield tuple(
            change for axis, index in zip(axes, indices, strict=True) for change in axis.changes(index)
        )


def _check_keys(keys: Sequence[str]) -> None:
    for index, key in enumerate(keys):
        for other in keys[index + 1 :]:
            if key == other == SEED:
                raise UsageError(f"--seeds: --sweep {SEED} gives the seeds already. Give one of the two")
            if key == other:
                raise InputError(f"--sweep {key}: it is swept twice. Give all its values in one --sweep")
            inner, outer = max(key, other, key=len), min(key, other, key=len)
            if inner.startswith(f"{outer}."):
                raise InputError(
                    f"--sweep {inner}: it lies in {outer}, which is swept too. Sweep one of the two"
                )


def _split(text: str, separator: re.Pattern[str]) -> list[str]:
    """Return the parts of a text between separators that stand in no brackets and no quotes.

    Raises:
        InputError: a bracket or a quote is not closed.
    """
    parts, start, depth, quote, at = list[str](), 0, 0, "", 0
    while at < len(text):
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in _BRACKETS:
            depth += _BRACKETS[character]
        elif depth == 0 and (found := separator.match(text, at)):
            parts.append(text[start:at])
            start = at = found.end()
            continue
        if depth < 0:
            break
        at += 1
    if depth or quote:
        raise InputError(
            f"{_said(text)}: a bracket or a quote in it is not closed, or not opened. {_EXAMPLE}"
        )
    return [*parts, text[start:]]


def _said(text: str) -> str:
    shown = one_line(text)
    return f"--sweep {shown if len(shown) <= NAME_LIMIT else shown[:NAME_LIMIT] + '…'}"


def _labels(keys: Iterable[str]) -> dict[str, str]:
    """Return for each key its shortest ending that no other key has: `weight`, or `1.weight` beside `0.weight`.

    A key that is the ending of another one (`name` beside `losses.0.name`) has none, and stands whole.
    """
    keys = list(keys)
    endings = {key: [key.split(".")[-length:] for length in range(1, key.count(".") + 2)] for key in keys}
    return {
        key: ".".join(
            next(
                (
                    ending
                    for ending in endings[key]
                    if not any(ending in endings[other] for other in keys if other != key)
                ),
                endings[key][-1],
            )
        )
        for key in keys
    }


def _folder(changes: Sequence[str], labels: dict[str, str]) -> str:
    """Return a name in characters that any file system and any shell takes."""
    pairs = (change.partition("=") for change in changes)
    return ",".join(
        f"{labels[key]}={re.sub(r'[^A-Za-z0-9.+_-]+', '-', value.strip(_AROUND))}" for key, _, value in pairs
    )


def _free(name: str, taken: Iterable[str]) -> str:
    """Return the name, shortened and with a number where it is taken; letters of two cases count as the same."""
    short = name if len(name) <= NAME_LIMIT else name[:NAME_LIMIT]
    there = {other.casefold() for other in taken}
    numbered = (short if number == 1 else f"{short}_{number}" for number in range(1, RUNS_LIMIT + 2))
    return next(free for free in numbered if free.casefold() not in there)
