"""How far two sets of images are as a network sees them, without an assumption and without a bias."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field

from zoo.components import Metric
from zoo.errors import InputError
from zoo.evaluation.vectors import checked
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

    from zoo.images import ImageShape


class KernelDistance(Metric):
    """Kernel inception distance (Bińkowski et al. 2018) x 1e3: squared MMD under the kernel (x.y / D + 1)^3; 0 is best.

    It is unbiased: few images make it less certain, not larger, and that of two sets alike lies around 0, on either
    side; that of a set and itself is 0. Up to twice `subset_size` images are compared all at once; of more, the mean
    over random subsets is taken, as in the paper. Computed by torchmetrics, in float64.
    """

    name: ClassVar[str] = "kid"
    paper: ClassVar[str] = "Bińkowski et al., *Demystifying MMD GANs*, 2018, arXiv:1801.01401, section 4"
    features: str = Field(default="efficientnet-lite0", description="what it looks through")
    subset_size: int = Field(default=1000, ge=2, le=5000, description="images of a subset, of either set")
    subsets: int = Field(default=100, ge=1, le=10_000, description="random subsets")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of the subsets")

    @property
    def extractor(self) -> str:
        """The features that it compares."""
        return self.features

    @torch.no_grad()
    def measure(self, real: Tensor, fake: Tensor) -> float:
        """Return the squared distance of two sets (N, D) and (M, D), times 1000.

        Of the larger set as many are drawn as the smaller one has.

        Raises:
            InputError: torchmetrics is not installed or cannot be imported, or the sets do not fit each other.
        """
        real, fake = checked(self.name, real, fake)
        squared_mmd = _squared_mmd()
        if _same_set(
            real, fake
        ):  # the estimator takes them for independent draws, and lies under 0 where they are one
            return 0.0
        distances = [float(squared_mmd(one, other)) for one, other in self._subsets(real, fake)]
        return 1e3 * sum(distances) / len(distances)

    def protocol(self, shape: ImageShape) -> str:  # noqa: ARG002
        """Return one line that says how two sets of features are compared."""
        return (
            f"kernel distance x 1e3, cubic kernel, float64, all at once up to {2 * self.subset_size} images, "
            f"else {self.subsets} subsets of {self.subset_size}, seed {self.seed}"
        )

    def _subsets(self, real: Tensor, fake: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        random = torch.Generator().manual_seed(self.seed)
        count = min(len(real), len(fake))
        whole = count <= 2 * self.subset_size
        for _ in range(1 if whole else self.subsets):
            size = count if whole else self.subset_size
            yield _drawn(real, size, random), _drawn(fake, size, random)


def _drawn(vectors: Tensor, count: int, random: torch.Generator) -> Tensor:
    if len(vectors) == count:
        return vectors
    return vectors[torch.randperm(len(vectors), generator=random)[:count].to(vectors.device)]


def _same_set(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or not torch.allclose(one.sum(0), other.sum(0)):
        return False
    return torch.equal(torch.unique(one, dim=0), torch.unique(other, dim=0))


def _squared_mmd() -> Callable[[Tensor, Tensor], Tensor]:
    try:
        from torchmetrics.image.kid import poly_mmd
    except (ImportError, RuntimeError) as error:  # the latter from a torchvision made for another torch
        raise InputError(
            f'kid: torchmetrics cannot be imported ({error}). Run pip install "gan-model-zoo[metrics]"'
        ) from error
    found: Callable[[Tensor, Tensor], Tensor] = poly_mmd
    return found


@hookimpl
def zoo_register_metrics() -> Iterable[type[Metric]]:
    return [KernelDistance]
