"""Measuring with torch: metrics of tensors, and what trained networks see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.evaluation.measure import Measurement
from zoo.training.device import choose_device

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.figures.metrics import Chosen
    from zoo.figures.real import RealSet


class TorchBench:
    """Measures on the GPU where there is one.

    Args:
        pictures: uint8 (N, C, H, W).
        real: what they are compared with.
    """

    def __init__(self, pictures: NDArray[np.uint8], real: RealSet) -> None:
        device = choose_device("auto")
        fake = torch.from_numpy(pictures).to(device).float().div_(127.5).sub_(1)
        self._real = real
        self._measurement = Measurement(fake, real.tensors)

    def figure(self, chosen: Chosen) -> float:
        """Return a metric's figure."""
        self._real.compared(chosen.metric)  # refuses what is not known
        return self._measurement.figure(chosen.metric, chosen.features)
