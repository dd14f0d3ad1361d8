"""A training that could have gone on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from zoo.components import Symptom
from zoo.errors import rounded
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class StillImproving(Symptom):
    """The figure was still getting better when the training ended, or was hardly measured."""

    name: ClassVar[str] = "not-trained-long-enough"
    gain: float = Field(
        default=0.1, gt=0, lt=1, description="of the figure, over the last third of the measurements"
    )

    def find(self, history: History) -> Diagnosis | None:
        """Return where the last figure is the best, and clearly better than a while before."""
        quality = history.quality
        best = history.record.get("best") or {}
        if history.trains or len(quality) < 3 or best.get("step") != quality.steps[-1]:
            return None
        third = max(len(quality) // 3, 1)
        # Medians, since a figure that jumps up and down ends with its best by chance.
        last = float(np.median(quality.values[-third:]))
        before = float(np.median(quality.values[-2 * third : -third]))
        gained = last - before if history.higher_is_better else before - last
        if gained <= self.gain * abs(before):
            return None
        return Diagnosis(
            what="The training was not long enough",
            evidence=f"{history.record.get('metric')} went from {rounded(before)} to {rounded(last)} over the last "
            "measurements, and the last one is its best",
            cause="it ended before its figure stopped getting better",
            advice=(f"more steps: zoo resume --steps {2 * history.steps}",),
            step=int(quality.steps[-1]),
            plot="Quality",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [StillImproving]
