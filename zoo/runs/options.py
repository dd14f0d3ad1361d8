"""How to train, as whoever starts or resumes a run asks for it. Importing it does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from zoo.training.ranks import ALONE, Ranks

if TYPE_CHECKING:
    from zoo.training.device import DeviceChoice, PrecisionChoice

OnNan = Literal["stop", "rollback"]


@dataclass(frozen=True)
class TrainOptions:
    """What the command line and the Python API let people choose beside the recipe.

    Where a field is None, a resumed run has it as before; a new one takes device and precision `auto`, and a CUDA graph
    where it can.

    Attributes:
        device: where to train.
        precision: of convolutions.
        eager: on a GPU, launch kernel by kernel and capture no CUDA graph.
        on_nan: whether a divergence ends the run, or sends it back to its last good checkpoint with half the learning
            rates, three times at most.
        ranks: who trains together; this process is the first of them.
    """

    device: DeviceChoice | None = None
    precision: PrecisionChoice | None = None
    eager: bool | None = None
    on_nan: OnNan = "stop"
    ranks: Ranks = ALONE


DEFAULTS = TrainOptions()
