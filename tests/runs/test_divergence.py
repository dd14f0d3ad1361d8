"""Figures that are no numbers: found before they are kept, traced to where they began, and rolled back if asked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch

from tests.support.run_folders import lines
from tests.support.training import plan_of, trainer_of
from zoo.components import Loss
from zoo.errors import DivergedError
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.metrics_log import MetricsLog
from zoo.runs.record import Rollback, read_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from tests.support.cli_fixtures import Plugins, Zoo
    from zoo.batch import CriticBatch

pytest_plugins = ["tests.support.cli_fixtures"]


class Spoilt(Loss):
    """Is not a number from its n-th call on."""

    name: ClassVar[str] = "spoilt"
    calls: ClassVar[list[int]] = []
    good: int = 0

    def critic(self, batch: CriticBatch) -> Tensor:
        """Return zero, or nan."""
        self.calls.append(1)
        return batch.fake_scores.mean() * (float("nan") if len(self.calls) > self.good else 0.0)


class Steep(Loss):
    """Is zero, with a slope that is not a number."""

    name: ClassVar[str] = "steep"

    def critic(self, batch: CriticBatch) -> Tensor:
        """Return the root of nothing."""
        return (batch.fake_scores * 0).square().sum().sqrt()


def diverged(tiny: Path, tmp_path: Path, loss: Loss, *changes: str) -> DivergedError:
    plan = plan_of(tiny, *changes)
    trainer, log = trainer_of(replace(plan, losses=(*plan.losses, loss))), MetricsLog(tmp_path)
    for step in trainer.steps(9):
        log.add(step)
    with pytest.raises(DivergedError) as caught:
        log.means()
    return caught.value


def test_the_loss_it_began_with_is_named_not_those_it_spoilt(tiny: Path, tmp_path: Path) -> None:
    Spoilt.calls.clear()
    # 3 critic steps an iteration: the 20th call is the second of step 7; the third has every loss spoilt.
    error = diverged(tiny, tmp_path, Spoilt(good=19), "training.critic_steps=3")

    assert (error.step, error.cause) == (7, "the loss critic.spoilt is nan")


def test_a_gradient_that_is_no_number_is_found_at_its_own_step(tiny: Path, tmp_path: Path) -> None:
    error = diverged(tiny, tmp_path, Steep(), "training.critic_steps=1")

    assert error.step == 1
    assert error.cause == (
        "the critic's gradient is nan, though its loss is a number "
        "(critic.wasserstein, critic.gradient-penalty, critic.steep)"
    )


def test_nothing_is_read_from_the_device_between_two_lines(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        original = getattr(torch.Tensor, name)

        def read(self: Tensor) -> Any:
            reads.append(name)
            return original(self)

        return read

    for name in ("item", "tolist", "__float__", "__bool__"):
        monkeypatch.setattr(torch.Tensor, name, watched(name))
    # Random numbers are kept in tensors of the CPU, which nobody waits for.
    monkeypatch.setattr("zoo.training.trainer.restore_random_state", lambda *_arguments: None)
    trainer, log = trainer_of(plan_of(tiny)), MetricsLog(tmp_path)
    reads.clear()
    for step in trainer.steps(5):
        log.add(step)
    assert reads == []

    log.means()
    assert reads == ["tolist"]


def test_the_norm_of_the_gradient_is_logged(tiny: Path) -> None:
    trainer = trainer_of(plan_of(tiny, "training.critic_steps=1"))
    losses = trainer.train_step().losses
    gradients = [weight.grad for weight in trainer.generator.parameters() if weight.grad is not None]

    assert gradients
    whole = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    assert losses["generator.gradient-norm"].item() == pytest.approx(whole.item(), rel=1e-5)


PLUGIN = """
from pathlib import Path
from zoo.components import Loss
from zoo.hookspecs import hookimpl

CALLS = []

class Nan(Loss):
    name = "nan"
    first: int = 0
    last: int = 10**9

    def critic(self, batch):
        if len(batch.fake_scores) > 4:  # fewer tell how much memory the training will take
            CALLS.append(1)
        return batch.fake_scores.mean() * (float("nan") if self.first <= len(CALLS) <= self.last else 0.0)

@hookimpl
def zoo_register_losses():
    return [Nan]
"""
WITH_NAN = "losses=[{name='wasserstein'}, {name='gradient-penalty'}, {name='nan', first=7, last=%d}]"


def train(zoo: Zoo, tiny: Path, run: Path, last: int, *more: str) -> tuple[int, str, list[str]]:
    changes = (WITH_NAN % last, "training.critic_steps=1", "training.log_every=4", "training.steps=12")
    options = [word for change in changes for word in ("--set", change)]
    ran = zoo("train", tiny, "--out", run, *options, *more)
    return ran.code, ran.error if ran.code else "", ran.warnings


def test_a_plugins_nan_at_step_7_ends_the_run_by_name(
    zoo: Zoo, others: Plugins, tiny: Path, tmp_path: Path
) -> None:
    others.add("zoo-nan", PLUGIN)
    code, error, _ = train(zoo, tiny, tmp_path / "run", 10**9)

    assert code == 10
    assert error == (
        "step 7: the loss critic.nan is nan. Lower the learning rate with --set optimizers.critic.learning_rate=..., "
        "or let --on-nan rollback do it"
    )
    # Due at step 8, read at step 8, begun at step 7: what is kept is of step 6.
    assert [int(path.name[5:]) for path in checkpoints(tmp_path / "run")] == [2, 4, 6]
    assert (tmp_path / "run" / "generator" / "model.safetensors").is_file()


def test_a_rollback_goes_on_from_the_last_good_checkpoint_with_half_the_rates(
    zoo: Zoo, others: Plugins, tiny: Path, tmp_path: Path
) -> None:
    others.add("zoo-nan", PLUGIN)
    code, _, warnings = train(zoo, tiny, tmp_path / "run", 8, "--on-nan", "rollback")
    record = read_record(tmp_path / "run")
    recipe = tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())

    assert (code, record.state, record.step) == (0, "done", 12)
    assert record.rollbacks == [
        Rollback(
            step=7,
            cause="the loss critic.nan is nan",
            back_to=6,
            learning_rates={"critic": 1e-4, "generator": 1e-4},
        )
    ]
    assert warnings[-1] == (
        f"{tmp_path / 'run'}: step 7: the loss critic.nan is nan. Back to step 6 with learning rates 0.0001 (critic) "
        "and 0.0001 (generator)"
    )
    assert recipe["optimizers"]["critic"]["learning_rate"] == 1e-4
    steps = [line["step"] for line in lines(tmp_path / "run") if "critic" in line]
    assert steps == [4, 8, 12]


def test_after_three_rollbacks_it_ends(zoo: Zoo, others: Plugins, tiny: Path, tmp_path: Path) -> None:
    others.add("zoo-nan", PLUGIN)
    code, error, _ = train(zoo, tiny, tmp_path / "run", 10**9, "--on-nan", "rollback")
    record = read_record(tmp_path / "run")

    assert code == 10
    assert error == (
        "step 7: the loss critic.nan is nan. It went back 3 times, each time to half the learning rates: change the "
        "recipe"
    )
    assert [entry.learning_rates["critic"] for entry in record.rollbacks] == [1e-4, 5e-5, 2.5e-5]
    assert record.state == "failed"


@pytest.mark.parametrize("rate", ["1e10", "1e30"])
def test_a_rate_far_too_high_is_found_and_nothing_spoilt_is_kept(
    zoo: Zoo, tiny: Path, tmp_path: Path, rate: str
) -> None:
    run = tmp_path / "run"
    changes = ["--set", f"optimizers.critic.learning_rate={rate}", "--set", "training.checkpoint_every=1"]
    ran = zoo("train", tiny, "--out", run, "--steps", "30", *changes)

    assert ran.code == 10
    began = r"step \d+: the (loss (critic|generator)\S* is|(critic|generator)'s gradient is|weight \S+ )"
    assert re.match(began, ran.error)
    kept = [load_checkpoint(path)["trainer"] for path in checkpoints(run)]
    assert all(
        tensor.isfinite().all()
        for state in kept
        for part in ("generator", "critic", "ema")
        for tensor in state[part].values()
    )
