"""Numbers that were not finite any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class Divergence(Symptom):
    """A loss, a gradient or a weight became infinite or no number, and the run ended or went back for it."""

    name: ClassVar[str] = "divergence"

    def find(self, history: History) -> Diagnosis | None:
        """Return the last divergence that the record holds."""
        rollbacks = history.record.get("rollbacks") or ()
        ended = history.record.get("divergence")
        told = ended or (rollbacks[-1] if rollbacks else None)
        if told is None:
            return None
        after = (
            "the run ended there" if ended else f"it went back to step {told['back_to']} with half the rates"
        )
        return Diagnosis(
            what="The training diverged",
            evidence=f"at step {told['step']}, {told['cause']}; {after}",
            cause="steps that are too long for the losses' slope make each next step longer still",
            advice=(
                "going back and on with half the rates: --on-nan rollback",
                f"half the critic's learning rate: {history.scaled('optimizers.critic.learning_rate', 0.5)}",
                f"half the generator's learning rate: {history.scaled('optimizers.generator.learning_rate', 0.5)}",
                "float32: --precision fp32",
            ),
            step=int(told["step"]),
            plot="Gradient norms",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [Divergence]
