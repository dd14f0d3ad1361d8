"""How far two sets of images are as a network sees them, each set taken for a normal distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field
from torch import nn

from zoo.components import Metric
from zoo.errors import InputError
from zoo.evaluation.vectors import checked
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.images import ImageShape


class FrechetDistance(Metric):
    """Fréchet inception distance (Heusel et al. 2017): of the normal distributions of two sets' features; 0 is best.

    It falls as more images are compared (its bias, Bińkowski et al. 2018): compare figures of equal numbers only. With
    fewer images than an image has features it is mostly bias; `kid` has none. Computed by torchmetrics, in float64.
    """

    name: ClassVar[str] = "fid"
    paper: ClassVar[str] = (
        "Heusel et al., *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*, 2017, "
        "arXiv:1706.08500, section 4"
    )
    features: str = Field(default="efficientnet-lite0", description="what it looks through")

    @property
    def extractor(self) -> str:
        """The features that it compares."""
        return self.features

    @torch.no_grad()
    def measure(self, real: Tensor, fake: Tensor) -> float:
        """Return the distance of two sets (N, D) and (M, D).

        Raises:
            InputError: torchmetrics is not installed or cannot be imported, or the sets do not fit each other.
        """
        real, fake = checked(self.name, real, fake)
        try:
            from torchmetrics.image.fid import FrechetInceptionDistance
        except (ImportError, RuntimeError) as error:  # the latter from a torchvision made for another torch
            raise InputError(
                f'fid: torchmetrics cannot be imported ({error}). Run pip install "gan-model-zoo[metrics]"'
            ) from error
        distance = FrechetInceptionDistance(feature=_AsItIs(real.shape[1])).to(real.device)
        distance.update(real, real=True)
        distance.update(fake, real=False)
        return max(0.0, float(distance.compute()))

    def protocol(self, shape: ImageShape) -> str:  # noqa: ARG002
        """Return one line that says how two sets of features are compared."""
        return "Fréchet distance, float64"


class _AsItIs(nn.Module):
    """Stands where torchmetrics has its network: what it is given are features."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.num_features = count

    def forward(self, features: Tensor) -> Tensor:
        return features


@hookimpl
def zoo_register_metrics() -> Iterable[type[Metric]]:
    return [FrechetDistance]
