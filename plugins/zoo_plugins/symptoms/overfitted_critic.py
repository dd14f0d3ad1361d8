"""A critic that knows its training images by heart."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class OverfittedCritic(Symptom):
    """The critic scores images that it was not trained on as it scores generated ones."""

    name: ClassVar[str] = "overfitted-critic"
    paper: ClassVar[str] = (
        "Karras et al., *Training Generative Adversarial Networks with Limited Data*, 2020, arXiv:2006.06676, section 2"
    )
    share: float = Field(default=0.6, gt=0, le=1, description="of the way from training to generated scores")
    deviations: float = Field(
        default=0.5, gt=0, description="between the scores of training and generated images, at least"
    )

    def find(self, history: History) -> Diagnosis | None:
        """Return where the held-out images' scores have fallen to those of generated ones."""
        last = history.probes[-1] if history.probes else None
        if last is None or last.held_out_scores is None:
            return None
        real, held_out, made = last.training_scores, last.held_out_scores, last.generated_scores
        gap = real.mean - made.mean
        if gap < self.deviations * max(real.std, made.std) or (real.mean - held_out.mean) / gap < self.share:
            return None
        return Diagnosis(
            what="The critic has overfitted",
            evidence=f"its mean score is {real.mean:.2f} for training images, {held_out.mean:.2f} for held-out ones "
            f"and {made.mean:.2f} for generated ones",
            cause="it knows its training images by heart, so that what it tells the generator is how to copy them",
            advice=("more images", 'augmentation: a table [[augmentations]] with name = "affine" in the recipe',
                    "a critic with fewer filters: --set architecture.critic_filters=[...]"),
            step=last.step,
            plot="Scores",
        )  # fmt: skip


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [OverfittedCritic]
