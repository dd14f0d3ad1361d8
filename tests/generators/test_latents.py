"""Latents are pinned: whoever publishes a seed publishes a picture."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from zoo.errors import InputError
from zoo.generators.latents import AT_ONCE, fixed_latents, latents, walk

REFERENCE = {
    (0, 0): [0.11655652, -0.68353242, 0.098195978, -0.29281077],
    (0, 1): [0.025572307, -0.68142068, -0.68956798, -0.14560249],
    (2**63, 12345): [-0.65438443, 0.6628958, 0.2725772, 1.1415533],
}


@pytest.mark.parametrize(("place", "expected"), REFERENCE.items())
def test_reference_vectors(place: tuple[int, int], expected: list[float]) -> None:
    seed, picture = place
    np.testing.assert_allclose(latents(seed, 1, 4, start=picture)[0], expected, rtol=1e-6)


def test_a_picture_does_not_depend_on_its_batch() -> None:
    together = latents(7, 10, 100)
    alone = np.concatenate([latents(7, 1, 100, start=index) for index in range(10)])

    assert np.array_equal(together, alone)


@pytest.mark.parametrize("dim", [1, 2, 7, 100, 101])
@pytest.mark.parametrize("start", [0, 5, 2**63 - 3, 2**64 - 2 * AT_ONCE])
def test_a_picture_is_made_of_its_own_words(dim: int, start: int) -> None:
    """Those of a generator that begins at the picture, also beyond the numbers that are made together."""
    count = AT_ONCE + 3
    made = latents(9, count, dim, start=start)
    for row in (0, 1, 2, 3, AT_ONCE - 1, AT_ONCE, count - 1):
        counter = np.array([0, start + row, 0, 0], np.uint64)
        words = np.random.Philox(key=9, counter=counter).random_raw(2 * ((dim + 1) // 2))
        first, second = np.split((words >> np.uint64(11)) * 2.0**-53, 2)
        radius = np.sqrt(-2 * np.log1p(-first))
        angle = 2 * np.pi * second
        expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:dim]
        assert np.array_equal(made[row], expected.astype(np.float32))


def test_what_is_looked_at_again_is_made_once_and_cannot_be_changed() -> None:
    found = fixed_latents(3, 5, 4)

    assert np.array_equal(found, latents(3, 5, 4))
    assert fixed_latents(3, 5, 4) is found
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 0


def test_they_are_standard_normal_and_unlike_each_other() -> None:
    sample = latents(1, 2000, 101)

    assert abs(sample.mean()) < 0.01
    assert abs(sample.std() - 1) < 0.01
    assert abs((sample**4).mean() - 3) < 0.1, "the fourth moment of a normal distribution is 3"
    assert abs(np.corrcoef(sample[:, 0], sample[:, 51])[0, 1]) < 0.1
    assert len(np.unique(sample, axis=0)) == 2000
    assert not np.array_equal(latents(1, 1, 100), latents(2, 1, 100))


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_outside_64_bits_is_refused(seed: int) -> None:
    with pytest.raises(InputError, match=rf"^seed: {seed} is not between 0 and 2\^64 - 1. Choose another$"):
        latents(seed, 1, 4)


def test_truncation_draws_only_what_lies_beyond_again() -> None:
    plain, near = latents(3, 200, 50), latents(3, 200, 50, truncation=0.7)

    assert abs(near).max() <= 0.7
    within = abs(plain) <= 0.7
    assert np.array_equal(near[within], plain[within])
    assert np.array_equal(latents(3, 200, 50, truncation=10), plain)
    assert np.array_equal(latents(3, 1, 50, start=150, truncation=0.7)[0], near[150])
    normal = NormalDist()
    variance = 1 - 2 * 0.7 * normal.pdf(0.7) / (2 * normal.cdf(0.7) - 1)  # of a normal cut on both sides
    assert abs(near.var() - variance) < 0.005


@pytest.mark.parametrize("truncation", [0.0, -1.0])
def test_a_truncation_that_leaves_nothing_is_refused(truncation: float) -> None:
    with pytest.raises(InputError) as caught:
        latents(0, 1, 4, truncation=truncation)
    assert str(caught.value) == f"truncation: {truncation} is not at least 0.02. Choose another"


def test_a_truncation_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"^truncation: nan is no finite number\. Give one, like 0\.5$"):
        latents(0, 1, 4, truncation=float("nan"))


def test_a_picture_before_the_first_is_refused() -> None:
    with pytest.raises(InputError, match=r"^picture: -1 is below 0, and the first is 0\. Choose another$"):
        latents(0, 1, 4, start=-1)


def test_a_picture_after_the_last_is_refused() -> None:
    assert latents(0, 1, 4, start=2**64 - 1).shape == (1, 4)
    with pytest.raises(InputError) as caught:
        latents(0, 2, 4, start=2**64 - 1)
    assert str(caught.value) == f"picture: {2**64} is over 2^64 - 1, and the last is that. Choose another"


def test_a_walk_goes_from_end_to_end_at_even_angles_and_keeps_its_length() -> None:
    first, last = latents(1, 2, 100)
    path = walk(first, last, 21).astype(np.float64)

    assert np.array_equal(path[0], first)
    assert np.array_equal(path[-1], last)
    unit = walk(first / np.linalg.norm(first), last / np.linalg.norm(last), 21).astype(np.float64)
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    steps = np.arccos(np.clip((unit[1:] * unit[:-1]).sum(1), -1, 1))
    assert np.allclose(steps, steps.mean(), rtol=1e-3)
    straight = np.linalg.norm((first + last) / 2)
    assert np.linalg.norm(path[10]) > 0.95 * np.linalg.norm(first)
    assert straight < 0.8 * np.linalg.norm(first)


def test_a_walk_that_turns_nowhere_is_straight() -> None:
    here = np.array([1, 2], np.float32)

    assert np.allclose(walk(here, 3 * here, 3), [here, 2 * here, 3 * here])
    assert np.allclose(walk(here, -here, 3), [here, 0 * here, -here])
    assert np.allclose(walk(0 * here, here, 2), [0 * here, here])
    with pytest.raises(InputError) as caught:
        walk(here, here, 1)
    assert str(caught.value) == "steps: 1 do not lead from one picture to another. Give at least 2"
