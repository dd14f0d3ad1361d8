"""Figures of features: equal to independent computations, and what each sees in sets that are known."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import linalg

from zoo.errors import InputError
from zoo_plugins.metrics.diversity import Diversity, vendi_score
from zoo_plugins.metrics.fid import FrechetDistance
from zoo_plugins.metrics.kid import KernelDistance
from zoo_plugins.metrics.memorisation import Memorisation
from zoo_plugins.metrics.prdc import Coverage, Density, Precision, Recall

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from zoo.components import Metric

ALL: list[Metric] = [
    FrechetDistance(),
    KernelDistance(),
    Precision(),
    Recall(),
    Density(),
    Coverage(),
    Diversity(),
    Memorisation(),
]
BY_NAME = [pytest.param(metric, id=metric.name) for metric in ALL]


def vectors(count: int, seed: int, dimensions: int = 16, mean: float = 0.0) -> Tensor:
    """Vectors whose numbers hang together, as features' do."""
    random = torch.Generator().manual_seed(seed)
    mixed = torch.randn(dimensions, dimensions, generator=torch.Generator().manual_seed(7))
    return torch.randn(count, dimensions, generator=random) @ mixed + mean


REAL, FAKE = vectors(200, 1), vectors(150, 2, mean=0.3) * 1.1


def frechet(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Heusel et al. 2017, equation 6, with scipy's matrix root."""
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = linalg.sqrtm(first @ second).real
    gap = one.mean(0) - other.mean(0)
    return float(gap @ gap + np.trace(first + second - 2 * root))


def kernel(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The unbiased squared MMD of Gretton et al. 2012, lemma 6, pair by pair."""

    def between(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    count = len(one)
    off = ~np.eye(count, dtype=bool)
    within = (between(one, one)[off].sum() + between(other, other)[off].sum()) / (count * (count - 1))
    return float(within - 2 * between(one, other).mean())


def balls(real: NDArray[np.float64], fake: NDArray[np.float64], k: int) -> dict[str, float]:
    """Kynkäänniemi et al. 2019, equation 2, and Naeem et al. 2020, equations 4 and 5, written out."""

    def away(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(x[:, None] - y[None], axis=2))

    real_radii = np.sort(away(real, real), axis=1)[:, k]
    fake_radii = np.sort(away(fake, fake), axis=1)[:, k]
    between = away(real, fake)
    inside = between <= real_radii[:, None]
    return {
        "precision": float(inside.any(0).mean()),
        "recall": float((between <= fake_radii).any(1).mean()),
        "density": float(inside.sum() / (k * len(fake))),
        "coverage": float(inside.any(1).mean()),
    }


@pytest.mark.parametrize("dimensions", [4, 16, 64])
def test_frechet_distance_is_what_scipy_computes(dimensions: int) -> None:
    real, fake = vectors(200, 1, dimensions), vectors(150, 2, dimensions, mean=0.3)
    expected = frechet(real.double().numpy(), fake.double().numpy())
    assert FrechetDistance().measure(real, fake) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_frechet_distance_of_fewer_images_than_numbers_is_finite() -> None:
    real, fake = vectors(20, 1, 64), vectors(20, 2, 64)
    assert 0 < FrechetDistance().measure(real, fake) < 1e4
    assert FrechetDistance().measure(real, real) == pytest.approx(0, abs=1e-3)


def test_kernel_distance_is_what_numpy_computes() -> None:
    real, fake = REAL[:150], FAKE
    expected = 1e3 * kernel(real.double().numpy(), fake.double().numpy())
    assert KernelDistance().measure(real, fake) == pytest.approx(expected, rel=1e-6)


def test_kernel_distance_of_many_is_a_mean_over_subsets_that_its_seed_decides() -> None:
    metric = KernelDistance(subset_size=40, subsets=50)
    first = metric.measure(REAL, FAKE)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert metric.measure(REAL, FAKE) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert KernelDistance(subset_size=40, subsets=50, seed=1).measure(REAL, FAKE) != first
    assert first == pytest.approx(KernelDistance().measure(REAL, FAKE), rel=0.3)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_balls_are_what_numpy_computes(k: int) -> None:
    expected = balls(REAL.double().numpy(), FAKE.double().numpy(), k)
    for kind in (Precision, Recall, Density, Coverage):
        assert kind(k=k).measure(REAL, FAKE) == pytest.approx(expected[kind.name], abs=1e-12), kind.name
    assert all(value > 0 for value in expected.values())


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [metric.measure(REAL, FAKE) for metric in ALL]
    monkeypatch.setattr("zoo.evaluation.neighbours.DISTANCES_AT_ONCE", 700)
    assert [metric.measure(REAL, FAKE) for metric in ALL] == before


def test_a_set_against_itself() -> None:
    figures = {metric.name: metric.measure(REAL, REAL) for metric in ALL}
    assert figures["fid"] == pytest.approx(0, abs=1e-6)
    assert figures["kid"] == KernelDistance().measure(REAL, REAL.flip(0)) == 0
    assert [figures[name] for name in ("precision", "recall", "coverage")] == [1, 1, 1]
    assert figures["density"] == pytest.approx(1 + 1 / 5), "each lies in its own ball too"
    assert figures["diversity"] == pytest.approx(1)
    assert Diversity().measure(REAL, REAL.flip(0)) == pytest.approx(1)
    assert figures["memorisation"] == 1


def test_more_variety_than_real_images_have_is_no_better_than_as_much_too_little() -> None:
    one, other = torch.randn(200, 16, generator=torch.Generator().manual_seed(5)), REAL
    varied, alike = vendi_score(one), vendi_score(other)

    assert varied > 1.5 * alike
    assert Diversity().measure(other, one) == pytest.approx(alike / varied)
    assert Diversity().measure(one, other) == pytest.approx(alike / varied)
    assert Diversity.higher_is_better


@pytest.mark.parametrize("metric", BY_NAME)
def test_the_order_of_images_does_not_matter(metric: Metric) -> None:
    shuffled = REAL[torch.randperm(200, generator=torch.Generator().manual_seed(3))]
    others = FAKE.flip(0)
    if metric.name in ("kid", "diversity"):  # they draw as many as the smaller set has
        shuffled, others = shuffled[:], torch.cat([FAKE, FAKE[:50]]).flip(0)
        expected = metric.measure(REAL, torch.cat([FAKE, FAKE[:50]]))
    else:
        expected = metric.measure(REAL, FAKE)
    assert metric.measure(shuffled, others) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("metric", BY_NAME)
def test_one_image_is_too_few_and_says_so_in_a_line(metric: Metric) -> None:
    with pytest.raises(
        InputError, match=rf"^{metric.name}: it was given 1 image, and it needs \d+ real"
    ) as caught:
        metric.measure(REAL, FAKE[:1])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("metric", BY_NAME)
@pytest.mark.parametrize("shape", [(150,), (150, 15), (150, 4, 2, 2)])
def test_sets_that_do_not_fit_are_refused(metric: Metric, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        metric.measure(REAL, torch.zeros(shape))
    assert str(caught.value) == (
        f"{metric.name}: real vectors are (200, 16), generated ones {shape}. Give two sets (N, D) of one D"
    )


def test_a_real_image_that_occurs_often_keeps_its_ball() -> None:
    real = torch.cat([REAL, REAL[:1].expand(10, -1)])
    assert Precision().measure(real, REAL[:1] + 1e-2 * torch.ones(6, 16)) == 1
    assert Coverage().measure(real, REAL) == 1


def test_one_generated_image_over_and_over_is_quality_without_variety() -> None:
    collapsed = REAL[:1].expand(150, -1)
    assert Precision().measure(REAL, collapsed) == 1
    assert Recall().measure(REAL, collapsed) <= 1 / 200
    assert Coverage().measure(REAL, collapsed) < 0.1
    assert Diversity().measure(REAL, collapsed) == pytest.approx(1 / vendi_score(REAL.double()), rel=0.05)


def test_images_that_are_all_the_same_give_figures_or_a_sentence() -> None:
    same = torch.ones(50, 16)
    assert FrechetDistance().measure(same, same) == 0
    assert Precision().measure(same, FAKE) == 0
    assert Diversity().measure(same, same) == pytest.approx(1)
    with pytest.raises(InputError, match="all training images are the same"):
        Memorisation().measure(same, FAKE)


def test_the_effective_number_of_images() -> None:
    assert vendi_score(torch.eye(8).double()) == pytest.approx(8)
    assert vendi_score(torch.eye(4).double().repeat(5, 1)) == pytest.approx(4)
    assert vendi_score(torch.ones(8, 3).double()) == pytest.approx(1)


def test_copies_are_seen_and_typical_images_are_not() -> None:
    random = torch.Generator().manual_seed(4)
    training = vectors(1000, 1)
    noise = torch.randn(200, 16, generator=random)
    assert Memorisation().measure(training, training[:200] + 0.05 * noise) > 0.9
    assert Memorisation().measure(training, vectors(200, 9)) < 0.05
    assert Memorisation().measure(training, 0.05 * noise) < 0.05, "a collapse to the typical image"


def test_without_torchmetrics_there_is_a_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("torchmetrics")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    for metric in (FrechetDistance(), KernelDistance()):
        with pytest.raises(InputError) as caught:
            metric.measure(REAL, FAKE)
        assert str(caught.value).startswith(f"{metric.name}: torchmetrics cannot be imported (")
        assert str(caught.value).endswith('Run pip install "gan-model-zoo[metrics]"')


def test_protocols_say_what_was_done() -> None:
    assert [metric.protocol((1, 28, 28)) for metric in ALL] == [
        "Fréchet distance, float64",
        "kernel distance x 1e3, cubic kernel, float64, all at once up to 2000 images, else 100 subsets of 1000, seed 0",
        "precision with the balls of k = 5 nearest neighbours, float64",
        "recall with the balls of k = 5 nearest neighbours, float64",
        "density with the balls of k = 5 nearest neighbours, float64",
        "coverage with the balls of k = 5 nearest neighbours, float64",
        "Vendi scores of as many generated and real images, the smaller over the larger, cosine kernel, "
        "float64, seed 0",
        "share nearer to one training image than 99% of these are, against the mean of the 10 nearest, float64",
    ]
