"""How far generated images are from real ones, pixel by pixel; it needs numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from zoo.components import Metric
from zoo.errors import InputError
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from torch import Tensor

    from zoo.images import ImageShape

AT_ONCE = 512


class EnergyDistance(Metric):
    """Energy distance of the pixels, as a share of its largest possible value (Székely and Rizzo 2013): 0 is best.

    (2 E|x - y| - E|x - x'| - E|y - y'|) / (2 E|x - y|), where x, x' are real images, y, y' generated ones, and |.| is
    the Euclidean norm of all pixels: 0 where both are the same set, 1 where each set is a single image. Pixels see
    large shapes, brightness and variety; they hardly see whether strokes are clean. Few images give a floor above 0:
    compare equal numbers only.
    """

    name: ClassVar[str] = "energy"
    paper: ClassVar[str] = (
        "Székely and Rizzo, *Energy statistics: A class of statistics based on distances*, 2013, "
        "doi:10.1016/j.jspi.2013.03.018"
    )
    without_torch: ClassVar[bool] = True
    limit: int = Field(
        default=4096,
        ge=2,
        le=65536,
        description="images of each set at most, evenly spaced where there are more",
    )

    def measure(self, real: Tensor | NDArray[np.float32], fake: Tensor | NDArray[np.float32]) -> float:
        """Return the distance of two sets (N, C, H, W) in [-1, 1], tensors on the CPU or arrays.

        Raises:
            InputError: the sets differ in shape.
        """
        one, other = self._flat(real), self._flat(fake)
        if one.shape[1:] != other.shape[1:] or real.shape[1:] != fake.shape[1:]:
            raise InputError(
                f"energy: real images are {tuple(real.shape[1:])}, generated ones {tuple(fake.shape[1:])}. "
                "Give images of one shape"
            )
        between = _mean_distance(one, other)
        if between == 0:
            return 0.0
        return 1 - (_mean_distance(one, one) + _mean_distance(other, other)) / (2 * between)

    def protocol(self, shape: ImageShape) -> str:  # noqa: ARG002
        """Return one line."""
        return f"energy distance of pixels as a share of its largest value, at most {self.limit} images of each set"

    def _flat(self, images: Tensor | NDArray[np.float32]) -> NDArray[np.float64]:
        some = images[:: -(-len(images) // self.limit)]
        return np.asarray(some, np.float64).reshape(len(some), -1)


def _mean_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the mean Euclidean distance of the rows of both, each row of one with each of the other."""
    squares = np.einsum("ij,ij->i", other, other)  # without a square of every pixel in memory
    total = 0.0
    for start in range(0, len(one), AT_ONCE):
        some = one[start : start + AT_ONCE]
        apart = np.square(some).sum(1)[:, None] + squares - 2 * (some @ other.T)
        total += float(np.sqrt(np.maximum(apart, 0)).sum())
    return total / (len(one) * len(other))


@hookimpl
def zoo_register_metrics() -> Iterable[type[Metric]]:
    return [EnergyDistance]
