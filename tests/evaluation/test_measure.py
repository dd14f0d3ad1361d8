"""What the metric is measured on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zoo.components import Metric
from zoo.data.split import REFERENCE_LIMIT, split
from zoo.evaluation.measure import measure
from zoo.evaluation.torch_generator import TorchGenerator
from zoo.generators.generator import to_uint8
from zoo.generators.latents import latents
from zoo.images import Images


class Counting(Metric):
    """How many real images, how many of them different, and how many generated ones."""

    name = "counting"

    def measure(self, real: Tensor, fake: Tensor) -> float:
        assert len(real) == len(fake)
        return len(fake) + len({image.numpy().tobytes() for image in real}) / 1e6


class Flat(nn.Module):
    """Each image is its first latent everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        return z[:, :1, None, None].expand(-1, 1, 8, 8)


class Shape(NamedTuple):
    """What a generator knows of its architecture."""

    latent_dim: int
    image_shape: tuple[int, int, int]


def flat(batch: int) -> TorchGenerator:
    return TorchGenerator(Flat(), Shape(4, (1, 8, 8)), batch)


@pytest.mark.parametrize(("count", "held"), [(100, 0), (2559, 0), (2560, 256), (3999, 399), (80_000, 1024)])
def test_a_tenth_is_held_out_when_that_is_enough_to_compare_with(count: int, held: int) -> None:
    parts = split(count)

    assert parts.held_out == (held > 0)
    assert len(parts.training) == count - held
    assert len(parts.reference) == (held or min(count, REFERENCE_LIMIT))
    assert len(set(parts.training.tolist())) == len(parts.training)
    assert not parts.held_out or not set(parts.training.tolist()) & set(parts.reference.tolist())


def test_runs_are_measured_on_the_same_images() -> None:
    torch.manual_seed(1)
    first = split(5000)
    torch.manual_seed(2)

    assert torch.equal(first.reference, split(5000).reference)


@pytest.mark.parametrize(("count", "generated"), [(100, REFERENCE_LIMIT), (3999, 399)])
def test_few_images_are_repeated_and_compared_with_many(count: int, generated: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8), np.uint8)
    images = Images(pixels, licence="unknown", source="noise")
    parts = split(count)
    figure = measure(Counting(), flat(64), images, parts)

    assert figure == pytest.approx(generated + len(parts.reference) / 1e6)


def test_pictures_do_not_depend_on_the_batch() -> None:
    expected = latents(3, 10, 4)[:, 0]
    for batch in (1, 3, 64):
        assert np.array_equal(flat(batch).images(10, 3)[:, 0, 0, 0].numpy(), expected)


def test_a_network_draws_as_any_generator_does() -> None:
    generator = flat(64)
    z = latents(3, 2, 4)

    assert np.array_equal(generator.generate(z)[:, 0, 0, 0], z[:, 0])
    assert np.array_equal(generator.sample(2, seed=3), to_uint8(generator.generate(z)))
    assert (generator.provider, generator.latent_dim) == ("torch on cpu", 4)


def test_the_protocol_says_what_was_compared() -> None:
    assert split(100).protocol(Counting(), (1, 8, 8)) == (
        "counting; 1024 generated against 100 training images (too few to hold any out)"
    )
    assert (
        split(3999).protocol(Counting(), (1, 8, 8)) == "counting; 399 generated against 399 held-out images"
    )
