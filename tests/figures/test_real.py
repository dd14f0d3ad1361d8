"""Which real images a figure is of: with torch and without it, and at the real end of the scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pytest

from zoo.components import Metric
from zoo.errors import InputError
from zoo.figures import evaluate
from zoo.figures.measure import NumpyBench, measured
from zoo.figures.metrics import Chosen
from zoo.figures.real import HELD_OUT, RealSet
from zoo.figures.torch_bench import TorchBench
from zoo.images import Images
from zoo_plugins.metrics.energy import EnergyDistance

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

RANDOM = np.random.default_rng(0)
TRAINING, REFERENCE = np.arange(300, 1000), np.arange(300)


def images(count: int = 1000) -> Images:
    """Drawings of 2 x 2, no two of which are the same."""
    numbers = np.arange(count)[:, None, None, None]
    pixels = np.concatenate([numbers // 32 * 8, numbers % 32 * 8], 2).repeat(2, 3).astype(np.uint8)
    return Images(pixels, licence="unknown", source="numbers")


def chosen(metric: Metric) -> Chosen:
    return Chosen(metric.name, metric, None, required=True)


@pytest.mark.parametrize("count", [40, 700])
def test_energy_is_given_each_real_image_once_with_torch_and_without(count: int) -> None:
    real = RealSet(images(), REFERENCE, TRAINING, HELD_OUT, learnt_from=True)
    pictures = RANDOM.integers(0, 256, (count, 1, 2, 2), np.uint8)
    energy = chosen(EnergyDistance(limit=300))  # of 700 real images in a row, each third would be taken

    assert TorchBench(pictures, real).figure(energy) == pytest.approx(
        NumpyBench(pictures, real).figure(energy), rel=1e-6
    )


class Copies(Metric):
    """The share of images that are one of those compared with."""

    name: ClassVar[str] = "copies"
    compares_with: ClassVar[Literal["held-out", "training"]] = "training"
    without_torch: ClassVar[bool] = True

    def measure(self, real: Tensor | NDArray[np.float32], fake: Tensor | NDArray[np.float32]) -> float:
        seen = {np.asarray(one).tobytes() for one in real}
        return float(np.mean([np.asarray(one).tobytes() in seen for one in fake]))


class Shared(Copies):
    """The same for what is compared with held-out images."""

    name: ClassVar[str] = "shared"
    compares_with: ClassVar[Literal["held-out", "training"]] = "held-out"


@pytest.mark.parametrize(
    ("reference", "words"),
    [(REFERENCE, HELD_OUT), (TRAINING, "training images"), (np.arange(1000), "images")],
)
def test_no_real_image_is_compared_with_itself_at_the_real_end(
    reference: NDArray[np.int64], words: str
) -> None:
    real = RealSet(images(), reference, TRAINING, words, learnt_from=True)
    pictures = real.images.pixels[TRAINING[:50]]  # all copied from the training images
    copies, shared = measured([chosen(Copies()), chosen(Shared())], pictures, real, 0, ends=True)

    assert (copies.value, copies.real) == (1, 0)
    assert shared.real == 0


def test_what_is_not_known_to_be_learnt_from_has_a_real_end_for_other_metrics() -> None:
    real = RealSet(images(), REFERENCE, None, "images", learnt_from=False)
    copies, shared = measured(
        [Chosen("copies", Copies(), None, required=False), chosen(Shared())],
        real.images.pixels[:50],
        real,
        0,
        ends=True,
    )
    assert (copies.value, copies.real) == (None, None)
    assert (shared.value, shared.real) == (1, 0)


def test_a_generator_is_closed_when_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.figures.test_evaluate import Still

    still = Still()
    monkeypatch.setattr(evaluate, "load", lambda _name: still)
    with pytest.raises(InputError, match="nothing to measure"):
        evaluate.evaluate("still", pictures=0)
    assert still.closed
