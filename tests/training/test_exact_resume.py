"""Everything that decides the future is in a checkpoint: a training taken up from one is the one that never stopped."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest
import torch

import zoo
from tests.support.run_folders import drain, figures
from tests.support.training import leaves, plan_of, trainer_of
from zoo.components import Augmentation, Plan
from zoo.data.sampler import Sampler
from zoo.plugins.planning import load_plan
from zoo.runs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.metrics_log import MetricsLog
from zoo.runs.new import new_run
from zoo.runs.options import TrainOptions
from zoo.runs.record import Change, read_record
from zoo.runs.resume import reopen
from zoo.system.signals import Stop
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

RECIPES = [
    f"{pictures}-{kind}" for pictures in ("camel", "horse", "face") for kind in ("gan", "wgan", "wgangp")
]


def small_trainer(recipe: str) -> Trainer:
    steps = 1 if recipe.endswith("-gan") else 2
    changes = ("training.batch_size=2", f"training.critic_steps={steps}")
    plan = load_plan(recipe, changes)
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(
        0, 256, (8, *plan.architecture.image_shape), dtype=torch.uint8, generator=generator
    )
    return Trainer(plan, Sampler(pixels, torch.arange(8), torch.device("cpu")), torch.device("cpu"))


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_goes_on_bit_for_bit(recipe: str, tmp_path: Path) -> None:
    straight = small_trainer(recipe)
    straight.train_step()
    path = save_checkpoint(tmp_path, 1, straight.state_dict())
    straight.train_step()
    resumed = small_trainer(recipe)
    resumed.train_step()
    resumed.train_step()
    resumed.load_state_dict(load_checkpoint(path))
    resumed.train_step()

    ours, theirs = leaves(resumed.state_dict()), leaves(straight.state_dict())
    assert len(ours) > 40
    assert ours == theirs


class Chancy(Augmentation):
    """Draws from every source of chance there is, and counts in a buffer."""

    name: ClassVar[str] = "chancy"

    def augment(self, images: Tensor) -> Tensor:
        """Return images a little brighter, by chance; of the normal numbers that come in pairs it takes one."""
        return images + 0.01 * (random.gauss() + float(np.random.standard_normal()) + float(torch.rand(())))


def chancy(plan: Plan) -> Plan:
    return replace(plan, augmentations=(Chancy(),))


def test_pythons_and_numpys_random_numbers_go_on_where_they_were(tiny: Path, tmp_path: Path) -> None:
    straight = trainer_of(chancy(plan_of(tiny)))
    straight.train_step()
    path = save_checkpoint(tmp_path, 1, straight.state_dict())
    straight.train_step()
    wanted = leaves(straight.state_dict())
    resumed = trainer_of(chancy(plan_of(tiny)))
    resumed.load_state_dict(load_checkpoint(path))
    resumed.train_step()

    assert leaves(resumed.state_dict()) == wanted


def test_what_others_draw_between_two_steps_changes_nothing(tiny: Path) -> None:
    quiet, noisy = trainer_of(chancy(plan_of(tiny))), trainer_of(chancy(plan_of(tiny)))
    for _ in range(3):
        quiet.train_step()
    wanted = leaves(quiet.state_dict())
    for _ in range(3):
        random.random(), np.random.random(), torch.rand(3)
        noisy.train_step()
        random.seed(), np.random.seed(), torch.seed()

    assert leaves(noisy.state_dict()) == wanted


def test_a_seed_decides_the_random_numbers_of_plugins_too(tiny: Path) -> None:
    first = trainer_of(chancy(plan_of(tiny)))
    first.train_step()
    wanted = leaves(first.state_dict())
    second = trainer_of(chancy(plan_of(tiny)))
    second.train_step()

    assert leaves(second.state_dict()) == wanted


def test_losses_between_two_lines_of_the_log_are_not_lost(tiny: Path, tmp_path: Path) -> None:
    changes = ["training.log_every=3", "training.steps=6", "losses.1.interval=2", "training.eval_every=5"]
    straight = zoo.train(str(tiny), changes=changes, out=tmp_path / "straight", precision="fp32")
    options = TrainOptions(precision="fp32")
    run, stop = new_run(str(tiny), changes=changes, out=tmp_path / "broken", options=options), Stop()
    for progress in run.go(6, stop):
        stop.signal = 2 if progress.step == 4 else None
    drain(reopen(run.path).go(6, Stop()))

    assert [line["step"] for line in figures(straight)] == [3, 5, 6, 6]
    assert figures(run.path) == figures(straight)


def test_the_log_is_cut_back_to_where_the_checkpoint_was_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = MetricsLog(tmp_path)
    log.write({"step": 1})
    state = log.state_dict()
    log.write({"step": 2})
    with log.path.open("a") as file:
        file.write('{"step": 3, "cri')
    log.load_state_dict(state)
    log.cut_back(state["offset"])
    assert log.path.read_text() == '{"step": 1}\n'

    log.path.write_text('{"st')
    log.cut_back(state["offset"])
    assert log.path.read_text() == ""
    assert capsys.readouterr().err == (
        f"zoo: warning: {log.path}: 8 bytes of its end are lost. The training goes on without them\n"
    )


def test_a_checkpoint_says_what_it_was_made_from_and_with(tiny: Path, tmp_path: Path) -> None:
    run = zoo.train(str(tiny), steps=1, out=tmp_path / "run", precision="fp32")
    state, record = load_checkpoint(checkpoints(run)[-1]), read_record(run)

    assert state["recipe"]["architecture"]["latent_dim"] == 8
    assert state["fingerprint"] == record.data.fingerprint
    assert state["surroundings"] == {
        key: getattr(record, key)
        for key in ("device", "hardware", "instruction_set", "threads", "precision", "ranks", "versions")
    }


def test_a_recipe_that_was_changed_by_hand_is_noticed_and_recorded(tiny: Path, tmp_path: Path) -> None:
    run = zoo.train(str(tiny), steps=1, out=tmp_path / "run")
    recipe = run / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("steps = 1\n", "steps = 2\n", 1))
    for _ in range(2):  # the second time as after a kill: recorded once all the same
        reopened = reopen(run)
        reopened._note("running")

    assert read_record(run).changes == [Change(step=1, fields={"training.steps": [1, 2]})]


def test_resume_from_python_goes_on(tiny: Path, tmp_path: Path) -> None:
    run = zoo.train(str(tiny), steps=2, out=tmp_path / "run")

    assert zoo.resume(run, steps=3) == run
    assert (read_record(run).state, read_record(run).step) == ("done", 3)
