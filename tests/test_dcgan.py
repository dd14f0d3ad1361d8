"""The networks of the notes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zoo.errors import InputError
from zoo.plan import make_plan
from zoo.plugins import load_registry
from zoo.recipe import read_recipe
from zoo.registry import validated
from zoo_plugins.architectures.dcgan import Dcgan, DcganGenerator, UpsampledConv2d


@pytest.mark.parametrize(
    ("recipe", "critic", "generator", "shape"),
    [
        ("camel-gan", 720_833, 837_377, (1, 28, 28)),
        ("horse-wgan", 670_401, 879_619, (3, 32, 32)),
        ("face-wgangp", 4_314_753, 5_150_723, (3, 64, 64)),
    ],
)
def test_the_notes_networks_have_the_notes_parameters(
    recipe: str, critic: int, generator: int, shape: tuple[int, int, int]
) -> None:
    registry = load_registry()
    plan = make_plan(read_recipe(registry.recipe(recipe)), registry, recipe)

    assert plan.parameter_counts == (critic, generator)
    assert plan.architecture.image_shape == shape


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9])
def test_the_smaller_convolution_equals_upsampling_then_convolution(kernel: int) -> None:
    layer = UpsampledConv2d(3, 4, kernel).double()
    images = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    plain = layer._conv_forward(nn.functional.interpolate(images, scale_factor=2.0), layer.weight, layer.bias)

    assert torch.allclose(layer(images), plain, atol=1e-12)


def test_the_smaller_convolution_has_the_same_gradients() -> None:
    layer = UpsampledConv2d(3, 4, 5).double()
    images = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    plain = layer._conv_forward(nn.functional.interpolate(images, scale_factor=2.0), layer.weight, layer.bias)
    ours = torch.autograd.grad(layer(images).square().sum(), list(layer.parameters()))
    theirs = torch.autograd.grad(plain.square().sum(), list(layer.parameters()))

    assert all(torch.allclose(mine, other) for mine, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("kernel", "stride"), [(3, 1), (5, 1), (2, 2), (3, 2), (4, 2), (5, 2), (2, 3), (3, 3), (4, 3), (5, 3)]
)
def test_a_transposed_convolution_multiplies_the_size_by_its_stride(kernel: int, stride: int) -> None:
    fields = Dcgan(
        initial=(7, 5, 2), generator_upsample=(1,), generator_filters=(1,), generator_kernels=(kernel,),
        generator_strides=(stride,), critic_filters=(2,), critic_kernels=(3,), critic_strides=(1,),
    )  # fmt: skip

    assert fields.generator()(torch.randn(2, 100)).shape == (2, 1, 7 * stride, 5 * stride)
    assert fields.image_shape == (1, 7 * stride, 5 * stride)


def test_weights_start_normal_and_biases_at_zero() -> None:
    for network in (Dcgan().generator(), Dcgan().critic()):
        for module in network.modules():
            if (
                isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))
                and module.weight.numel() > 10_000
            ):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
                assert module.bias is not None
                assert not module.bias.any()


def test_options_put_in_the_layers_they_name() -> None:
    fields = Dcgan(
        generator_batch_norm_momentum=0.8, generator_dropout=0.25, generator_activation="leaky-relu",
        critic_batch_norm_momentum=0.9, critic_dropout=0.4,
    )  # fmt: skip
    generator, critic = fields.generator(), fields.critic()
    assert isinstance(generator, DcganGenerator)
    norms = [module for module in generator.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]

    assert len(norms) == 4, "after the dense layer and every layer but the last"
    assert all(norm.momentum == pytest.approx(0.2) and norm.eps == 1e-3 for norm in norms)
    assert [module.p for module in generator.modules() if isinstance(module, nn.Dropout)] == [0.25]
    assert sum(isinstance(module, nn.LeakyReLU) for module in generator.modules()) == 4
    assert sum(isinstance(module, nn.BatchNorm2d) for module in critic.modules()) == 3, "not after the first"
    assert [module.p for module in critic.modules() if isinstance(module, nn.Dropout)] == [0.4] * 4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"generator_filters": [64, 1]},
            "here: dcgan: each layer needs one entry in every tuple, found generator_upsample 4, generator_filters 2, "
            "generator_kernels 4, generator_strides 4. Change it",
        ),
        (
            {"generator_kernels": [4, 5, 5, 5]},
            "here: dcgan: generator layer 0 has stride 1, so its kernel must be odd to keep the size, found 4. "
            "Change it",
        ),
        (
            {"generator_strides": [2, 1, 1, 1]},
            "here: dcgan: generator layer 0 upsamples, so its stride must be 1, found 2. Change it",
        ),
        (
            {"generator_filters": [128, 64, 64, 2]},
            "here: dcgan: the last of generator_filters is the image's channels, 1 or 3, found 2. Change it",
        ),
        (
            {"initial": [256, 256, 1], "generator_strides": [1, 1, 2, 2]},
            "here: dcgan: images of 4096 x 4096 are over 1024 pixels a side. Change it",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        validated(Dcgan, fields, "here", "dcgan")
    assert str(caught.value) == message
