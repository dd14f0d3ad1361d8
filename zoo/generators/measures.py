"""How figures were measured: those of different measures are never put side by side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from zoo.errors import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zoo.generators.config import DataRecord, GeneratorConfig


@dataclass(frozen=True)
class Measure:
    """How a figure was measured, and on what: figures of two measures are never put side by side.

    Attributes:
        metric: its name.
        protocol: how, in a line; empty where nobody said.
        data: what it was compared with, in words.
        fingerprint: of those images.
        higher_is_better: whether it rises with quality; None where nobody said.
        alone: whose figure it is, where nobody said how or on what it was measured: it stands in a column of its own.
    """

    metric: str
    protocol: str
    data: str = field(compare=False)
    fingerprint: str
    higher_is_better: bool | None = field(default=None, compare=False)
    alone: str = ""

    @property
    def known(self) -> bool:
        """Whether it says how it was measured and on which images, so that another figure can stand beside it."""
        return bool(self.protocol and self.fingerprint)

    def of(self, owner: str) -> Measure:
        """Return it as the measure of a figure that belongs to `owner`: where it says too little, of that one alone."""
        return self if self.known else replace(self, alone=owner)

    @property
    def better(self) -> str:
        """Which direction is the better one, in a word."""
        return better(self.higher_is_better)


def better(higher_is_better: bool | None) -> str:
    """Return which direction of a figure is the better one: `higher`, `lower`, or `-` where nobody said."""
    return "-" if higher_is_better is None else "higher" if higher_is_better else "lower"


def direction(higher_is_better: bool | None) -> str:
    """Return the same as a clause; empty where nobody said."""
    return "" if higher_is_better is None else f"{better(higher_is_better)} is better"


def sentence(higher_is_better: bool | None) -> str:
    """Return the same as a sentence, to stand behind others; empty where nobody said."""
    return "" if higher_is_better is None else f" {direction(higher_is_better).capitalize()}."


def measure_of(
    metric: str | None, protocol: str | None, data: DataRecord, higher_is_better: bool | None
) -> Measure | None:
    """Return how a training measured; None where it did not."""
    if metric is None:
        return None
    words = f"{counted(data.images, 'image')}, {data.source}"
    return Measure(metric, protocol or "", words, data.fingerprint, higher_is_better)


def own_measure(config: GeneratorConfig) -> Measure | None:
    """Return how a generator's training measured; None where it did not."""
    training = config.training
    return measure_of(training.metric, training.protocol, config.data, training.higher_is_better)


def by_own_measure(configs: Mapping[str, GeneratorConfig]) -> dict[Measure | None, list[str]]:
    """Return the names of generators by how their trainings measured, in the order of the first; None: they did not."""
    groups: dict[Measure | None, list[str]] = {}
    for name, config in configs.items():
        own = own_measure(config)
        groups.setdefault(None if own is None else own.of(name), []).append(name)
    return groups


def figures_of(config: GeneratorConfig) -> dict[Measure, float]:
    """Return a generator's figures, its training's own first, of a size that can be added up and drawn."""
    own = own_measure(config)
    found = {} if own is None else {own: bounded(config.training.value)}
    for later in config.current_figures:
        measure = Measure(
            later.metric, later.protocol, later.images, later.fingerprint, later.higher_is_better
        )
        found.setdefault(measure, bounded(later.value))
    return {measure: value for measure, value in found.items() if value is not None}


def bounded(value: float | None) -> float | None:
    """Return a number of a size that can be added up and drawn; None for any other."""
    from zoo.history import FIGURE_LIMIT

    return value if value is not None and abs(value) <= FIGURE_LIMIT else None


@dataclass(frozen=True)
class Columns:
    """Figures of several generators, in one column for each measure: no two of a column were measured differently.

    Attributes:
        headings: of each measure: its metric, numbered where one was measured in several ways.
    """

    headings: Mapping[Measure, str]

    @property
    def directions(self) -> list[str]:
        """Which direction is the better one, by column."""
        return [measure.better for measure in self.headings]

    def notes(self) -> list[str]:
        """Return how each column was measured, a line each."""
        return [
            f"{heading}: {measure.protocol or 'nobody said how it was measured'}; {measure.data}"
            for measure, heading in self.headings.items()
        ]


def columns(rows: Sequence[Iterable[Measure]], limit: int | None = None) -> Columns:
    """Return the columns that rows of figures need.

    Args:
        rows: the measures of each row's figures.
        limit: of columns; those that most rows share are kept, of equally shared ones the first.
    """
    told: dict[Measure, Measure] = {}
    counts: dict[Measure, int] = {}
    for measure in (measure for row in rows for measure in row):
        counts[measure] = counts.get(measure, 0) + 1
        if measure not in told or told[measure].higher_is_better is None:
            told[measure] = measure
    most = set(sorted(counts, key=lambda measure: -counts[measure])[:limit])
    kept = [told[measure] for measure in counts if measure in most]
    return Columns(_headings(kept))


def _headings(measures: Sequence[Measure]) -> dict[Measure, str]:
    headings = {}
    for measure in measures:
        alike = [other for other in measures if other.metric == measure.metric]
        number = "" if len(alike) == 1 else f" [{alike.index(measure) + 1}]"
        headings[measure] = f"{measure.metric}{number}"
    return headings
