"""Sliced Wasserstein distance: what a distance must do, and that looking changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from zoo.errors import InputError
from zoo_plugins.metrics.swd import SlicedWasserstein, _pyramid

QUICK = SlicedWasserstein(patches=16, directions=32)


def textured(count: int, seed: int, shape: tuple[int, int, int] = (1, 28, 28)) -> torch.Tensor:
    """Images with structure at several scales, in [-1, 1]."""
    random = torch.Generator().manual_seed(seed)
    channels, height, width = shape
    coarse = torch.randn(count, channels, height // 4, width // 4, generator=random)
    fine = torch.randn(count, channels, height, width, generator=random)
    return torch.tanh(functional.interpolate(coarse, (height, width), mode="bilinear") + 0.2 * fine)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return textured(128, seed=1)


def test_a_set_is_at_no_distance_from_itself(images: torch.Tensor) -> None:
    assert QUICK.measure(images, images) == 0


def test_it_is_symmetric(images: torch.Tensor) -> None:
    other = textured(128, seed=2) * 0.5
    there, back = QUICK.measure(images, other), QUICK.measure(other, images)
    assert there == back
    assert there > 0


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 33, 47)])
def test_it_grows_with_noise(shape: tuple[int, int, int]) -> None:
    images = textured(64, 1, shape)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(3))
    figures = [QUICK.measure(images, images + strength * noise) for strength in (0, 0.1, 0.3, 1)]
    assert figures == sorted(figures)
    assert len(set(figures)) == 4


def test_it_grows_with_blur(images: torch.Tensor) -> None:
    figures = [0.0]
    blurred = images
    for _ in range(3):
        blurred = functional.avg_pool2d(blurred, 3, stride=1, padding=1, count_include_pad=False)
        figures.append(QUICK.measure(images, blurred))
    assert figures == sorted(figures)
    assert len(set(figures)) == 4


def test_it_grows_as_more_images_collapse_to_one(images: torch.Tensor) -> None:
    one = images[:1].expand(128, -1, -1, -1)
    figures = [QUICK.measure(images, torch.cat([one[:count], images[count:]])) for count in (0, 32, 64, 128)]
    assert figures == sorted(figures)
    assert len(set(figures)) == 4


def test_the_worth_of_a_level_does_not_hang_on_brightness_and_contrast(images: torch.Tensor) -> None:
    assert QUICK.measure(images, 0.5 * images + 0.2) == pytest.approx(0, abs=0.01)


def test_one_image_over_and_over_is_further_than_other_images_of_the_kind(images: torch.Tensor) -> None:
    fresh, collapsed = textured(128, seed=2), images[:1].expand(128, -1, -1, -1)
    assert QUICK.measure(images, collapsed) > 3 * QUICK.measure(images, fresh)


def test_flat_images_give_a_finite_figure(images: torch.Tensor) -> None:
    flat = torch.full_like(images, 0.3)
    assert 100 < QUICK.measure(images, flat) < 10_000
    assert QUICK.measure(flat, -flat) < 1


def test_a_broken_generator_gives_nan_not_a_good_figure(images: torch.Tensor) -> None:
    broken = torch.full_like(images, float("nan"))
    figure = QUICK.measure(images, broken)
    assert figure != figure


def test_looking_leaves_the_global_generator_alone_and_does_not_hang_on_it(images: torch.Tensor) -> None:
    other = textured(128, seed=2)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = QUICK.measure(images, other)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert QUICK.measure(images, other) == first


def test_its_seed_decides_what_is_looked_at(images: torch.Tensor) -> None:
    other = textured(128, seed=2)
    metrics = [SlicedWasserstein(seed=seed, directions=8) for seed in (1, 2)]
    assert metrics[0].measure(images, other) != metrics[1].measure(images, other)


def test_of_the_larger_set_as_many_are_drawn(images: torch.Tensor) -> None:
    more = textured(300, seed=2)
    few = QUICK.measure(images, more[:128])
    assert QUICK.measure(images, more) == pytest.approx(few, rel=0.3)
    assert QUICK.measure(images[:1], more) > 0


def test_no_gradient_is_kept(images: torch.Tensor) -> None:
    assert isinstance(QUICK.measure(images.clone().requires_grad_(), images), float)


@pytest.mark.parametrize("side", [28, 31, 33, 64])
def test_the_pyramid_adds_up_to_the_image(side: int) -> None:
    """Each level, added to the blown-up next one, is the one before: nothing of an image is lost."""
    images = textured(2, 1, (3, side, side))
    *details, smallest = list(_pyramid(images))
    line = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    kernel = 4 * torch.outer(line, line).expand(3, 1, 5, 5)
    for detail in reversed(details):
        wide = torch.zeros_like(detail)
        wide[:, :, ::2, ::2] = smallest
        padded = functional.pad(wide, (2, 2, 2, 2), mode="reflect")
        smallest = detail + functional.conv2d(padded, kernel, groups=3)
    torch.testing.assert_close(smallest, images, atol=1e-5, rtol=0)


def test_a_flat_image_has_no_detail() -> None:
    *details, smallest = list(_pyramid(torch.full((1, 1, 64, 64), 0.5)))
    assert len(details) == 2
    assert all(detail.abs().max() < 1e-6 for detail in details)
    torch.testing.assert_close(smallest, torch.full((1, 1, 16, 16), 0.5))


@pytest.mark.parametrize(
    ("shape", "levels"),
    [
        ((1, 28, 28), "28x28, 14x14"),
        ((3, 32, 32), "32x32, 16x16"),
        ((3, 64, 64), "64x64, 32x32, 16x16"),
        ((3, 27, 60), "27x60, 14x30"),
        ((1, 10, 10), "10x10"),
    ],
)
def test_the_protocol_states_levels_patches_and_directions(shape: tuple[int, int, int], levels: str) -> None:
    assert SlicedWasserstein().protocol(shape) == (
        f"sliced Wasserstein distance x 1e3 on Laplacian levels {levels}: "
        "32 patches of 7x7 an image and level, 128 directions, seed 0"
    )


def test_images_smaller_than_a_patch_are_refused() -> None:
    small = torch.zeros(4, 1, 6, 9)
    with pytest.raises(InputError) as caught:
        QUICK.measure(small, small)
    assert str(caught.value) == (
        "swd: real images are (1, 6, 9), generated ones (1, 6, 9). "
        "Give images of one shape, of at least 7 x 7 pixels"
    )
