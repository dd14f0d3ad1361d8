"""Which images are trained on, and which are held out to measure against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.components import Metric
    from zoo.images import ImageShape


REFERENCE_LIMIT = 1024
REFERENCE_MINIMUM = 256
_SPLIT_SEED = 20171030


@dataclass(frozen=True)
class Split:
    """Which images are trained on, and which the metric compares with (positions in the data set)."""

    training: Tensor
    reference: Tensor
    held_out: bool
    """Whether the reference images are kept from training."""

    def protocol(self, metric: Metric, shape: ImageShape) -> str:
        """Return one line that says how the metric's figures came about."""
        kind = "held-out images" if self.held_out else "training images (too few to hold any out)"
        return f"{metric.protocol(shape)}; {self.generated} generated against {len(self.reference)} {kind}"

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
