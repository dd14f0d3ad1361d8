"""Whether a generator copies what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field

from zoo.components import Metric
from zoo.errors import InputError
from zoo.evaluation.neighbours import nearest
from zoo.evaluation.vectors import checked
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.images import ImageShape

FALSE_ALARMS = 0.01


class Memorisation(Metric):
    """The share of generated images that lie on one training image, in place of between several.

    An image lies on one where its distance to the nearest training image, over the mean distance to its `neighbours`
    nearest ones (Carlini et al. 2023, section 5.1), is less than for 99 of 100 training images among all others: a
    generator that copies nothing gets about 0.01. One of few or typical images comes near to many training images at
    once, which makes no ratio small: that is a collapse, and `recall` and `diversity` see it.

    A training image that occurs twice is no neighbour of its own. Of more than 8,192 training images only so many are
    searched.
    """

    name: ClassVar[str] = "memorisation"
    paper: ClassVar[str] = (
        "Carlini et al., *Extracting Training Data from Diffusion Models*, 2023, arXiv:2301.13188, section 5.1"
    )
    compares_with: ClassVar[Literal["held-out", "training"]] = "training"
    features: str = Field(default="efficientnet-lite0", description="what it looks through")
    neighbours: int = Field(
        default=10, ge=2, le=100, description="nearest training images, whose mean distance counts"
    )

    @property
    def extractor(self) -> str:
        """The features that it compares."""
        return self.features

    @torch.no_grad()
    def measure(self, real: Tensor, fake: Tensor) -> float:
        """Return the share for training images (N, D) and generated ones (M, D).

        Raises:
            InputError: the sets do not fit each other, or there are too few.
        """
        real, fake = checked(self.name, real, fake, self.neighbours + 1)
        among = self._ratios(nearest(real, real, self.neighbours, skip_same=True))
        limit = torch.quantile(among, FALSE_ALARMS)
        if limit.isnan():
            raise InputError(
                "memorisation: all training images are the same. Give more, or leave this metric out"
            )
        return float((self._ratios(nearest(fake, real, self.neighbours)) < limit).double().mean())

    def protocol(self, shape: ImageShape) -> str:  # noqa: ARG002
        """Return one line that says how two sets of features are compared."""
        return (
            f"share nearer to one training image than {1 - FALSE_ALARMS:.0%} of these are, against the mean of the "
            f"{self.neighbours} nearest, float64"
        )

    @staticmethod
    def _ratios(distances: Tensor) -> Tensor:
        """Return the nearest distance over the mean of all, of each row (N, K)."""
        return distances[:, 0] / distances.mean(1).clamp_min(1e-300)


@hookimpl
def zoo_register_metrics() -> Iterable[type[Metric]]:
    return [Memorisation]
