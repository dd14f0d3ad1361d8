"""A training on disk: what it leaves, how it stops, and that going on is the same as never having stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import zoo
from tests.support.run_folders import drain, figures, lines
from zoo.errors import InputError
from zoo.generators.folder import GeneratorFolder
from zoo.recipes.recipe import read_recipe
from zoo.runs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.folder import latest_run, new_run_path
from zoo.runs.generator.write import write_generator
from zoo.runs.new import new_run
from zoo.runs.options import TrainOptions
from zoo.runs.record import Best, Change, read_record
from zoo.runs.resume import reopen
from zoo.system.signals import Stop, stop_on_signals


def test_a_training_leaves_the_whole_run_folder(tiny: Path, tmp_path: Path) -> None:
    run = zoo.train(str(tiny), out=tmp_path / "run", precision="fp32")
    record = read_record(run)

    assert (record.state, record.step, record.seed) == ("done", 4, 0)
    assert record.data.images == 100
    assert record.data.stand_in == "data.bundled is set, so the 100 bundled camel drawings are used"
    assert record.protocol is not None
    assert record.best is not None
    assert "training images" in record.protocol, "100 are too few to hold any out"
    assert [line["step"] for line in lines(run)] == [1, 2, 3, 4, 4]
    assert lines(run)[-1]["swd"] == record.best.value
    assert [path.name for path in checkpoints(run)] == [f"step-{step:08d}" for step in (0, 2, 4)]
    with Image.open(run / "samples" / "step-000004.png") as samples:
        assert samples.size == (484, 484)
    config = GeneratorFolder.open(run / "generator").verify().config
    assert (config.training.step, config.training.value) == (4, record.best.value)
    assert sorted(config.files) == ["model.safetensors", "samples.png"]
    assert [paper.partition(" ")[0] for paper in config.papers] == [
        "Radford,",
        "Arjovsky,",
        "Gulrajani",
        "Karras",
    ]
    assert not list(run.rglob("*.tmp-*"))


def test_a_run_stopped_and_resumed_equals_one_that_never_stopped(tiny: Path, tmp_path: Path) -> None:
    straight = zoo.train(str(tiny), out=tmp_path / "straight", precision="fp32")
    run, stop = new_run(str(tiny), out=tmp_path / "broken", options=TrainOptions(precision="fp32")), Stop()
    for progress in run.go(4, stop):
        # Not at a checkpoint's own step: the stop itself must save.
        stop.signal = signal.SIGTERM if progress.step == 3 else None
    assert run.step == 3
    resumed = reopen(run.path)
    assert resumed.step == 3
    drain(resumed.go(4, Stop()))

    ours, theirs = (load_checkpoint(checkpoints(path)[-1]) for path in (tmp_path / "broken", straight))
    for part in ("generator", "critic", "ema"):
        assert all(
            torch.equal(ours["trainer"][part][key], theirs["trainer"][part][key])
            for key in ours["trainer"][part]
        )
    assert figures(tmp_path / "broken") == figures(straight)


def test_a_stop_saves_the_step_it_stopped_at(tiny: Path, tmp_path: Path) -> None:
    run = new_run(str(tiny), out=tmp_path / "run")
    with stop_on_signals() as stop:
        for progress in run.go(4, stop):
            if progress.step == 1:
                os.kill(os.getpid(), signal.SIGINT)
    record = read_record(run.path)
    folder = write_generator(run.path)

    assert stop.signal == signal.SIGINT
    assert run.outcome == record.state == "stopped"
    assert run.step == record.step == 1
    assert checkpoints(run.path)[-1].name == "step-00000001"
    assert folder.verify().config.training.step == 1


def test_the_best_by_the_metric_is_published_not_the_last(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([3.0, 1.0, 2.0, 5.0])
    monkeypatch.setattr("zoo.evaluation.monitor.measure", lambda *_args, **_keywords: next(values))
    run = zoo.train(str(tiny), changes=["training.eval_every=1"], out=tmp_path / "run")

    assert read_record(run).best == Best(step=2, value=1.0)
    assert GeneratorFolder.open(run / "generator").verify().config.training.step == 2
    best, last = (
        load_file(write_generator(run, which).file("model.safetensors")) for which in ("best", "last")
    )
    assert any(not torch.equal(best[name], last[name]) for name in best)
    assert write_generator(run, "last").verify().config.training.value == 5.0, (
        "each has the figure of its own step"
    )
    assert write_generator(run, "1").verify().config.training.value == 3.0
    with pytest.raises(InputError, match=r"^--checkpoint 77: .*run has none of that step. It has 1, 2, 4$"):
        write_generator(run, "77")


def test_looking_changes_nothing_about_the_training(tiny: Path, tmp_path: Path) -> None:
    seen = zoo.train(
        str(tiny), changes=["training.eval_every=1", "training.sample_every=1"], out=tmp_path / "a"
    )
    unseen = zoo.train(
        str(tiny), changes=["training.eval_every=4", "training.sample_every=4"], out=tmp_path / "b"
    )
    losses = [[line["critic"] for line in lines(run) if "critic" in line] for run in (seen, unseen)]

    assert losses[0] == losses[1]


def test_checkpoints_hold_any_nest_of_tensors_and_values(tmp_path: Path) -> None:
    state = {
        "a": [1, 2.5, None, "x"],
        "b": {3: torch.arange(4).float(), "c": {"d": True}},
        "e": (torch.zeros(()),),
    }
    back = load_checkpoint(save_checkpoint(tmp_path, 1, state))

    assert back["a"] == state["a"]
    assert torch.equal(back["b"][3], torch.arange(4).float())
    assert back["b"]["c"] == {"d": True}
    assert torch.equal(back["e"][0], torch.zeros(()))


def test_only_the_last_three_and_the_best_are_kept(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([1.0, *range(2, 9)])
    monkeypatch.setattr("zoo.evaluation.monitor.measure", lambda *_args, **_keywords: float(next(values)))
    changes = ["training.eval_every=1", "training.checkpoint_every=1"]
    run = zoo.train(str(tiny), steps=6, changes=changes, out=tmp_path / "run")

    assert [int(path.name[5:]) for path in checkpoints(run)] == [1, 4, 5, 6]


def test_images_of_the_wrong_size_are_refused_and_leave_nothing(tiny: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "big.npy", np.zeros((5, 32, 32, 3), np.uint8))
    with pytest.raises(InputError) as caught:
        zoo.train(str(tiny), data=tmp_path / "big.npy", out=tmp_path / "run")

    assert str(caught.value) == (
        "big.npy: its images are 32 x 32 colour, tiny makes 28 x 28 grey. Give a folder or zip of images, which are "
        "resized, or take another recipe"
    )
    assert not (tmp_path / "run").exists()


def test_runs_are_numbered_and_the_latest_goes_by_its_start(tiny: Path) -> None:
    first = zoo.train(str(tiny), steps=1)
    second = zoo.train(str(tiny), steps=1)
    os.utime(first / "run.json")

    assert (first, second) == (Path("runs/tiny-1"), Path("runs/tiny-2"))
    assert latest_run() == second


def test_a_folder_that_is_there_is_not_written_over(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match=r"run: it is already there\. Give --out a new folder$"):
        zoo.train(str(tiny), out=tmp_path / "run")

    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_a_sample_that_stands_in_is_written_into_the_resolved_recipe(tiny: Path, tmp_path: Path) -> None:
    text = tiny.read_text().replace(
        "[architecture]", '[[data.sample.augmentations]]\nname = "affine"\n\n[architecture]'
    )
    tiny.write_text(text)
    # What a recipe says when the host cannot be reached; the sample is then asked for by name.
    run = new_run(str(tiny), changes=["data.bundled=true"], out=tmp_path / "run")
    drain(run.go(1, Stop()))

    resolved = (run.path / "recipe.toml").read_text()
    assert [component.name for component in run.plan.augmentations] == ["affine"]
    assert "bundled = true" in resolved
    assert "data.sample" not in resolved
    assert "[[augmentations]]" in resolved or "augmentations = [" in resolved


def test_a_change_on_resume_is_recorded_and_another_architecture_refused(tiny: Path, tmp_path: Path) -> None:
    path = zoo.train(str(tiny), steps=1, out=tmp_path / "run")
    drain(reopen(path, ["training.steps=2", "optimizers.critic.learning_rate=1e-4"]).go(2, Stop()))

    fields: dict[str, list[Any]] = {"optimizers.critic.learning_rate": [2e-4, 1e-4], "training.steps": [1, 2]}
    assert read_record(path).changes == [Change(step=1, fields=fields)]
    assert reopen(path)._trainer.critic_optimizer.param_groups[0]["lr"] == 1e-4
    with pytest.raises(InputError) as caught:
        reopen(path, ["architecture.latent_dim=9"])
    assert str(caught.value) == (
        "architecture.latent_dim: it is 9, and the checkpoint fits only 8, as it was. Start a new run for another"
    )


def test_a_runs_recipe_has_every_field(tiny: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", np.zeros((20, 28, 28), np.uint8))
    run = new_run(str(tiny), data=tmp_path / "own.npy", out=tmp_path / "run")

    assert "interval" not in run.plan.recipe.losses[0]
    assert run.recipe.losses[0] == {"name": run.plan.losses[0].name, **run.plan.losses[0].model_dump()}
    assert run.recipe.training == run.plan.training
    drain(run.go(1, Stop()))
    assert read_recipe(tmp_path / "run" / "recipe.toml").losses == run.recipe.losses


def test_going_on_with_the_same_run_keeps_its_figures(tiny: Path, tmp_path: Path) -> None:
    run = new_run(str(tiny), out=tmp_path / "run")
    drain(run.go(2, Stop()))
    before = lines(run.path)
    drain(run.go(4, Stop()))

    assert before
    assert lines(run.path)[: len(before)] == before
    assert [line["step"] for line in lines(run.path)] == sorted(line["step"] for line in lines(run.path))
    assert lines(run.path)[-1]["step"] == 4


def test_digits_that_are_no_number_are_no_step_and_no_number_of_a_run(tiny: Path, tmp_path: Path) -> None:
    for name in ("tiny-2", "tiny-²", f"tiny-{'9' * 200}"):
        (tmp_path / name).mkdir()
    assert new_run_path("tiny", tmp_path) == tmp_path / "tiny-3"

    run = new_run(str(tiny), out=tmp_path / "run")
    drain(run.go(1, Stop()))
    with pytest.raises(InputError, match=r"^--checkpoint ²: it is neither best nor last nor a step"):
        write_generator(run.path, "²")
