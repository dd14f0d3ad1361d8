"""Generated pictures that are all alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class ModeCollapse(Symptom):
    """Generated pictures lie much closer together than training images (Goodfellow et al. 2014, section 6)."""

    name: ClassVar[str] = "mode-collapse"
    paper: ClassVar[str] = (
        "Goodfellow et al., *Generative Adversarial Nets*, 2014, arXiv:1406.2661, section 6"
    )
    share: float = Field(
        default=0.6, gt=0, le=1, description="of the training images' spread, below which it is one"
    )
    patience: int = Field(default=500, ge=1, description="steps before which a generator may be that uniform")

    def find(self, history: History) -> Diagnosis | None:
        """Return where the last probe's pictures are too alike, and since when."""
        late = [probe for probe in history.probes if probe.step >= self.patience]
        narrow = [probe.generated_spread < self.share * probe.training_spread for probe in late]
        if not narrow or not narrow[-1]:
            return None
        since = len(narrow) - narrow[::-1].index(False) if False in narrow else 0
        last = late[-1]
        return Diagnosis(
            what="The generated pictures are nearly all alike: mode collapse",
            evidence=(
                f"two of them are {last.generated_spread:.0f} levels apart on average, two training images "
                f"{last.training_spread:.0f}, at step {last.step}"
            ),
            cause=(
                "the generator has found a few pictures that the critic takes for real, and nothing in a score of one "
                "image at a time asks for others"
            ),
            advice=(
                "a Wasserstein loss with a gradient penalty, as in the recipes `*-wgangp`",
                "more steps of the critic: --set training.critic_steps=5",
                f"half the generator's learning rate: {history.scaled('optimizers.generator.learning_rate', 0.5)}",
            ),
            step=late[since].step,
            plot="Spread",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [ModeCollapse]
