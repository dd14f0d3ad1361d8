"""Averaged weights, and batch-norm statistics that fit them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zoo.evaluation.torch_generator import calibrated
from zoo.training.ema import Ema


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
