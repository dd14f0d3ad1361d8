"""Which images are trained on, and which are held out to measure against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
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
        counts = f"{generated or self.generated} generated against {len(self.compared(metric))} {kind}"
        seen = [] if features is None else [features.protocol()]
        return "; ".join([metric.protocol(shape), *seen, counts])

    @property
    def generated(self) -> int:
        """How many images are generated for a measurement."""
        return len(self.reference) if self.held_out else REFERENCE_LIMIT


def split(count: int) -> Split:
    """Hold out a tenth of `count` images, at most 1,024; where that is under 256, none.

    The choice depends on `count` alone, so that runs with different seeds are measured on the same images.
    """
    order = torch.from_numpy(np.random.Generator(np.random.Philox(_SPLIT_SEED)).permutation(count))
    held = min(REFERENCE_LIMIT, count // 10)
    if held < REFERENCE_MINIMUM:
        return Split(order, order[:REFERENCE_LIMIT], held_out=False)
    return Split(order[held:], order[:held], held_out=True)
