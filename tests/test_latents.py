"""Latents are pinned: whoever publishes a seed publishes a picture."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.errors import InputError
from zoo.latents import latents

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
