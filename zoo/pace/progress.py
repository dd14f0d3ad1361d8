"""What a run gives whoever iterates over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Outcome = Literal["done", "stopped", "failed"]


@dataclass(frozen=True)
class Progress:
    """What happened at a step: its losses where a line was logged, its figure where it was measured."""

    step: int
    metrics: Mapping[str, float] | None = None
    value: float | None = None
    best: bool = False
