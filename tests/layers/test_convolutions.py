"""The convolutions that are computed differently: the same function, the same gradients, torch's own for exporters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from zoo.layers.upsampling import SameConvTranspose2d, UpsampledConv2d

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9])
def test_the_smaller_convolution_equals_upsampling_then_convolution(kernel: int) -> None:
    layer = UpsampledConv2d(3, 4, kernel).double()

    assert_equal(layer, upsampled(layer), torch.randn(2, 3, 5, 7, dtype=torch.float64))


@pytest.mark.parametrize("filters", [1, 3])
@pytest.mark.parametrize(
    ("kernel", "stride"),
    [
        (kernel, stride)
        for kernel in (1, 2, 3, 4, 5, 7, 8)
        for stride in (1, 2, 3)
        if kernel % 2 or stride > 1
    ],
)
@pytest.mark.parametrize("size", [(4, 8), (6, 2), (5, 8)])
def test_blocks_equal_the_transposed_convolution(
    kernel: int, stride: int, filters: int, size: tuple[int, int]
) -> None:
    layer = SameConvTranspose2d(2, filters, kernel, stride).double()

    assert_equal(layer, transposed(layer), torch.randn(2, 2, *size, dtype=torch.float64))


@pytest.mark.parametrize(
    ("filters", "stride", "size", "kernels"),
    [
        (1, 1, 28, (16, 64, 8, 8)),
        (1, 1, 6, (4, 64, 6, 6)),
        (3, 1, 32, (12, 64, 6, 6)),
        (3, 2, 32, (12, 64, 3, 3)),
        (1, 1, 5, (1, 64, 5, 5)),
        (64, 1, 28, None),
    ],
)
def test_a_block_fills_the_lanes_and_divides_the_picture(
    filters: int,
    stride: int,
    size: int,
    kernels: tuple[int, ...] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, convolved = SameConvTranspose2d(64, filters, 5, stride), nn.functional.conv2d
    seen: list[tuple[int, ...]] = []

    def watched(images: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        seen.append(tuple(weight.shape))
        return convolved(images, weight, bias, stride, padding)

    monkeypatch.setattr(nn.functional, "conv2d", watched)
    layer(torch.randn(1, 64, size, size))

    assert seen == ([kernels] if kernels else [])


@pytest.mark.parametrize("layer", [UpsampledConv2d(2, 1, 13), SameConvTranspose2d(2, 1, 13, 1)])
def test_kernels_too_large_to_sum_are_torchs_own(
    layer: UpsampledConv2d | SameConvTranspose2d, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = torch.randn(1, 2, 16, 16)
    plain = upsampled(layer) if isinstance(layer, UpsampledConv2d) else transposed(layer)
    for module in ("blocks", "upsampling"):
        monkeypatch.setattr(f"zoo.layers.{module}.summed", None)

    assert torch.equal(layer(images), plain(images))


def test_under_autocast_blocks_round_as_torchs_own_do() -> None:
    layer = SameConvTranspose2d(64, 1, 5, 1)
    images = torch.randn(4, 64, 8, 8)

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        ours, theirs = layer(images), transposed(layer)(images)

    assert ours.dtype == theirs.dtype == torch.bfloat16
    assert float((ours - theirs).abs().max()) <= 2 * torch.finfo(torch.bfloat16).eps * float(
        theirs.abs().max()
    )


def test_an_exporter_is_shown_torchs_own() -> None:
    images = torch.randn(2, 3, 4, 4)
    shown = {
        "UpsampledConv2d": torch.export.export(UpsampledConv2d(3, 1, 5), (images,)),
        "SameConvTranspose2d": torch.export.export(SameConvTranspose2d(3, 1, 5, 1), (images,)),
    }
    called = {
        name: [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
        for name, program in shown.items()
    }

    assert called == {
        "UpsampledConv2d": ["aten.upsample_nearest2d.vec", "aten.conv2d.default"],
        "SameConvTranspose2d": ["aten.conv_transpose2d.input"],
    }


def assert_equal(layer: nn.Module, plain: Callable[[Tensor], Tensor], images: Tensor) -> None:
    images.requires_grad_()
    ours, theirs = layer(images), plain(images)
    assert ours.shape == theirs.shape
    assert torch.allclose(ours, theirs, atol=1e-12)
    towards = torch.randn_like(ours)
    asked = [images, *layer.parameters()]
    gradients = [torch.autograd.grad(result, asked, towards) for result in (ours, theirs)]
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(*gradients, strict=True))


def upsampled(layer: UpsampledConv2d) -> Callable[[Tensor], Tensor]:
    return lambda images: nn.functional.conv2d(
        nn.functional.interpolate(images, scale_factor=2.0), layer.weight, layer.bias, padding=layer.padding
    )


def transposed(layer: SameConvTranspose2d) -> Callable[[Tensor], Tensor]:
    return partial(nn.ConvTranspose2d.forward, layer)


def test_what_a_kernel_needs_is_made_once_and_serves_training_wherever_it_was_made() -> None:
    layer, images = UpsampledConv2d(2, 3, 9), torch.randn(1, 2, 4, 4)
    with torch.inference_mode():
        layer(images)
    made = layer._taps
    layer(images).sum().backward()

    assert layer.weight.grad is not None
    assert made is not None
    assert layer._taps is made
    assert layer.double()(images.double()).dtype == torch.float64


def test_what_a_layer_without_memory_needed_is_not_what_another_is_given() -> None:
    images = torch.randn(1, 2, 4, 4)
    with FakeTensorMode() as mode:
        assert UpsampledConv2d(2, 3, 9)(mode.from_tensor(images)).shape == (1, 3, 8, 8)
    assert UpsampledConv2d(2, 3, 9)(images).isfinite().all()
