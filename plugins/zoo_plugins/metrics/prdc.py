"""What two sets of images have in common as a network sees them: quality and variety told apart.

Around each image of a set lies a ball that reaches to its k-th nearest neighbour; the balls are where the set lives.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field

from zoo.components import Metric
from zoo.evaluation.neighbours import covering, nearest
from zoo.evaluation.vectors import checked
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.images import ImageShape

KYNKAANNIEMI = (
    "Kynkäänniemi et al., *Improved Precision and Recall Metric for Assessing Generative Models*, 2019, "
    "arXiv:1904.06991"
)
NAEEM = (
    "Naeem et al., *Reliable Fidelity and Diversity Metrics for Generative Models*, 2020, arXiv:2002.09797"
)


class _Balls(Metric):
    """A share of one set that lies in the balls of the other."""

    higher_is_better: ClassVar[bool] = True
    features: str = Field(default="efficientnet-lite0", description="what it looks through")
    k: int = Field(default=5, ge=1, le=100, description="the neighbour that a ball reaches to")

    @property
    def extractor(self) -> str:
        """The features that it compares."""
        return self.features

    @torch.no_grad()
    def measure(self, real: Tensor, fake: Tensor) -> float:
        """Return the share for two sets (N, D) and (M, D).

        Raises:
            InputError: the sets do not fit each other, or one has not more than `k` images.
        """
        return self._share(*checked(self.name, real, fake, self.k + 1))

    def protocol(self, shape: ImageShape) -> str:  # noqa: ARG002
        """Return one line that says how two sets of features are compared."""
        return f"{self.name} with the balls of k = {self.k} nearest neighbours, float64"

    @abstractmethod
    def _share(self, real: Tensor, fake: Tensor) -> float:
        """Return the share."""

    def _real_radii(self, real: Tensor) -> Tensor:
        """Return the radii of real images' balls: an image that occurs twice is not its own neighbour."""
        radii = nearest(real, real, self.k, skip_same=True)[:, -1]
        return radii.masked_fill(radii.isinf(), 0)


class Precision(_Balls):
    """The share of generated images that lie where real ones do: quality; 1 is best (Kynkäänniemi et al. 2019)."""

    name: ClassVar[str] = "precision"
    paper: ClassVar[str] = KYNKAANNIEMI

    def _share(self, real: Tensor, fake: Tensor) -> float:
        return float((covering(fake, real, self._real_radii(real)) > 0).double().mean())


class Recall(_Balls):
    """The share of real images that lie where generated ones do: variety; 1 is best (Kynkäänniemi et al. 2019)."""

    name: ClassVar[str] = "recall"
    paper: ClassVar[str] = KYNKAANNIEMI

    def _share(self, real: Tensor, fake: Tensor) -> float:
        # The nearest of k + 1 is the image itself. Others that are the same do count: they are a collapse.
        radii = nearest(fake, fake, self.k + 1)[:, -1]
        return float((covering(real, fake, radii) > 0).double().mean())


class Density(_Balls):
    """How densely real images lie around generated ones: quality, less moved by outliers than `precision` (Naeem 2020).

    The mean number of real balls that a generated image lies in, over k: about 1 for sets alike, and more where
    generated images keep to where real ones are dense.
    """

    name: ClassVar[str] = "density"
    paper: ClassVar[str] = NAEEM

    def _share(self, real: Tensor, fake: Tensor) -> float:
        return float(covering(fake, real, self._real_radii(real)).double().mean()) / self.k


class Coverage(_Balls):
    """The share of real images with a generated one in their ball: variety; 1 is best (Naeem et al. 2020)."""

    name: ClassVar[str] = "coverage"
    paper: ClassVar[str] = NAEEM

    def _share(self, real: Tensor, fake: Tensor) -> float:
        return float((nearest(real, fake)[:, 0] <= self._real_radii(real)).double().mean())


@hookimpl
def zoo_register_metrics() -> Iterable[type[Metric]]:
    return [Precision, Recall, Density, Coverage]
