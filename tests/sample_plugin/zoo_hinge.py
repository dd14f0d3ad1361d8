"""A whole plugin for gan-model-zoo: one loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field
from torch.nn.functional import relu

from zoo.components import Loss
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.batch import CriticBatch, GeneratorBatch


class Hinge(Loss):
    """The critic wants real scores above the margin and fake ones below its negative (Lim and Ye 2017)."""

    name: ClassVar[str] = "hinge"
    margin: float = Field(1.0, gt=0, description="scores beyond it are right enough")

    def critic(self, batch: CriticBatch) -> Tensor:
        """Return what is missing to the margin on both sides, averaged over the batch: 2 at zero scores."""
        real, fake = relu(self.margin - batch.real_scores), relu(self.margin + batch.fake_scores)
        return real.mean() + fake.mean()

    def generator(self, batch: GeneratorBatch) -> Tensor:
        """Return minus the mean score of the fakes."""
        return -batch.fake_scores.mean()


@hookimpl
def zoo_register_losses() -> Iterable[type[Loss]]:
    return [Hinge]
