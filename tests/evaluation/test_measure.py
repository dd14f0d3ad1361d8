"""What the metric is measured on."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zoo.components import Features, Metric
from zoo.data.split import REFERENCE_LIMIT, TRAINING_LIMIT, split
from zoo.errors import InputError
from zoo.evaluation.measure import Measurement, RealImages, extracted, looked_at, measure
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


LOOKS: list[int] = []
"""The sizes of the batches that `Mean` was given."""


class Mean(Features):
    """An image's mean, and what a network with random first weights would do to torch's random numbers."""

    name = "mean"

    def extract(self, images: Tensor) -> Tensor:
        LOOKS.append(len(images))
        torch.rand(3)
        return images.mean((1, 2, 3))[:, None]

    def protocol(self) -> str:
        return "the mean, float32"


class Gap(Metric):
    """The difference of the mean vectors, and how many of each there were."""

    name = "gap"

    @property
    def extractor(self) -> str:
        return "mean"

    def measure(self, real: Tensor, fake: Tensor) -> float:
        assert real.shape[1:] == fake.shape[1:] == (1,)
        return float(fake.mean() - real.mean()) + 1000 * len(real) + 1e6 * len(fake)


class Copies(Gap):
    """The same against training images."""

    name = "copies"
    compares_with: ClassVar[Literal["held-out", "training"]] = "training"


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
    figure = measure(Counting(), flat(64), RealImages(images, parts))

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


def noise(count: int) -> RealImages:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8), np.uint8)
    return RealImages(Images(pixels, licence="unknown", source="noise"), split(count))


def test_features_see_each_image_once_for_all_metrics_in_small_batches() -> None:
    LOOKS.clear()
    real = noise(100)
    for _ in range(2):
        measurement = Measurement(torch.full((130, 1, 8, 8), 0.5), real)
        assert measurement.figure(Gap(), Mean()) == pytest.approx(0.5 + 100_000 + 130e6, abs=8)
        measurement.figure(Gap(), Mean())

    fake, reference = [*[4] * 32, 2], [4] * 25
    assert [*fake, *reference, *fake] == LOOKS
    assert looked_at(torch.device("cuda")) == 64


def test_a_metric_may_ask_for_training_images() -> None:
    fake = torch.zeros(2, 1, 8, 8)
    assert Measurement(fake, noise(3000)).figure(Gap(), Mean()) == pytest.approx(2e6 + 300_000, abs=1)
    assert Measurement(fake, noise(3000)).figure(Copies(), Mean()) == pytest.approx(2e6 + 2_700_000, abs=1)
    assert len(split(80_000).compared(Copies())) == 7898 <= TRAINING_LIMIT
    assert not set(split(80_000).compared(Copies()).tolist()) & set(split(80_000).reference.tolist())
    assert split(80_000).protocol(Copies(), (1, 8, 8), Mean()) == (
        "copies; the mean, float32; 1024 generated against 7898 of 78976 training images"
    )
    assert split(3000).protocol(Gap(), (1, 8, 8), Mean(), generated=7) == (
        "gap; the mean, float32; 7 generated against 300 held-out images"
    )


def test_images_that_are_no_numbers_give_a_figure_that_is_none() -> None:
    broken = torch.zeros(8, 1, 8, 8)
    broken[3, 0, 0, 0] = torch.nan
    figure = Measurement(broken, noise(100)).figure(Gap(), Mean())
    assert figure != figure


def test_looking_through_features_leaves_random_numbers_as_they_were() -> None:
    before = torch.get_rng_state()
    Measurement(torch.zeros(2, 1, 8, 8), noise(100)).figure(Gap(), Mean())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", [(4,), (3, 2), (4, 0), (4, 2, 2)])
def test_features_that_are_no_vector_an_image_are_refused(shape: tuple[int, ...]) -> None:
    class Odd(Mean):
        def extract(self, images: Tensor) -> Tensor:
            return images.new_zeros(shape)

    with pytest.raises(InputError) as caught:
        extracted(Odd(), [torch.zeros(4, 1, 8, 8)])
    assert str(caught.value) == f"mean: for 4 images it gave a tensor {shape}. Have it return (N, D)"
