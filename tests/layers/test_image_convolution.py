"""The critic's layers: torch's convolution, with its gradients of any order, found in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from tests.support.tape import Tape
from tests.support.training import needs_gpu
from zoo.layers.activation import LeakyReLU
from zoo.layers.image_convolution import CriticConv2d, _Form

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPES = [(kernel, stride) for kernel in (1, 2, 3, 4, 5, 7) for stride in (1, 2, 3)]


def layer_of(channels: int, kernel: int, stride: int) -> CriticConv2d:
    torch.manual_seed(0)
    return CriticConv2d(channels, 4, kernel, stride, (kernel - 1) // 2)


def derivatives(convolve: Callable[[Tensor], Tensor], layer: nn.Module, images: Tensor) -> list[Tensor]:
    """Return what it makes, the first derivatives, and those of a gradient penalty."""
    images = images.clone().requires_grad_()
    weights = list(layer.parameters())
    made = convolve(images)
    towards = torch.linspace(-1, 1, made.numel(), dtype=made.dtype, device=made.device).view_as(made)
    first = torch.autograd.grad((made * towards).sum(), [images, *weights], retain_graph=True)
    (slope,) = torch.autograd.grad((made.sin() * towards).sum(), images, create_graph=True)
    second = torch.autograd.grad(slope.square().sum(), [images, *weights])
    return [made.detach(), *first, *second]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("kernel", "stride"), SHAPES)
@pytest.mark.parametrize("size", [(12, 8), (12, 24), (9, 12)])
def test_both_derivatives_are_torchs(kernel: int, stride: int, channels: int, size: tuple[int, int]) -> None:
    same_derivatives(layer_of(channels, kernel, stride), size, "cpu")


def same_derivatives(layer: CriticConv2d, size: tuple[int, int], device: str) -> None:
    layer = layer.double().to(device)
    images = torch.randn(2, layer.in_channels, *size, dtype=torch.float64).to(device)
    ours, theirs = (
        derivatives(convolve, layer, images) for convolve in (layer, lambda x: nn.Conv2d.forward(layer, x))
    )

    assert len(ours) == 7
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-12)


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the gradients on the CPU with the kernels that a GPU finds them with."""
    monkeypatch.setattr(
        CriticConv2d, "_form", lambda self, _: _Form(self.stride[0], int(self.padding[0]), None)
    )


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("channels", [1, 3, 32])
@pytest.mark.parametrize(("kernel", "stride"), SHAPES)
@pytest.mark.parametrize("size", [(12, 8), (9, 12)])
def test_as_on_a_gpu_both_derivatives_are_torchs(
    kernel: int, stride: int, channels: int, size: tuple[int, int]
) -> None:
    same_derivatives(layer_of(channels, kernel, stride), size, "cpu")


@needs_gpu
@pytest.mark.parametrize(("channels", "kernel", "stride"), [(1, 5, 2), (3, 4, 2), (32, 5, 1)])
def test_on_a_gpu_both_derivatives_are_torchs(channels: int, kernel: int, stride: int) -> None:
    same_derivatives(layer_of(channels, kernel, stride), (12, 24), "cuda")


@pytest.mark.usefixtures("as_on_a_gpu")
def test_as_on_a_gpu_derivatives_of_derivatives_are_those_of_the_function() -> None:
    check_derivatives_of_derivatives()


def test_derivatives_of_derivatives_are_those_of_the_function() -> None:
    check_derivatives_of_derivatives()


def check_derivatives_of_derivatives() -> None:
    layer = layer_of(1, 3, 2).double()
    images = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)

    def convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        made: Tensor = torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))
        return made

    assert layer.bias is not None
    given = (images, layer.weight, layer.bias)
    assert gradcheck(convolve, given)
    assert gradgradcheck(convolve, given)


def test_the_gradient_for_images_is_not_left_to_torch() -> None:
    layer, images = layer_of(1, 5, 2), torch.randn(2, 1, 28, 28, requires_grad=True)
    layer.requires_grad_(False)
    with Tape() as tape:
        layer(images).sum().backward()

    assert "aten::convolution_backward" not in tape.names
    assert tape.names.count("aten::convolution") == 2


def test_without_a_gradient_for_images_it_is_torchs_own() -> None:
    layer, images = layer_of(1, 5, 2), torch.randn(2, 1, 28, 28)

    assert type(layer(images).grad_fn).__name__ == "ConvolutionBackward0"
    assert type(layer(images.requires_grad_()).grad_fn).__name__ == "_ForImagesBackward"


def test_a_penalty_finds_no_gradient_of_the_weights_on_its_way_to_the_slope() -> None:
    network = nn.Sequential(layer_of(1, 5, 2), LeakyReLU(0.2), nn.Flatten(), nn.Linear(4 * 14 * 14, 1))
    images = torch.randn(2, 1, 28, 28, requires_grad=True)
    score = network(images).sum()
    with Tape() as tape:
        torch.autograd.grad(score, images, create_graph=True)

    assert "aten::convolution_backward" not in tape.names
    assert "aten::sum" not in tape.names


def test_no_second_derivative_is_made_of_zeros() -> None:
    network = nn.Sequential(layer_of(1, 5, 2), LeakyReLU(0.2), nn.Flatten(), nn.Linear(4 * 14 * 14, 1))
    images = torch.randn(2, 1, 28, 28, requires_grad=True)
    (slope,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
    with Tape() as tape:
        slope.square().sum().backward()  # type: ignore[no-untyped-call]

    # One forwards, and one gradient of the weights.
    assert tape.names.count("aten::convolution") == 1
    assert tape.names.count("aten::convolution_backward") == 1


def test_under_autocast_it_rounds_as_torchs_own_does() -> None:
    layer = layer_of(3, 5, 2)
    images = torch.randn(4, 3, 16, 16)

    def cast(convolve: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def convolved(x: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return convolve(x)

        return convolved

    ours = derivatives(cast(layer), layer, images)
    theirs = derivatives(cast(lambda x: nn.Conv2d.forward(layer, x)), layer, images)

    assert [tensor.dtype for tensor in ours] == [tensor.dtype for tensor in theirs]
    for mine, its in zip(ours, theirs, strict=True):
        worst = 4 * torch.finfo(torch.bfloat16).eps * float(its.abs().max())
        assert float((mine - its).abs().max()) <= worst


def test_a_way_back_inside_autocast_keeps_the_precision_of_the_way_there() -> None:
    layer, images = layer_of(1, 5, 2), torch.randn(2, 1, 28, 28, requires_grad=True)
    score = layer(images).square().sum()
    (apart,) = torch.autograd.grad(score, images, retain_graph=True)
    with torch.autocast("cpu", torch.bfloat16):
        (inside,) = torch.autograd.grad(score, images)

    assert torch.equal(inside, apart)


def test_one_image_without_a_batch_is_torchs() -> None:
    layer, image = layer_of(1, 5, 2), torch.randn(1, 28, 28, requires_grad=True)

    assert torch.equal(layer(image), nn.Conv2d.forward(layer, image))


def test_an_exporter_is_shown_torchs_own() -> None:
    program = torch.export.export(layer_of(1, 5, 2), (torch.zeros(1, 1, 28, 28),))

    assert any("conv2d" in str(node.target) for node in program.graph.nodes)
