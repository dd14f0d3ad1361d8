"""What a probe sees, on networks whose mathematics is known; and that the training does not notice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import zoo
from tests.support.networks import ConstantCritic, LinearCritic
from zoo.data.split import Split
from zoo.evaluation.monitor import Monitor
from zoo.evaluation.probe import SHOWN, Prober, distribution
from zoo.evaluation.torch_generator import TorchGenerator
from zoo.images import Images

if TYPE_CHECKING:
    from zoo.history import Probe

SHAPE = (1, 4, 4)
LEVELS = np.random.default_rng(0).integers(0, 256, (64, *SHAPE), np.uint8)


class Drawn:
    latent_dim, image_shape = 3, SHAPE


class Copies(nn.Module):
    """Each picture is a training image, chosen by its first latent."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = nn.Parameter(images)

    def forward(self, z: Tensor) -> Tensor:
        return self.images[(z[:, 0].abs() * 1e4).long() % len(self.images)]


class Same(nn.Module):
    """Every picture is grey."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        return self.level.expand(len(z), *SHAPE)


def look(generator: nn.Module, critic: nn.Module, *, held_out: bool = False) -> tuple[Probe, np.ndarray]:
    images = Images(LEVELS, "unknown", "noise")
    order = torch.arange(64)
    split = Split(order[16:], order[:16], held_out=True) if held_out else Split(order, order, held_out=False)
    return Prober(images, split).probe(7, critic.float(), TorchGenerator(generator, Drawn(), 16))


def test_a_copy_is_at_no_distance_from_its_training_image() -> None:
    real = torch.from_numpy(LEVELS).float().div(127.5).sub(1)

    seen, pictures = look(Copies(real), LinearCritic(2.0))

    assert max(neighbour.distance for neighbour in seen.neighbours) < 0.2
    assert np.array_equal(pictures[:SHOWN], pictures[SHOWN : 2 * SHOWN]), (
        "the nearest ones are the same pictures"
    )
    assert seen.training_neighbour > 50
    assert seen.generated_spread == pytest.approx(seen.training_spread, rel=0.2)


def test_a_collapsed_generator_has_no_spread() -> None:
    seen, _ = look(Same(), LinearCritic(2.0))

    assert seen.generated_spread == 0
    assert seen.training_spread > 80


def test_the_slope_of_a_linear_critic_is_its_norm() -> None:
    seen, _ = look(Same(), LinearCritic(2.0))

    assert seen.slopes.mean == pytest.approx(2.0, rel=1e-5)
    assert seen.slopes.std == pytest.approx(0, abs=1e-5)


def test_a_critic_that_looks_at_nothing_has_no_slope() -> None:
    seen, _ = look(Same(), ConstantCritic(0.5))

    assert (seen.slopes.mean, seen.slopes.high) == (0, 0)
    assert (seen.training_scores.mean, seen.generated_scores.mean) == (0.5, 0.5)
    assert seen.held_out_scores is None


def test_held_out_images_are_scored_where_there_are_some() -> None:
    seen, _ = look(Same(), LinearCritic(2.0), held_out=True)

    assert seen.held_out_scores is not None
    assert sum(seen.held_out_scores.counts) == 16
    assert sum(seen.training_scores.counts) == 48


def test_a_probe_leaves_the_critic_and_all_random_numbers_as_they_were() -> None:
    critic = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.Flatten(), nn.Linear(8, 1), nn.Flatten(0)
    )
    critic[1].eval()
    before = {name: tensor.clone() for name, tensor in critic.state_dict().items()}
    state = torch.random.get_rng_state()

    look(Same(), critic)

    assert [module.training for module in critic] == [True, False, True, True, True, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in critic.state_dict().items())
    assert all(weight.grad is None for weight in critic.parameters())
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("numbers", "mean", "counts"),
    [([], 0, 0), ([3.0], 3, 1), ([1.0, 2.0, 3.0], 2, 3), ([1.0, float("nan"), 3.0, float("inf")], 2, 2)],
)
def test_a_distribution_counts_the_finite_numbers(numbers: list[float], mean: float, counts: int) -> None:
    kept = distribution(torch.tensor(numbers))

    assert (kept.mean, sum(kept.counts)) == (mean, counts)


def test_a_critic_that_cannot_be_probed_costs_a_warning_and_no_training(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise TypeError("no derivative\nof it")

    monkeypatch.setattr(Prober, "probe", fail)

    run = zoo.train(str(tiny), changes=["training.eval_every=2"])

    err = capsys.readouterr().err
    assert (
        err.count("step 2: the critic cannot be probed (no derivative of it). The report will show less") == 1
    )
    assert "step 4" not in err
    assert not (run / "probes").exists()


def test_probing_does_not_change_what_is_trained(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = ["training.eval_every=1", "training.steps=2"]
    probed = zoo.train(str(tiny), changes=changes, out="probed")
    monkeypatch.setattr(Monitor, "seen", lambda *_: None)
    plain = zoo.train(str(tiny), changes=changes, out="plain")

    weights = "generator/model.safetensors"
    assert Path(probed, weights).read_bytes() == Path(plain, weights).read_bytes()
    assert Path(probed, "probes").is_dir()
    assert not Path(plain, "probes").exists()
