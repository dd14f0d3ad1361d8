"""Looking at a generator while it is trained, without changing the training: its sample grid and its figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoo.errors import reason_of
from zoo.evaluation.calibration import Calibration, calibration_batches
from zoo.evaluation.measure import measure
from zoo.evaluation.probe import Prober
from zoo.evaluation.torch_generator import TorchGenerator
from zoo.generators.generator import to_uint8
from zoo.generators.latents import fixed_latents, tour
from zoo.history import WALK_FRAMES
from zoo.system.console import warn

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from zoo.components import Plan
    from zoo.evaluation.measure import RealImages
    from zoo.history import Probe

SAMPLE_SEED = 0
SAMPLE_COUNT = 64
SAMPLE_CALIBRATION = 8
"""Batches behind a sample grid's batch-norm statistics: enough to look at, an eighth of what a measurement takes."""


WALKS = 4
"""Walks through the latents that an evaluation leaves."""
STOPS = 3
"""Of the first pictures that each walk leads past, and back."""


class Seen(NamedTuple):
    """What an evaluation leaves beside its figure.

    Attributes:
        probe: numbers.
        neighbours: pictures (3 N, H, W) or (3 N, H, W, 3): N generated ones, the training image nearest to each, and
            N other training images.
        walk: pictures (WALK_FRAMES, WALKS, H, W) or (WALK_FRAMES, WALKS, H, W, 3).
    """

    probe: Probe
    neighbours: NDArray[np.uint8]
    walk: NDArray[np.uint8]


class Monitor:
    """The averaged generator of a training, seen from outside."""

    def __init__(self, plan: Plan, real: RealImages, averaged: nn.Module) -> None:
        self._plan = plan
        self._real = real
        self._calibration = Calibration(averaged, plan.architecture.latent_dim, plan.training.batch_size)
        self._measured: tuple[int, TorchGenerator] | None = None
        self._prober: Prober | None = Prober(real.images, real.split)

    def value(self, step: int) -> float:
        """Return the plan's metric of the averaged generator, which has been trained so many steps."""
        assert self._plan.metric is not None
        generator = self._generator(calibration_batches(step))
        self._measured = (step, generator)
        return measure(self._plan.metric, generator, self._real, self._plan.features)

    def seen(self, step: int, critic: nn.Module) -> Seen | None:
        """Return what a probe sees of the generator that was just measured, and of the critic.

        A critic that cannot be probed costs a warning, and no training.
        """
        if self._prober is None or self._measured is None:
            return None
        try:
            return Seen(*self._prober.probe(step, critic, self._measured[1]), _walk(self._measured[1]))
        except Exception as error:  # of a plugin's network
            warn(f"step {step}: the critic cannot be probed ({reason_of(error)}). The report will show less")
            self._prober = None
            return None

    def pictures(self, step: int) -> NDArray[np.uint8]:
        """Return the pictures of the same 64 latents every time; what was just measured is not calibrated again."""
        measured, self._measured = self._measured, None
        just = measured is not None and measured[0] == step
        generator = measured[1] if measured and just else self._generator(SAMPLE_CALIBRATION)
        return generator.sample(SAMPLE_COUNT, SAMPLE_SEED, batch=generator.batch)

    def _generator(self, batches: int) -> TorchGenerator:
        plan = self._plan
        network = self._calibration.network(batches)
        return TorchGenerator.launched(network, plan.architecture, plan.training.batch_size)


def _walk(generator: TorchGenerator) -> NDArray[np.uint8]:
    stops = fixed_latents(SAMPLE_SEED, STOPS * WALKS, generator.latent_dim)
    ways = np.stack([tour(stops[first::WALKS], WALK_FRAMES, loop=True) for first in range(WALKS)], axis=1)
    z = ways.reshape(-1, generator.latent_dim)
    parts = (z[first : first + generator.batch] for first in range(0, len(z), generator.batch))
    frames = np.concatenate([to_uint8(generator.generate(part)) for part in parts])
    return frames.reshape(WALK_FRAMES, WALKS, *frames.shape[1:])
