"""Pictures that are copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class Memorisation(Symptom):
    """Generated pictures lie much nearer to a training image than training images do to each other."""

    name: ClassVar[str] = "memorisation"
    share: float = Field(
        default=0.5, gt=0, lt=1, description="of the usual distance, below which it is a copy"
    )

    def find(self, history: History) -> Diagnosis | None:
        """Return where the median picture of the last probe is a copy."""
        last = history.probes[-1] if history.probes else None
        if last is None or not last.neighbours or not last.training_neighbour:
            return None
        away = float(np.median([neighbour.distance for neighbour in last.neighbours]))
        if away >= self.share * last.training_neighbour:
            return None
        return Diagnosis(
            what="The generator copies training images",
            evidence=f"its pictures are {away:.0f} levels from the nearest one, training images are "
            f"{last.training_neighbour:.0f} from the nearest other one",
            cause="a critic that knows few images by heart teaches the generator these and no others",
            advice=("more images", 'augmentation: a table [[augmentations]] with name = "affine" in the recipe',
                    f"fewer steps: {history.scaled('training.steps', 0.5)}"),
            step=last.step,
            plot="Nearest training images",
        )  # fmt: skip


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [Memorisation]
