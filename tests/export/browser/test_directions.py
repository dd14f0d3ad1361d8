"""Principal directions: for a generator whose response is known, they are the known ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from zoo.generators.generator import Generator
from zoo_export.browser.directions import BASES, MOST, WORK, pictures_needed, principal_directions

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Linear(Generator):
    """Pictures of 1 x 1 x 40 pixels that are a matrix times the latents; counts what it is asked for."""

    name, provider = "linear", "numpy"

    def __init__(self, matrix: NDArray[np.float64]) -> None:
        self.matrix = matrix
        self.latent_dim = matrix.shape[1]
        self.image_shape = (1, 1, matrix.shape[0])
        self.asked = 0

    def generate(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        self.asked += len(z)
        images: NDArray[np.float32] = (z @ self.matrix.T).astype(np.float32)
        return images.reshape(len(z), *self.image_shape)


def orthonormal(rows: int, columns: int, seed: int) -> NDArray[np.float64]:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(rows, columns)))[0]


def test_a_linear_generator_s_directions_are_its_right_singular_vectors() -> None:
    strengths = np.array([5, 4, 3, 2, 1.5, 1.2, 0.3, 0.2])
    right = orthonormal(8, 8, 1).T
    generator = Linear(orthonormal(40, 8, 0) * strengths @ right)
    found = principal_directions(generator, pictures_needed(8, 1, 784))

    assert found.vectors.dtype == np.float32
    assert np.allclose(np.abs(found.vectors @ right[:MOST].T), np.eye(MOST), atol=1e-3)
    assert found.shares == pytest.approx(strengths[:MOST] ** 2 / (strengths**2).sum(), rel=1e-3)


def test_they_are_unit_vectors_with_their_largest_number_up_and_the_same_every_time() -> None:
    generator = Linear(np.random.default_rng(3).normal(size=(40, 9)))
    first, second = (principal_directions(generator, pictures_needed(9, 1, 784)) for _ in range(2))

    assert np.array_equal(first.vectors, second.vectors)
    assert np.allclose(first.vectors @ first.vectors.T, np.eye(MOST), atol=1e-5)
    assert all(vector[np.abs(vector).argmax()] > 0 for vector in first.vectors)
    assert sorted(first.shares, reverse=True) == list(first.shares)


def test_there_are_no_more_than_latents() -> None:
    assert principal_directions(Linear(np.ones((40, 1))), 2).vectors.tolist() == [[1.0]]


def test_pictures_that_never_change_have_directions_without_strength() -> None:
    found = principal_directions(Linear(np.zeros((40, 7))), 8)

    assert found.shares == (0.0,) * MOST
    assert np.isfinite(found.vectors).all()


@pytest.mark.parametrize(
    ("work", "bases"), [(1, BASES), (3e8, BASES), (WORK / 101 / 2, 2), (WORK / 101, 1), (WORK / 100, 0)]
)
def test_a_slow_generator_is_asked_for_fewer_pictures(work: float, bases: int) -> None:
    assert pictures_needed(100, work, 784) == 101 * bases


def test_it_makes_exactly_the_pictures_it_says() -> None:
    generator = Linear(np.ones((40, 5)))
    principal_directions(generator, pictures_needed(5, 1, 784))

    assert generator.asked == pictures_needed(5, 1, 784) == 6 * BASES


@pytest.mark.parametrize(
    ("pixels", "found"), [(3 * 512 * 512, 0), (3 * 64 * 64, 101 * BASES), (3000 * 3000, 0)]
)
def test_large_pictures_that_cost_little_work_are_not_all_held_at_once(pixels: int, found: int) -> None:
    assert pictures_needed(100, 1, pixels) == found
