"""Averaged weights, and batch-norm statistics that fit them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from zoo.evaluation.calibration import calibrated
from zoo.training.ema import Ema

if TYPE_CHECKING:
    from collections.abc import Callable


def step(ema: Ema, network: nn.Module) -> None:
    ema.advance()
    ema.blend(network)


def test_the_average_follows_its_formula() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    ema = Ema(network, decay=0.999)
    expected = 0.0
    for index in range(50):
        nn.init.constant_(network.weight, float(index))
        step(ema, network)
        decay = min(0.999, (1 + index) / (10 + index))
        expected = decay * expected + (1 - decay) * index

    assert ema.module.weight.item() == pytest.approx(expected, rel=1e-5)  # type: ignore[operator]


def test_the_initial_weights_are_forgotten_early() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.ones_(network.weight)
    ema = Ema(network, decay=0.999)
    nn.init.zeros_(network.weight)
    for _ in range(300):
        step(ema, network)

    assert ema.module.weight.item() < 1e-6, "a flat 0.999 would still hold 0.74"  # type: ignore[operator]


def test_buffers_are_copied_not_averaged() -> None:
    network = nn.BatchNorm1d(2)
    ema = Ema(network, decay=0.999)
    assert network.running_mean is not None
    network.running_mean.fill_(3.0)
    step(ema, network)

    assert ema.module.running_mean.tolist() == [3.0, 3.0]  # type: ignore[operator]


def test_the_average_takes_no_part_in_training() -> None:
    network = nn.Linear(2, 2)
    ema = Ema(network, decay=0.9)

    assert not any(weight.requires_grad for weight in ema.module.parameters())
    assert not ema.module.training


def test_calibration_measures_the_statistics_of_these_weights() -> None:
    linear = nn.Linear(4, 3)
    network = nn.Sequential(linear, nn.BatchNorm1d(3))
    nn.init.constant_(linear.bias, 5.0)
    out = calibrated(network, latent_dim=4, batch=64)
    norm = out[1]  # type: ignore[index]
    weight = linear.weight.detach()

    assert norm.running_mean.tolist() == pytest.approx([5.0] * 3, abs=0.05)
    assert norm.running_var.tolist() == pytest.approx(weight.square().sum(1).tolist(), rel=0.1)


def averaged_after_training(network: nn.Module, steps: int = 60) -> nn.Module:
    """Return the averaged copy of a network whose weights have grown all the while."""
    ema = Ema(network, decay=0.98)
    for _ in range(steps):
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(0.05 * torch.randn_like(weight) + 0.02 * weight)
        network(torch.randn(16, 4))
        step(ema, network)
    return ema.module


@pytest.mark.parametrize("norm", [nn.InstanceNorm1d, nn.BatchNorm1d])
def test_every_norm_with_running_statistics_is_measured(
    norm: type[nn.InstanceNorm1d | nn.BatchNorm1d],
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(4, 48), nn.Unflatten(1, (3, 16)), norm(3, affine=False, track_running_stats=True)
    )
    stale = averaged_after_training(network).eval()
    settled = calibrated(stale, latent_dim=4, batch=32)

    def deviation(network: nn.Module) -> float:
        return float(network(torch.randn(4096, 4)).var(2 if norm is nn.InstanceNorm1d else (0, 2)).mean())

    assert deviation(settled) == pytest.approx(1, abs=0.02)
    assert abs(deviation(stale) - 1) > 0.04, "or nothing had to be measured"
    assert settled[2].momentum == 0.1  # type: ignore[index]
    assert not settled[2]._forward_pre_hooks  # type: ignore[index]


class OwnNorm(nn.Module):
    """A norm that a plugin writes itself."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_peak", torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.running_peak.lerp_(x.detach().abs().max(), 0.1)  # type: ignore[operator]
        return x / self.running_peak  # type: ignore[operator]


def test_a_norm_of_a_plugins_own_is_measured_too() -> None:
    torch.manual_seed(0)
    settled = calibrated(
        averaged_after_training(nn.Sequential(nn.Linear(4, 3), OwnNorm())), latent_dim=4, batch=32
    )

    assert float(settled(torch.randn(32, 4)).abs().max()) == pytest.approx(1, abs=0.35)


@pytest.mark.parametrize("norm", [nn.utils.parametrizations.spectral_norm, nn.utils.spectral_norm])
def test_spectral_norm_divides_averaged_weights_by_their_own_largest_singular_value(
    norm: Callable[[nn.Module], nn.Module],
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        norm(nn.Linear(4, 8)), nn.Unflatten(1, (8, 1, 1)), norm(nn.ConvTranspose2d(8, 6, 4))
    )
    stale = averaged_after_training(network)
    settled = calibrated(stale, latent_dim=4, batch=8, batches=1)

    def largest(network: nn.Module) -> list[float]:
        network(torch.randn(1, 4))  # the older kind computes them in its forward
        dense, _, transposed = network.children()
        weights = dense.weight, transposed.weight.transpose(0, 1).flatten(1)  # type: ignore[operator]
        return [float(torch.linalg.matrix_norm(weight, 2)) for weight in weights]

    with torch.no_grad():
        assert largest(settled) == pytest.approx([1, 1], abs=1e-5)
        assert max(abs(value - 1) for value in largest(stale.eval())) > 1e-3, "or nothing had to be settled"


def test_weight_norm_of_the_older_kind_is_averaged_and_copied() -> None:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it advises the newer kind
        network = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 3)), nn.BatchNorm1d(3))
    averaged = averaged_after_training(network)
    settled = calibrated(averaged, latent_dim=4, batch=8)
    layer = settled[0]  # type: ignore[index]
    direction = layer.weight_v / layer.weight_v.norm(dim=1, keepdim=True)

    torch.testing.assert_close(layer.weight, layer.weight_g * direction)
    trained: torch.Tensor = network[0].weight_v  # type: ignore[assignment]
    assert not torch.equal(layer.weight_v, trained), "averaged"


def test_looking_changes_neither_the_network_nor_the_random_numbers() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    out = calibrated(network, latent_dim=4, batch=8)

    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert network.training
    assert not any(module.training for module in out.modules())
    assert out[1].momentum == 0.1  # type: ignore[index]
