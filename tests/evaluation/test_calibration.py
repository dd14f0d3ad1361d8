"""Statistics of an averaged generator: estimated as plainly as they are defined, on a GPU by a recording."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
import torch
from torch import nn

from tests.support.training import needs_gpu
from zoo.evaluation.calibration import CALIBRATION_SEED, Calibration, calibrated
from zoo.generators.latents import fixed_latents
from zoo.plugins.planning import load_plan

DIM, BATCH, BATCHES = 5, 16, 12


def network_of(*more: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(DIM, 3), nn.BatchNorm1d(3), *more, nn.Linear(3, 2), nn.BatchNorm1d(2))


def by_hand(network: nn.Module) -> list[torch.Tensor]:
    """The mean over all batches of each batch's mean and unbiased variance, norm after norm."""
    weights = [value.detach().double() for value in network.parameters()]
    found = []
    z = torch.tensor(fixed_latents(CALIBRATION_SEED, BATCHES * BATCH, DIM)).double()
    for part in torch.split(z, BATCH):
        one = nn.functional.linear(part, weights[0], weights[1])
        normed = (one - one.mean(0)) / (one.var(0, correction=0) + 1e-5).sqrt()
        other = nn.functional.linear(normed, weights[4], weights[5])
        found.append([one.mean(0), one.var(0), other.mean(0), other.var(0)])
    return [torch.stack(each).mean(0) for each in zip(*found, strict=True)]


def statistics(network: nn.Module) -> list[torch.Tensor]:
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    found = [(norm.running_mean, norm.running_var) for norm in norms]
    return [value for both in found for value in both if value is not None]


def test_each_batch_counts_alike() -> None:
    network = network_of()
    settled = calibrated(network, DIM, BATCH, BATCHES)

    for one, expected in zip(statistics(settled), by_hand(network), strict=True):
        torch.testing.assert_close(one.double(), expected, rtol=1e-5, atol=1e-6)
    norms = [norm for norm in settled.modules() if isinstance(norm, nn.BatchNorm1d)]
    assert [norm.momentum for norm in norms] == [0.1, 0.1]
    assert [int(norm.num_batches_tracked) for norm in norms if norm.num_batches_tracked is not None] == [
        BATCHES
    ] * 2


class Shared(nn.Module):
    """One norm at two places."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.scale = nn.BatchNorm1d(DIM), nn.Parameter(torch.full((DIM,), 3.0))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        once: torch.Tensor = self.norm(z)
        twice: torch.Tensor = self.norm(once * self.scale + 5)
        return twice


def test_a_norm_at_two_places_averages_over_both() -> None:
    mean, variance = statistics(calibrated(Shared(), DIM, BATCH, BATCHES))
    z = torch.split(torch.tensor(fixed_latents(CALIBRATION_SEED, BATCHES * BATCH, DIM)), BATCH)
    first = torch.stack([part.mean(0) for part in z]).mean(0)

    torch.testing.assert_close(mean, (first + 5) / 2, rtol=1e-3, atol=1e-3)
    spread = torch.stack([part.var(0) for part in z]).mean(0)
    torch.testing.assert_close(variance, (spread + 9 * BATCH / (BATCH - 1)) / 2, rtol=1e-3, atol=1e-3)


class Counting(nn.Module):
    """A norm of somebody's own, which counts its calls outside of its buffers."""

    running_calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("running_calls", torch.zeros(()))
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.calls += 1
            self.running_calls.fill_(self.calls)
        return x


class Settling(nn.BatchNorm1d):
    """A batch norm of somebody's own, which does less the longer it has been trained."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        return x + super().forward(x) / (1 + self.calls)


def learn(network: nn.Module) -> None:
    with torch.no_grad():
        for value in [*network.parameters(), *network.buffers()]:
            value.add_(torch.rand(value.shape, device=value.device).to(value.dtype))


@pytest.mark.parametrize(
    "more",
    [
        [],
        [nn.Linear(3, 3), nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3))],
        [Counting()],
        [Settling(3)],
    ],
)
def test_a_copy_that_follows_is_what_a_new_one_would_be(more: list[nn.Module]) -> None:
    network = network_of(*more)
    calibration = Calibration(network, DIM, BATCH)
    for batches in (BATCHES, 2, BATCHES):
        followed = calibration.network(batches)
        fresh = calibrated(network, DIM, BATCH, batches)
        assert not any(module.training for module in followed.modules())
        for name, value in fresh.state_dict().items():
            torch.testing.assert_close(followed.state_dict()[name], value, rtol=0, atol=0)
        learn(network)


def test_what_was_interrupted_is_begun_anew() -> None:
    def stop(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    network = network_of()
    calibration = Calibration(network, DIM, BATCH)
    calibration.network(BATCHES)
    with pytest.raises(KeyboardInterrupt):
        calibration.network(BATCHES, stop)

    found = statistics(calibration.network(BATCHES))
    for one, other in zip(found, statistics(calibrated(network, DIM, BATCH, BATCHES)), strict=True):
        assert torch.equal(one, other)


def test_what_failed_in_its_very_first_batch_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of()
    calibration = Calibration(network, DIM, BATCH)
    with monkeypatch.context() as context:
        context.setattr(nn.Linear, "forward", Mock(side_effect=MemoryError))
        with pytest.raises(MemoryError):
            calibration.network(BATCHES)

    found = statistics(calibration.network(BATCHES))
    for one, other in zip(found, statistics(calibrated(network, DIM, BATCH, BATCHES)), strict=True):
        assert torch.equal(one, other)


@needs_gpu
@pytest.mark.parametrize("name", ["camel-gan", "face-wgangp"])
def test_on_a_gpu_a_recording_is_kept_while_the_weights_change(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_plan(name).architecture.generator().to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
    made = Mock(side_effect=torch.cuda.CUDAGraph.replay, autospec=True)
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda graph: made(graph))
    calibration = Calibration(network, 100, 64)
    calibration.network(4)
    assert made.call_count == 0
    calibration.network(4)  # recorded after the first: one to compare, then three
    assert made.call_count == 4
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(1.5)
    followed = statistics(calibration.network(8))
    assert made.call_count == 4 + 8
    monkeypatch.setattr("zoo.evaluation.norm_statistics.replayed", lambda work: work)
    for one, other in zip(followed, statistics(calibrated(network, 100, 64, 8)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


@needs_gpu
@pytest.mark.parametrize("name", ["camel-gan", "face-wgangp"])
def test_on_a_gpu_a_recording_finds_what_the_network_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_plan(name).architecture.generator().to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
    made = Mock(side_effect=torch.cuda.CUDAGraph.replay, autospec=True)
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda graph: made(graph))
    recorded = statistics(calibrated(network, 100, 64))
    assert made.call_count == 64  # one to compare, then all but the first
    monkeypatch.setattr("zoo.evaluation.norm_statistics.replayed", lambda work: work)
    for one, other in zip(recorded, statistics(calibrated(network, 100, 64)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


class Waiting(nn.Module):
    """Waits for the GPU."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * float(x.detach().abs().max()).__trunc__() * 0 + x


class Noisy(nn.Module):
    """Draws random numbers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


@needs_gpu
@pytest.mark.parametrize("odd", [Waiting(), Noisy()])
def test_on_a_gpu_what_cannot_be_recorded_is_calibrated_all_the_same(odd: nn.Module) -> None:
    settled = calibrated(network_of(odd).cuda(), DIM, BATCH, BATCHES)

    assert all(value.isfinite().all() for value in statistics(settled))
    assert torch.ones(2, device="cuda").sum().item() == 2, "the GPU is as it was"
