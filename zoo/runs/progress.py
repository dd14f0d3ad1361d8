"""What a run gives whoever iterates over it, and who is shown it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zoo.runs.run import Run
    from zoo.system.signals import Stop

Outcome = Literal["done", "stopped", "failed"]
OnNan = Literal["stop", "rollback"]


@dataclass(frozen=True)
class Progress:
    """What happened at a step: its losses where a line was logged, its figure where it was measured."""

    step: int
    metrics: Mapping[str, float] | None = None
    value: float | None = None
    best: bool = False


class Display:
    """What a training shows while it lasts; this one shows nothing."""

    def opened(self, run: Run) -> None:
        """Look at a run before it trains; what is raised here leaves it as it is."""

    def show(self, _run: Run, steps: Iterator[Progress], /) -> None:
        """Go through all steps, which is what makes them."""
        for _ in steps:
            pass

    def ended(self, run: Run, stop: Stop) -> None:
        """Look at a run whose generator is written; it is still held."""
