"""Which images are trained on, and which are held out to measure against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from zoo.components import Features, Metric
    from zoo.images import ImageShape


REFERENCE_LIMIT = 1024
REFERENCE_MINIMUM = 256
TRAINING_LIMIT = 8192
"""Training images that a metric which asks for some is given, evenly spaced where there are more."""
_SPLIT_SEED = 20171030


@dataclass(frozen=True)
class Split:
    """Which images are trained on, and which the metric compares with (positions in the data set)."""

    training: Tensor
    reference: Tensor
    held_out: bool
    """Whether the reference images are kept from training."""

    def compared(self, metric: Metric) -> Tensor:
        """Return where the real images lie that a metric compares generated ones with."""
        if metric.compares_with == "held-out":
            return self.reference
        return self.training[:: -(-len(self.training) // TRAINING_LIMIT)]

    def protocol(
        self,
        metric: Metric,
        shape: ImageShape,
        features: Features | None = None,
        generated: int | None = None,
    ) -> str:
        """Return one line that says how the metric's figures came about, seen through its `features` if it has some.

        `generated` is how many images were generated, where not as many as in a training.
        """
        if metric.compares_with == "training":
            kind = f"of {len(self.training)} training images"
        else:
            kind = "held-out images" if self.held_out else "training images (too few to hold any out)"
        against = f"{len(self.compared(metric))} {kind}"
        return protocol_line(metric, shape, features, generated or self.generated, against)

    @property
    def generated(self) -> int:
        """How many images are generated for a measurement."""
        return len(self.reference) if self.held_out else REFERENCE_LIMIT


def split(count: int) -> Split:
    """Hold out a tenth of `count` images, at most 1,024; where that is under 256, none.

    The choice depends on `count` alone, so that runs with different seeds are measured on the same images.
    """
    import torch

    training, held_out = places(count)
    order = torch.from_numpy(training)
    if not len(held_out):
        return Split(order, order[:REFERENCE_LIMIT], held_out=False)
    return Split(order, torch.from_numpy(held_out), held_out=True)


def places(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which of `count` images are trained on, and which are held out: none of fewer than 2,560."""
    order = np.random.Generator(np.random.Philox(_SPLIT_SEED)).permutation(count)
    held = min(REFERENCE_LIMIT, count // 10)
    return (order[held:], order[:held]) if held >= REFERENCE_MINIMUM else (order, order[:0])


def protocol_line(
    metric: Metric, shape: ImageShape, features: Features | None, generated: int, against: str
) -> str:
    """Return one line: how the metric measures, what it looks through, how many images of each kind it compared."""
    seen = [] if features is None else [features.protocol()]
    return "; ".join([metric.protocol(shape), *seen, f"{generated} generated against {against}"])
