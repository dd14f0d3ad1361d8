"""What can go wrong in a training, and what is left then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import zoo as library
import zoo.data.npy
from tests.support.run_folders import drain, flip, lines
from zoo.errors import BusyError, DivergedError, InputError, IntegrityError
from zoo.generators.folder import GeneratorFolder
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import checkpoint_path, checkpoints
from zoo.runs.folder import latest_run
from zoo.runs.generator.write import write_generator, writing_generator
from zoo.runs.lock import held
from zoo.runs.new import new_run
from zoo.runs.options import TrainOptions
from zoo.runs.record import read_record
from zoo.runs.resume import reopen
from zoo.system.signals import Stop
from zoo_export.export import export, export_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator


pytest_plugins = ["tests.support.cli_fixtures"]


def test_a_loss_that_is_not_finite_ends_the_run_and_is_named(tiny: Path, tmp_path: Path) -> None:
    run = new_run(str(tiny), changes=["optimizers.critic.learning_rate=1e30"], out=tmp_path / "run")
    with pytest.raises(
        DivergedError, match=r"^step \d+: the loss (critic|generator)\.[a-z-]+ is (nan|-?inf)\. Lower"
    ):
        drain(run.go(4, Stop()))

    assert read_record(run.path).state == "failed"
    for path in checkpoints(run.path):
        weights = load_checkpoint(path)["trainer"]["generator"]
        assert all(tensor.isfinite().all() for tensor in weights.values())


def test_a_damaged_checkpoint_is_found_and_the_one_before_is_used(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    newest = checkpoints(run)[-1]
    file = newest / "state.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    with pytest.raises(IntegrityError, match=r"state.safetensors does not match its sha256"):
        load_checkpoint(newest)
    assert reopen(run).step == 2
    assert f"{newest}: state.safetensors does not match" in " ".join(capsys.readouterr().err.split())


def test_a_changed_data_set_is_refused_with_both_fingerprints(tiny: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    np.save(tmp_path / "data.npy", images)
    run = library.train(str(tiny), data=tmp_path / "data.npy", out=tmp_path / "run")
    os.utime(tmp_path / "data.npy")
    reopen(run)
    np.save(tmp_path / "data.npy", 255 - images)

    with pytest.raises(
        InputError, match=r"trained on images with fingerprint [0-9a-f]{12}, data.npy has [0-9a-f]{12}"
    ):
        reopen(run)


@pytest.mark.parametrize("change", ["cut short", "rewritten"])
def test_a_large_file_that_changes_under_a_training_ends_it_and_the_run_goes_on_with_the_old_one(
    change: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo.data.npy, "IN_MEMORY", 100)
    path = tmp_path / "data.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (90, 28, 28), np.uint8))
    before = path.read_bytes()
    run = new_run(str(tiny), data=path, out=tmp_path / "run")
    steps = run.go(4, Stop())
    assert [next(steps).step for _ in range(3)] == [1, 2, 3]
    if change == "cut short":
        os.truncate(path, 5000)
    else:
        path.write_bytes(before[:-9] + b"otherwise")
        os.utime(path, ns=(7, 7))
    with pytest.raises(InputError, match=r"data\.npy: it changed while it was read") as caught:
        next(steps)
    assert caught.value.exit_code == 3
    assert (read_record(run.path).state, read_record(run.path).step) == ("failed", 3)
    with pytest.raises(InputError, match="truncated" if change == "cut short" else "trained on images with"):
        reopen(run.path)
    path.write_bytes(before)
    assert library.resume(run.path) == run.path
    assert (read_record(run.path).state, read_record(run.path).step) == ("done", 4)


def test_a_small_file_may_change_under_a_training(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "data.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (90, 28, 28), np.uint8))
    run = new_run(str(tiny), data=path, out=tmp_path / "run")
    steps = run.go(4, Stop())
    next(steps)
    os.truncate(path, 100)
    assert [step.step for step in steps] == [2, 3, 4]


def test_two_processes_cannot_hold_one_run(tmp_path: Path) -> None:
    with (
        held(tmp_path),
        pytest.raises(
            BusyError,
            match=rf": process {os.getpid()} \(.*, since 20.*\) is training in it\. Wait for it, or stop it$",
        ),
        held(tmp_path),
    ):
        pass


def test_after_a_damaged_checkpoint_the_good_ones_are_kept(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), changes=["training.checkpoint_every=1"], out=tmp_path / "run")
    for damaged in checkpoints(run)[-2:]:
        flip(damaged / "state.safetensors")
    resumed = reopen(run)
    assert resumed.step == 2
    drain(resumed.go(3, Stop()))

    assert [path.name for path in checkpoints(run)][-2:] == ["step-00000002", "step-00000003"]
    assert reopen(run).step == 3


def test_where_no_checkpoint_is_whole_nothing_is_begun_anew(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    for damaged in checkpoints(run):
        flip(damaged / "state.safetensors")
    with pytest.raises(IntegrityError, match=r"run: of its 3 checkpoints none is whole\. Start a new run$"):
        reopen(run)

    assert len(lines(run)) == 5


def test_a_damaged_best_checkpoint_does_not_cost_the_generator(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), changes=["training.eval_every=4"], out=tmp_path / "run")
    flip(checkpoint_path(run, 4) / "state.safetensors")

    assert write_generator(run).verify().config.training.step == 2
    with pytest.raises(IntegrityError):
        write_generator(run, "4")


def test_a_diverged_run_keeps_the_generator_it_had(tiny: Path, tmp_path: Path) -> None:
    run = new_run(str(tiny), changes=["training.steps=9"], out=tmp_path / "run")
    steps = run.go(9, Stop())
    for _ in range(3):
        next(steps)
    torch.nn.init.constant_(next(run._trainer.generator.parameters()), float("nan"))
    with pytest.raises(DivergedError), writing_generator(run.path):
        drain(steps)

    assert read_record(run.path).state == "failed"
    assert GeneratorFolder.open(run.path / "generator").verify().config.training.step == 2


def test_a_figure_that_is_not_a_number_ends_the_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.evaluation.monitor.measure", lambda *_args, **_keywords: float("nan"))
    with pytest.raises(DivergedError) as caught:
        library.train(str(tiny), out=tmp_path / "run")

    assert str(caught.value).startswith("step 4: the metric swd is nan. Lower the learning rate with --set ")
    assert read_record(tmp_path / "run").best is None


def test_what_a_killed_process_was_writing_is_swept_away(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    half = run / "checkpoints" / "step-00000005.tmp-123"
    half.mkdir()
    (half / "state.safetensors").write_bytes(b"half")
    (run / ".run.json.tmp-123").write_bytes(b"half")
    drain(reopen(run, ["training.steps=5"]).go(5, Stop()))

    assert not [path for path in run.rglob("*") if ".tmp-" in path.name]


def test_a_run_killed_before_its_first_checkpoint_logs_each_step_once(tiny: Path, tmp_path: Path) -> None:
    run = new_run(str(tiny), out=tmp_path / "run")
    steps: Iterator[Any] = run.go(4, Stop())
    next(steps)
    resumed = reopen(run.path)
    assert resumed.step == 0
    drain(resumed.go(4, Stop()))

    assert [line["step"] for line in lines(run.path) if "critic" in line] == [1, 2, 3, 4]


def test_a_resume_elsewhere_says_that_it_cannot_be_exact(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = library.train(str(tiny), out=tmp_path / "run", precision="fp32")
    threads = torch.get_num_threads()
    capsys.readouterr()
    torch.set_num_threads(threads + 1)
    try:
        reopen(run, options=TrainOptions(precision="bf16"))
    finally:
        torch.set_num_threads(threads)

    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith(f"zoo: warning: {run}: hardware was ")
    assert said.endswith(
        f"precision was fp32 and is bf16, threads was {threads} and is {threads + 1}: "
        "it goes on, but not bit for bit as it would have"
    )


@pytest.mark.parametrize("change", ["optimizers.critic.name=rmsprop", "metric.patches=9"])
def test_what_the_checkpoint_does_not_fit_cannot_be_changed(tiny: Path, tmp_path: Path, change: str) -> None:
    run = library.train(str(tiny), steps=1, out=tmp_path / "run")
    changes = (
        [change, "optimizers.critic={name='rmsprop', learning_rate=1e-4}"] if "name" in change else [change]
    )
    with pytest.raises(InputError) as caught:
        reopen(run, changes)

    field, _, value = change.partition("=")
    was = {"optimizers.critic.name": "adam", "metric.patches": 4}[field]
    assert str(caught.value) == (
        f"{field}: it is {value}, and the checkpoint fits only {was}, as it was. Start a new run for another"
    )


def test_one_damaged_record_does_not_hide_the_other_runs(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = library.train(str(tiny), steps=1)
    Path("runs/broken").mkdir()
    Path("runs/broken/run.json").write_text("{")

    assert latest_run() == run
    assert "runs/broken/run.json: it is no JSON" in " ".join(capsys.readouterr().err.split())


def test_an_export_elsewhere_leaves_the_run_as_it_is(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    export(GeneratorFolder.open(run / "generator"))
    before = {path: path.read_bytes() for path in (run / "generator").rglob("*") if path.is_file()}
    report = export_checkpoint(run, "2", tmp_path / "copy")

    assert report.path == tmp_path / "copy" / "onnx" / "model.onnx"
    assert GeneratorFolder.open(tmp_path / "copy").verify().config.training.step == 2
    assert {path: path.read_bytes() for path in (run / "generator").rglob("*") if path.is_file()} == before
    with pytest.raises(InputError, match=r"copy: it exists already\. Give a new folder$"):
        export_checkpoint(run, "2", tmp_path / "copy")
    with held(run), pytest.raises(BusyError):
        export_checkpoint(run, "last", None)


def test_two_runs_that_start_at_once_get_folders_of_their_own(tiny: Path) -> None:
    first, second = new_run(str(tiny)), new_run(str(tiny))

    assert (first.path, second.path) == (Path("runs/tiny-1"), Path("runs/tiny-2"))
