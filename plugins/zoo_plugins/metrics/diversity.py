"""How many different pictures a generator makes, beside how many different real ones there are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from zoo.components import Metric
from zoo.evaluation.vectors import checked
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.images import ImageShape


class Diversity(Metric):
    """The Vendi score (Friedman and Dieng 2023) of generated images beside that of as many real: 0 to 1, 1 is best.

    The score is the effective number of different images: 1 where all are the same, N where N have nothing in common.
    The smaller score over the larger is 1 where generated images are as varied as real ones; less is a collapse, or
    variety that the real ones lack, as noise may have.
    """

    name: ClassVar[str] = "diversity"
    paper: ClassVar[str] = (
        "Friedman and Dieng, *The Vendi Score: A Diversity Evaluation Metric for Machine Learning*, 2023, "
        "arXiv:2210.02410"
    )
    higher_is_better: ClassVar[bool] = True
    features: str = Field(default="efficientnet-lite0", description="what it looks through")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of the draw where the sets differ in number")

    @property
    def extractor(self) -> str:
        """The features that it compares."""
        return self.features

    @torch.no_grad()
    def measure(self, real: Tensor, fake: Tensor) -> float:
        """Return the ratio for two sets (N, D) and (M, D); of the larger as many are drawn as the smaller has.

        Raises:
            InputError: the sets do not fit each other.
        """
        real, fake = checked(self.name, real, fake)
        random = torch.Generator().manual_seed(self.seed)
        count = min(len(real), len(fake))
        one, other = (
            vectors[torch.randperm(len(vectors), generator=random)[:count].to(vectors.device)]
            for vectors in (real, fake)
        )
        scores = vendi_score(one), vendi_score(other)
        return min(scores) / max(scores)

    def protocol(self, shape: ImageShape) -> str:  # noqa: ARG002
        """Return one line that says how two sets of features are compared."""
        return (
            "Vendi scores of as many generated and real images, the smaller over the larger, cosine kernel, float64, "
            f"seed {self.seed}"
        )


def vendi_score(vectors: Tensor) -> float:
    """Return the effective number of different vectors of (N, D): the exponential of the eigenvalues' entropy."""
    vectors = functional.normalize(vectors, dim=1) / math.sqrt(len(vectors))
    kernel = vectors @ vectors.T if len(vectors) < vectors.shape[1] else vectors.T @ vectors
    weights = torch.linalg.eigvalsh(kernel).clamp_min(0)
    return math.exp(float(torch.special.entr(weights).sum()))


@hookimpl
def zoo_register_metrics() -> Iterable[type[Metric]]:
    return [Diversity]
