"""The loss of WGAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from torch.nn.utils.parametrize import is_parametrized

from zoo.components import Loss
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.batch import CriticBatch, GeneratorBatch
    from zoo.components import Plan


class Wasserstein(Loss):
    """Real is 1, fake is -1: minus the critic's estimate of the earth mover's distance (Arjovsky et al. 2017, eq. 3).

    It means something only for a critic held Lipschitz: by weight clipping, or by a gradient penalty.
    """

    name: ClassVar[str] = "wasserstein"
    paper: ClassVar[str] = "Arjovsky, Chintala, Bottou, *Wasserstein GAN*, 2017, arXiv:1701.07875, section 3"

    def critic(self, batch: CriticBatch) -> Tensor:
        """Return mean score of the fakes minus mean score of the real images."""
        return batch.fake_scores.mean() - batch.real_scores.mean()

    def generator(self, batch: GeneratorBatch) -> Tensor:
        """Return minus the mean score of the fakes."""
        return -batch.fake_scores.mean()

    def check(self, plan: Plan) -> str | None:
        """Refuse a critic that nothing holds: neither a regularizer, nor another loss, nor its own layers."""
        others = (loss for loss in plan.losses if not isinstance(loss, Wasserstein) and loss.weight > 0)
        if plan.regularizers or any(loss.has_critic_side() for loss in others):
            return None
        if any(
            is_parametrized(module) for module in plan.architecture.networks[0].modules()
        ):  # spectral norm, for one
            return None
        return (
            "nothing holds the critic Lipschitz, so its scores grow without bound. "
            "Add the weight-clipping regularizer or the gradient-penalty loss"
        )


@hookimpl
def zoo_register_losses() -> Iterable[type[Loss]]:
    return [Wasserstein]
