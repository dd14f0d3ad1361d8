"""A critic that is too strong for its generator to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class CriticTooStrong(Symptom):
    """With scores that are logits, the critic tells all images apart (Arjovsky and Bottou 2017, section 2)."""

    name: ClassVar[str] = "critic-too-strong"
    paper: ClassVar[str] = (
        "Arjovsky and Bottou, *Towards Principled Methods for Training Generative Adversarial Networks*, 2017, "
        "arXiv:1701.04862, section 2"
    )
    deviations: float = Field(
        default=6.0, gt=0, description="between the scores of real and generated images"
    )
    loss: float = Field(
        default=0.1, gt=0, description="of the critic, below which it hardly errs; ln 2 is a guess"
    )

    def find(self, history: History) -> Diagnosis | None:
        """Return where the critic's loss is that low, or is low and the last probe's scores lie that far apart."""
        curve = history.curve("critic")
        if not history.scores_are_logits or not history.probes or len(curve) < 10:
            return None
        apart = history.probes[-1].separation
        loss = float(curve.values[-max(len(curve) // 10, 5) :].mean())
        if (apart < self.deviations and loss > self.loss) or loss > 3 * self.loss:
            return None
        return Diagnosis(
            what="The critic is too strong",
            evidence=f"its loss is {loss:.3f} (0.693 would be guessing), and its scores of training and generated "
            f"images lie {apart:.1f} deviations apart",
            cause="where the two kinds of images do not overlap a perfect critic exists, and its slope, from which "
            "the generator learns, is nothing there",
            advice=(
                f"half the critic's learning rate: {history.scaled('optimizers.critic.learning_rate', 0.5)}",
                "a Wasserstein loss, whose critic may be as strong as it can",
            ),
            step=history.probes[-1].step,
            plot="Scores",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [CriticTooStrong]
