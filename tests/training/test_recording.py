"""Replaying an iteration: bit for bit what the iteration does."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.support.recorded import STEPS, assert_same_training, eager_of, plan_of, recorded_of, unexpected
from tests.support.tape import CPU, Tape, TapeRecorder
from zoo.data.sampler import Sampler, sampler_on
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import load_plan
from zoo.runs import new, resume
from zoo.runs.options import TrainOptions
from zoo.runs.record import read_record
from zoo.runs.resume import reopen
from zoo.system.signals import Stop
from zoo.training.graph_trainer import WARM_UP, GraphTrainer
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.components import Plan
    from zoo.images import Images
    from zoo.runs.run import Run
    from zoo.training.device import Precision


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("training.accumulate=2",),
        ('losses=[{name="bce"}]', "training.critic_steps=1", "architecture.critic_dropout=0.4"),
        ('losses=[{name="wasserstein"}]', 'regularizers=[{name="weight-clipping"}]'),
        ('augmentations=[{name="affine"}]', 'optimizers.critic={name="rmsprop", learning_rate=5e-5}'),
    ],
    ids=["wgangp", "accumulate", "gan", "wgan", "affine-rmsprop"],
)
def test_replays_are_the_iteration_bit_for_bit(tiny: Path, changes: tuple[str, ...]) -> None:
    recorder = TapeRecorder()
    trainer = recorded_of(plan_of(tiny, *changes), recorder)
    assert_same_training(trainer, eager_of(plan_of(tiny, *changes)))

    assert trainer.uses_graph
    assert (recorder.performed, len(recorder.tapes)) == (WARM_UP, 1)


def test_replays_round_as_the_iteration_does(tiny: Path) -> None:
    plan = plan_of(tiny)

    assert_same_training(recorded_of(plan, precision="bf16"), eager_of(plan, "bf16"))


def test_a_run_that_is_measured_sampled_saved_and_resumed_between_replays_is_the_same(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorded(
        plan: Plan, images: Images, device: torch.device, precision: Precision, *_: Any, **__: Any
    ) -> Trainer:
        return GraphTrainer(plan, sampler_on(device, images), device, precision, TapeRecorder(), unexpected)

    changes = ("sample_every=2", "eval_every=3", "checkpoint_every=5", f"steps={2 * STEPS}")
    for name in ("eager", "recorded"):
        run = new.new_run(
            str(tiny),
            changes=[f"training.{change}" for change in changes],
            out=tmp_path / name,
            options=TrainOptions(precision="fp32"),
        )
        drained(run, STEPS)
        drained(reopen(run.path), 2 * STEPS)
        # From here on for the second of them.
        monkeypatch.setattr(new, "make_trainer", recorded)
        monkeypatch.setattr(resume, "make_trainer", recorded)
    assert [read_record(tmp_path / name).cuda_graph for name in ("eager", "recorded")] == [False, True]
    assert figures(tmp_path / "recorded") == figures(tmp_path / "eager")
    for sample in sorted((tmp_path / "eager" / "samples").iterdir()):
        assert (tmp_path / "recorded" / "samples" / sample.name).read_bytes() == sample.read_bytes()


def drained(run: Run, until: int) -> None:
    for _ in run.go(until, Stop()):
        pass


def figures(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if "second" not in name} for line in lines]


def test_losses_with_an_interval_make_a_recording_for_each_kind_of_iteration(tiny: Path) -> None:
    recorder = TapeRecorder()
    plan = plan_of(tiny, "losses.1.interval=2")
    assert_same_training(recorded_of(plan, recorder), eager_of(plan), 2 * STEPS)

    assert len(recorder.tapes) == 2


def test_figures_of_a_step_outlive_the_next_replay(tiny: Path) -> None:
    plan = plan_of(tiny)
    mine, theirs = (
        torch.stack(
            [torch.stack([value for _, value in step.scalars]) for step in list(trainer.steps(STEPS))]
        )
        for trainer in (recorded_of(plan), eager_of(plan))
    )

    assert torch.equal(mine, theirs)
    assert len({tuple(row) for row in mine.tolist()}) == STEPS


def test_a_checkpoint_is_gone_on_from_by_a_new_recording(tiny: Path) -> None:
    plan, recorder = plan_of(tiny), TapeRecorder()
    recorded, eager = recorded_of(plan, recorder), eager_of(plan)
    assert_same_training(recorded, eager)
    state = copy.deepcopy(eager.state_dict())
    assert_same_training(recorded, eager, STEPS + 2)
    recorded.load_state_dict(copy.deepcopy(state))
    eager.load_state_dict(state)
    assert_same_training(recorded, eager, STEPS + 3)

    assert (recorder.performed, len(recorder.tapes)) == (2 * WARM_UP, 1)
    assert_same_training(recorded, eager, 2 * STEPS)
    assert (recorder.performed, len(recorder.tapes)) == (2 * WARM_UP, 2)


def test_a_rollback_to_the_very_beginning_warms_up_again(tiny: Path) -> None:
    """Its checkpoint has no moments of optimizers yet."""
    plan = plan_of(tiny, "training.critic_steps=1")
    recorded, eager = recorded_of(plan), eager_of(plan)
    first = copy.deepcopy(eager.state_dict())
    assert_same_training(recorded, eager)
    recorded.load_state_dict(copy.deepcopy(first))
    eager.load_state_dict(first)
    assert_same_training(recorded, eager)


def test_iterations_in_which_no_loss_is_due_are_not_recorded(tiny: Path) -> None:
    plan = plan_of(tiny, 'losses=[{name="bce", interval=2}]', "training.critic_steps=1")
    recorder = TapeRecorder()
    steps = list(recorded_of(plan, recorder).steps(2 * STEPS))

    assert [bool(step.scalars) for step in steps] == [True, False] * STEPS
    assert len(recorder.tapes) == 1


@pytest.mark.parametrize("recipe", sorted(load_registry().recipes()))
def test_no_recipe_waits_for_the_device_or_makes_a_tensor_elsewhere(
    recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU could not record. A tensor made without a device would be the CPU's there; here it has no memory."""
    monkeypatch.setattr("zoo.layers.blocks.VECTOR_WIDTH", 0)  # what only CPUs do
    small = ("training.batch_size=2", "training.critic_steps=1", 'augmentations=[{name="affine"}]')
    plan = load_plan(recipe, small)
    pixels = torch.zeros(4, *plan.architecture.image_shape, dtype=torch.uint8)
    trainer = Trainer(plan, Sampler(pixels, torch.arange(4), CPU), CPU)
    trainer.train_step()  # in which optimizers make their moments
    with torch.device("meta"), Tape():
        step = trainer.train_step()

    assert torch.stack([value for _, value in step.scalars]).isfinite().all()
