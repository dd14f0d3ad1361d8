"""The networks of the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from zoo.errors import InputError
from zoo.plugins.planning import load_plan
from zoo.plugins.registry import validated
from zoo_plugins.architectures.dcgan import Dcgan, DcganGenerator

if TYPE_CHECKING:
    from pathlib import Path


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
    plan = load_plan(recipe)

    assert plan.architecture.parameter_counts == (critic, generator)
    assert plan.architecture.image_shape == shape


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
        (
            {"critic_filters": [64] * 6, "critic_kernels": [4] * 6, "critic_strides": [2] * 6},
            "here: dcgan: critic layer 4 is given 1 x 1 pixels, too few for its kernel of 4. Change it",
        ),
        (
            {"initial": [7, 1, 64], "critic_kernels": [2, 5, 5, 6], "critic_strides": [2, 2, 2, 1]},
            "here: dcgan: critic layer 3 is given 4 x 1 pixels, too few for its kernel of 6. Change it",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        validated(Dcgan, fields, "here", "dcgan")
    assert str(caught.value) == message


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_critic_is_accepted_exactly_when_torch_can_run_it(kernel: int, stride: int) -> None:
    image = torch.zeros(2, 1, 5, 5)
    for layers in range(1, 7):
        plain = [nn.Conv2d(1, 1, kernel, stride, (kernel - 1) // 2) for _ in range(layers)]
        try:
            nn.Sequential(*plain)(image)
        except RuntimeError:
            with pytest.raises(ValidationError, match=r"critic layer \d is given"):
                small(critic_kernels=(kernel,) * layers, critic_strides=(stride,) * layers)
        else:
            fields = small(critic_kernels=(kernel,) * layers, critic_strides=(stride,) * layers)
            assert fields.critic()(image).shape == (2,)


def small(critic_kernels: tuple[int, ...], critic_strides: tuple[int, ...]) -> Dcgan:
    """Return networks of one channel for images of 5 x 5."""
    return Dcgan(
        initial=(5, 5, 1), generator_upsample=(1,), generator_filters=(1,), generator_kernels=(1,),
        generator_strides=(1,), critic_filters=(1,) * len(critic_kernels), critic_kernels=critic_kernels,
        critic_strides=critic_strides,
    )  # fmt: skip


@pytest.mark.parametrize("side", ["generator", "critic"])
def test_batch_norm_over_one_image_is_refused(tiny: Path, side: str) -> None:
    tiny.write_text(tiny.read_text().replace("generator_batch_norm", f"{side}_batch_norm"))
    changes = ["losses=[{name='bce'}]", "training.critic_steps=1", "training.batch_size=1"]
    with pytest.raises(InputError) as caught:
        load_plan(tiny, changes)
    assert str(caught.value) == (
        "tiny.toml [architecture]: batch_size is 1, and batch norm over one image has no variance to divide by. "
        f"Use 2 or more, or remove {side}_batch_norm_momentum"
    )


def test_one_image_is_enough_without_batch_norm(tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace("generator_batch_norm_momentum = 0.9\n", ""))
    plan = load_plan(tiny, ["training.batch_size=1"])
    assert plan.training.batch_size == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"generator_kernels": (255, 5, 5, 5)}, "generator layer 0 has 532,684,800 numbers"),
        ({"latent_dim": 4096, "initial": (64, 64, 64)}, "generator's dense layer has 1,073,741,824 numbers"),
        (
            {"critic_kernels": (5, 5, 5, 127), "critic_strides": (1, 1, 1, 1)},
            "critic layer 3 has 264,257,536",
        ),
        (
            {"initial": (128, 128, 1), "latent_dim": 1, "generator_filters": (1024, 1, 1, 1)},
            "generator layer 0 has",
        ),
    ],
)
def test_layers_that_no_file_could_hold_are_refused(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Dcgan(**fields)
