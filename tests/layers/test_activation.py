"""The critic's activation: torch's values and gradients, for fewer operations under a gradient penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from benchmarks.support.operations import Operations
from tests.support.tape import Tape
from zoo.layers.activation import LeakyReLU

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

SLOPES = [0.0, 0.2]


def critic(activation: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), activation(), nn.Conv2d(4, 4, 3, 2), activation(), nn.Flatten(), nn.Linear(100, 1)
    ).double()


def penalised(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Return the gradients of a loss with a gradient penalty."""
    network.zero_grad()
    mix = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network(mix).sum(), mix, create_graph=True)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    (penalty + network(images).mean()).backward()
    return [weight.grad for weight in network.parameters() if weight.grad is not None]


@pytest.mark.parametrize("slope", SLOPES)
def test_values_and_both_derivatives_are_torchs(slope: float) -> None:
    images = torch.randn(3, 1, 13, 13, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours, torchs = critic(lambda: LeakyReLU(slope)), critic(lambda: nn.LeakyReLU(slope))

    assert torch.equal(ours(images), torchs(images))
    assert len(penalised(ours, images)) == 6
    for mine, theirs in zip(penalised(ours, images), penalised(torchs, images), strict=True):
        assert torch.equal(mine, theirs)


def test_the_second_derivative_costs_no_way_back_through_the_network() -> None:
    images = torch.randn(3, 1, 13, 13, dtype=torch.float64)
    counts = []
    for activation in (lambda: LeakyReLU(0.2), lambda: nn.LeakyReLU(0.2)):
        network = critic(activation)
        with Operations() as counter:
            penalised(network, images)
        counts.append(counter.total)

    assert counts[0] < 0.9 * counts[1]


def test_the_second_derivative_takes_no_convolution_back() -> None:
    """Not even one of zeros: the penalty needs each layer forwards, and its weights' gradient, once more."""
    mix = torch.randn(3, 1, 13, 13, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(critic(lambda: LeakyReLU(0.2))(mix).sum(), mix, create_graph=True)
    with Tape() as tape:
        slope.square().sum().backward()  # type: ignore[no-untyped-call]

    assert tape.names.count("aten::convolution") == 4
    assert "aten::convolution_backward" not in tape.names


def test_higher_derivatives_are_right_too() -> None:
    x = torch.tensor([-2.0, -1.0, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    derivative = LeakyReLU(0.5)(x) ** 4
    for _ in range(3):
        (derivative,) = torch.autograd.grad(derivative.sum(), x, create_graph=True)

    # Of (a x)^4 the third is 24 a^4 x.
    assert derivative.tolist() == [-3.0, -1.5, 24.0, 48.0]


def test_an_exporter_is_shown_torchs_own() -> None:
    program = torch.export.export(LeakyReLU(0.2), (torch.zeros(2, 3),))

    assert any("leaky_relu" in str(node.target) for node in program.graph.nodes)
    assert repr(LeakyReLU(0.2)) == "LeakyReLU(slope=0.2)"
