"""Energy distance: what a distance must do, with tensors and with arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.components.test_swd import textured
from zoo.errors import InputError
from zoo_plugins.metrics.energy import AT_ONCE, EnergyDistance

ENERGY = EnergyDistance()


def test_it_is_what_the_definition_says() -> None:
    real, fake = textured(AT_ONCE + 3, seed=1), textured(40, seed=2) * 0.5
    one, other = real.flatten(1).double(), fake.flatten(1).double()
    between = torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist").mean()
    within = sum(torch.cdist(s, s, compute_mode="donot_use_mm_for_euclid_dist").mean() for s in (one, other))

    assert ENERGY.measure(real, fake) == pytest.approx(float(1 - within / (2 * between)), abs=1e-9)


def test_equal_sets_are_at_no_distance_in_any_order() -> None:
    images = textured(64, seed=1)
    assert ENERGY.measure(images, images) == pytest.approx(0, abs=1e-9)
    assert ENERGY.measure(images, images.flip(0)) == pytest.approx(0, abs=1e-9)
    assert ENERGY.measure(images, images.repeat(3, 1, 1, 1)) == pytest.approx(0, abs=1e-9)
    assert ENERGY.measure(images[:1], images[:1]) == pytest.approx(0, abs=1e-9)


def test_two_single_images_are_as_far_apart_as_can_be() -> None:
    images = textured(2, seed=1)
    assert ENERGY.measure(images[:1], images[1:]) == pytest.approx(1)


def test_it_grows_with_noise_and_collapse() -> None:
    images = textured(128, seed=1)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(3))
    noisy = [ENERGY.measure(images, images + strength * noise) for strength in (0, 0.1, 0.3, 1)]
    collapsed = [
        ENERGY.measure(images, images[:kept].repeat(128 // kept, 1, 1, 1)) for kept in (128, 32, 8, 1)
    ]
    for figures in (noisy, collapsed):
        assert figures == sorted(figures)
        assert len(set(figures)) == 4
    assert 0 <= collapsed[-1] <= 1


def test_arrays_measure_as_tensors_do() -> None:
    real, fake = textured(50, seed=1), textured(70, seed=2)
    assert ENERGY.measure(real.numpy(), fake.numpy()) == ENERGY.measure(real, fake)
    assert ENERGY.without_torch


def test_of_many_images_some_are_taken_evenly() -> None:
    images = textured(100, seed=1)
    few = EnergyDistance(limit=50)
    assert few.measure(images, images) == pytest.approx(0, abs=1e-9)
    assert few.measure(images, images[::2]) == pytest.approx(0, abs=1e-9)
    assert "at most 50 images" in few.protocol((1, 28, 28))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        ENERGY.measure(np.zeros((2, 1, 8, 8), np.float32), np.zeros((2, 1, 4, 16), np.float32))
    assert str(caught.value) == (
        "energy: real images are (1, 8, 8), generated ones (1, 4, 16). Give images of one shape"
    )
