"""How figures were measured: those of different measures are never put side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoo.history import FIGURE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.generators.config import DataRecord


@dataclass(frozen=True, order=True)
class Measure:
    """How a figure was measured, and on what: figures of two measures are never put side by side.

    Attributes:
        metric: its name.
        protocol: how, in a line; empty where nobody said.
        data: what it was compared with, in words.
        fingerprint: of those images.
        higher_is_better: whether it rises with quality; None where nobody said.
    """

    metric: str
    protocol: str
    data: str = field(compare=False)
    fingerprint: str
    higher_is_better: bool | None = field(default=None, compare=False)

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
    words = f"{data.images} images, {data.source}"
    return Measure(metric, protocol or "", words, data.fingerprint, higher_is_better)


def figures(found: Mapping[Measure, float | None]) -> dict[Measure, float]:
    """Return the figures that there are, of a size that can be added up and drawn."""
    return {measure: value for measure, given in found.items() if (value := bounded(given)) is not None}


def bounded(value: float | None) -> float | None:
    """Return a number of a size that can be added up and drawn; None for any other."""
    return value if value is not None and abs(value) <= FIGURE_LIMIT else None
