"""The affine augmentation: what moves, by how much, and that learning goes through it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from zoo_plugins.augmentations.affine import Affine

STILL: dict[str, Any] = {"degrees": 0.0, "scale": 0.0, "translate": 0.0, "shear": 0.0, "flip": 0.0}


def still(**fields: Any) -> Affine:
    """Return an augmentation that does only what is named."""
    return Affine.model_validate({**STILL, **fields})


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(16, 3, 28, 20, generator=torch.Generator().manual_seed(1)) * 2 - 1


def blob(height: int = 33, width: int = 33, *, row: int, column: int) -> torch.Tensor:
    """One bright pixel, blurred to 3 x 3, in black."""
    image = torch.full((1, 1, height, width), -1.0)
    image[:, :, row - 1 : row + 2, column - 1 : column + 2] = 1
    return image


def centre(image: torch.Tensor) -> tuple[float, float]:
    """Return the centre of the light: row, column."""
    light = (image[0, 0] + 1).double()
    rows, columns = torch.meshgrid(
        torch.arange(light.shape[0]).double(), torch.arange(light.shape[1]).double(), indexing="ij"
    )
    return (light * rows).sum().item() / light.sum().item(), (
        light * columns
    ).sum().item() / light.sum().item()


def test_nothing_to_do_changes_no_bit(images: torch.Tensor) -> None:
    assert torch.equal(still().augment(images), images)


def test_flip_alone_mirrors_exactly(images: torch.Tensor) -> None:
    assert torch.equal(still(flip=1.0).augment(images), images.flip(3))


def test_flip_half_mirrors_some_and_leaves_the_others(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    result = still(flip=0.5).augment(images)
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(result, images, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(result, images, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 0 < sum(mirrored) < len(images)


@pytest.mark.parametrize("padding", ["black", "border", "reflection"])
def test_a_tiny_move_changes_next_to_nothing(images: torch.Tensor, padding: str) -> None:
    tiny = still(degrees=1e-4, scale=1e-6, translate=1e-6, padding=padding)
    torch.testing.assert_close(tiny.augment(images), images, atol=1e-3, rtol=0)


def test_translation_stays_within_its_part_of_each_side() -> None:
    torch.manual_seed(0)
    image = blob(41, 61, row=20, column=30).expand(64, -1, -1, -1)
    moved = [centre(one[None]) for one in still(translate=0.2).augment(image)]
    rows, columns = zip(*moved, strict=True)
    assert max(abs(row - 20) for row in rows) == pytest.approx(0.2 * 41, abs=0.7)
    assert max(abs(column - 30) for column in columns) == pytest.approx(0.2 * 61, abs=0.7)


def test_rotation_keeps_distances_from_the_middle_of_an_oblong_image() -> None:
    torch.manual_seed(0)
    image = blob(41, 61, row=20, column=42).expand(32, -1, -1, -1)
    moved = [centre(one[None]) for one in still(degrees=40.0).augment(image)]
    radii = [math.hypot(row - 20, column - 30) for row, column in moved]
    angles = [math.degrees(math.atan2(row - 20, column - 30)) for row, column in moved]
    assert radii == pytest.approx([12.0] * 32, abs=0.1)
    assert max(abs(angle) for angle in angles) <= 40.5
    assert max(angles) > 25
    assert min(angles) < -25


def test_scale_moves_points_away_from_the_middle_or_towards_it() -> None:
    torch.manual_seed(0)
    image = blob(41, 41, row=20, column=30).expand(64, -1, -1, -1)
    reach = [centre(one[None])[1] - 20 for one in still(scale=0.2).augment(image)]
    assert min(reach) == pytest.approx(8, abs=0.4)
    assert max(reach) == pytest.approx(12, abs=0.4)


def test_shear_moves_rows_sideways_and_keeps_heights() -> None:
    torch.manual_seed(0)
    image = blob(41, 41, row=30, column=20).expand(64, -1, -1, -1)
    moved = [centre(one[None]) for one in still(shear=30.0).augment(image)]
    assert [row for row, _ in moved] == pytest.approx([30.0] * 64, abs=0.1)
    assert max(abs(column - 20) for _, column in moved) == pytest.approx(10 * math.tan(math.pi / 6), abs=0.3)


def test_black_padding_keeps_the_background_black() -> None:
    background = torch.full((32, 1, 28, 28), -1.0)
    assert torch.equal(Affine(degrees=180.0, translate=1.0).augment(background), background)


def test_values_stay_in_range(images: torch.Tensor) -> None:
    for padding in ("black", "border", "reflection"):
        result = Affine.model_validate({"padding": padding}).augment(images)
        assert result.shape == images.shape
        assert result.dtype == torch.float32
        assert result.abs().max() <= 1 + 1e-5


def test_random_numbers_are_of_the_global_generator_and_as_many_for_any_fields(images: torch.Tensor) -> None:
    def states(augmentation: Affine) -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(7)
        return augmentation.augment(images), torch.get_rng_state()

    first, after = states(Affine())
    again, _ = states(Affine())
    _, after_nothing = states(still())
    assert torch.equal(first, again)
    assert torch.equal(after, after_nothing)
    assert not torch.equal(first, Affine().augment(images))


def test_each_image_gets_its_own_move(images: torch.Tensor) -> None:
    same = images[:1].expand(8, -1, -1, -1)
    result = Affine(flip=0.0).augment(same)
    assert all(not torch.equal(result[0], other) for other in result[1:])


def test_the_gradient_is_that_of_the_same_move() -> None:
    images = torch.rand(2, 1, 7, 6, dtype=torch.float64).requires_grad_()

    def fixed(images: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        return Affine().augment(images)

    assert torch.autograd.gradcheck(fixed, (images,))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("degrees", -1.0),
        ("scale", 1.0),
        ("translate", 1.5),
        ("flip", 1.1),
        ("flip", float("nan")),
        ("padding", "pink"),
    ],
)
def test_fields_out_of_range_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Affine.model_validate({field: value})
