"""How figures were measured: those of different measures are never put side by side."""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    metric: str
    protocol: str
    data: str
    fingerprint: str


def measure_of(metric: str | None, protocol: str | None, data: DataRecord) -> Measure | None:
    """Return how a training measured; None where it did not."""
    if metric is None:
        return None
    return Measure(metric, protocol or "", f"{data.images} images, {data.source}", data.fingerprint)


def figures(found: Mapping[Measure, float | None]) -> dict[Measure, float]:
    """Return the figures that there are, of a size that can be added up and drawn."""
    return {measure: value for measure, given in found.items() if (value := bounded(given)) is not None}


def bounded(value: float | None) -> float | None:
    """Return a number of a size that can be added up and drawn; None for any other."""
    return value if value is not None and abs(value) <= FIGURE_LIMIT else None
