"""The loss of WGAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zoo.components import Loss
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.batch import CriticBatch, GeneratorBatch


class Wasserstein(Loss):
    """Real is 1, fake is -1: minus the critic's estimate of the earth mover's distance (Arjovsky et al. 2017, eq. 3).

    It means something only for a critic held Lipschitz: by weight clipping, or by a gradient penalty.
    """

    name: ClassVar[str] = "wasserstein"

    def critic(self, batch: CriticBatch) -> Tensor:
        """Return mean score of the fakes minus mean score of the real images."""
        return batch.fake_scores.mean() - batch.real_scores.mean()

    def generator(self, batch: GeneratorBatch) -> Tensor:
        """Return minus the mean score of the fakes."""
        return -batch.fake_scores.mean()


@hookimpl
def zoo_register_losses() -> Iterable[type[Loss]]:
    return [Wasserstein]
