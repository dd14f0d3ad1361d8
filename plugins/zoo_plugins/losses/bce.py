"""The loss of the first GAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from torch.nn.functional import softplus

from zoo.components import Loss
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.batch import CriticBatch, GeneratorBatch
    from zoo.components import Plan


class Bce(Loss):
    """Binary cross-entropy on logits: real is 1, fake is 0; the generator wants 1 (Goodfellow et al. 2014, sec. 3).

    The generator's side is the non-saturating one. `-log(sigmoid(s))` is `softplus(-s)`.
    """

    name: ClassVar[str] = "bce"
    paper: ClassVar[str] = (
        "Goodfellow et al., *Generative Adversarial Nets*, 2014, arXiv:1406.2661, section 3"
    )
    scores_are_logits: ClassVar[bool] = True

    def critic(self, batch: CriticBatch) -> Tensor:
        """Return 0.5 (real + fake), averaged over the batch: ln 2 where all scores are 0."""
        return 0.5 * (softplus(-batch.real_scores).mean() + softplus(batch.fake_scores).mean())

    def generator(self, batch: GeneratorBatch) -> Tensor:
        """Return the cross-entropy of the fakes against 1, averaged over the batch."""
        return softplus(-batch.fake_scores).mean()

    def check(self, plan: Plan) -> str | None:
        """Refuse several critic steps: under this loss a critic that is right everywhere gives no gradient."""
        if plan.training.critic_steps > 1:
            return (
                f"critic_steps is {plan.training.critic_steps}: under bce a critic trained ahead of the generator "
                "leaves it no gradient. Use 1, or the wasserstein loss"
            )
        return None


@hookimpl
def zoo_register_losses() -> Iterable[type[Loss]]:
    return [Bce]
