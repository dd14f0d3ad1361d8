"""Run folders that a kill, a person or another version left in a state of their own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from unittest.mock import Mock, call

import pytest

import zoo as library
from tests.support.run_folders import flip, lines
from zoo.errors import InputError
from zoo.generators.folder import GeneratorFolder
from zoo.runs.checkpoints.names import checkpoint_path, checkpoints
from zoo.runs.metrics_log import figure_at
from zoo.runs.record import read_record
from zoo.runs.resume import reopen
from zoo.system.atomic import sha256_file
from zoo.system.signals import Terminated, arrived, deferred

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]


def test_a_run_killed_after_its_last_checkpoint_is_finished_by_a_resume(
    zoo: Zoo, tiny: Path, tmp_path: Path
) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    done = zoo("resume", run)
    assert (done.code, done.error) == (3, f"{run}: it has made 4 of 4 steps. Name more with --steps")

    shutil.rmtree(run / "generator")
    (run / "run.json").write_text((run / "run.json").read_text().replace('"done"', '"running"'))
    ran = zoo("resume", run)
    assert (ran.code, ran.out) == (0, f"{run / 'generator'}\n")
    assert read_record(run).state == "done"
    assert GeneratorFolder.open(run / "generator").verify().config.training.step == 4


def test_a_generator_older_than_the_run_is_made_anew(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    shutil.copytree(run / "generator", tmp_path / "old")
    library.resume(run, steps=6)
    shutil.rmtree(run / "generator")
    (tmp_path / "old").rename(run / "generator")  # as a kill just before the new one leaves it
    ran = zoo("resume", run)

    assert ran.code == 0
    assert GeneratorFolder.open(run / "generator").verify().config.training.steps == 6


def test_checkpoints_that_are_gone_do_not_start_the_run_over(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    ran = zoo("resume", run, "--steps", "5")

    assert ran.code == 4
    assert ran.error == f"{run}: its checkpoints are gone; it had made 4 steps. Start a new run"
    assert len(lines(run)) == 5


@pytest.mark.parametrize("way", [["resume", "--steps", "6"], ["export", "--onnx", "--checkpoint", "last"]])
def test_tensors_too_large_for_the_recipe_are_not_read(
    zoo: Zoo, tiny: Path, tmp_path: Path, way: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    newest = checkpoints(run)[-1]
    os.truncate(newest / "state.safetensors", 1 << 40)  # of holes: a disk of any size holds it
    read = Mock(side_effect=sha256_file)
    monkeypatch.setattr("zoo.runs.checkpoints.checkpoint.sha256_file", read)
    ran = zoo(way[0], run, *way[1:])

    assert f"{newest}: state.safetensors has 1,099,511,627,776 bytes, and a checkpoint of this" in ran.err
    assert ran.code == 0, "the checkpoint before it serves"
    assert call(newest / "state.safetensors") not in read.mock_calls


def test_how_large_a_checkpoint_may_be_is_told_by_the_recipe_that_it_was_trained_by(
    zoo: Zoo, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    asked = Mock(return_value=None)
    monkeypatch.setattr("zoo.runs.resume.most_tensor_bytes", asked)
    ran = zoo("resume", run, "--steps", "6", "--set", "architecture.latent_dim=7")

    assert ran.code == 3
    assert "architecture.latent_dim" in ran.error
    assert asked.call_args.args[0].architecture.latent_dim != 7


def test_a_resume_that_is_refused_changes_nothing(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    flip(checkpoint_path(run, 4) / "state.safetensors")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    # There is nothing to do from step 2 to step 2, and the run is not complete without its damaged checkpoint.
    ran = zoo("resume", run, "--set", "architecture.latent_dim=9")

    assert ran.code == 3
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_checkpoint_of_another_version_is_refused_and_kept(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    newest = checkpoints(run)[-1]
    values = (newest / "state.json").read_text().replace('{"format": 1', '{"format": 2', 1)
    (newest / "state.json").write_text(values)
    manifest = json.loads((newest / "manifest.json").read_text())
    manifest["state.json"] = hashlib.sha256(values.encode()).hexdigest()
    (newest / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(
        InputError,
        match=r"step-00000004: its format is 2, and this version reads 1: it was made by a newer zoo\. Upgrade",
    ):
        reopen(run)

    assert newest in checkpoints(run)


def test_what_is_no_checkpoint_is_left_alone(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), out=tmp_path / "run")
    (run / "checkpoints" / "step-mine").mkdir()
    (run / "checkpoints" / "step-00000009").write_text("a file")
    library.resume(run, steps=5)

    assert [int(path.name[5:]) for path in checkpoints(run)] == [2, 4, 5]
    assert (run / "checkpoints" / "step-mine").is_dir()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"fingerprint"', '"finger"', "it lacks 'fingerprint'. Restore it or start a new run"),
        ('"cpu"', '"tpu"', "there is no device 'tpu' with precision 'fp32'. Restore it or start anew"),
    ],
)
def test_a_damaged_record_is_told(tiny: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    run = library.train(str(tiny), steps=1, out=tmp_path / "run", device="cpu", precision="fp32")
    (run / "run.json").write_text((run / "run.json").read_text().replace(old, new))
    with pytest.raises(InputError) as caught:
        reopen(run)

    assert str(caught.value) == f"{run / 'run.json'}: {said}"


def test_a_seed_cannot_be_changed_afterwards(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), steps=1, out=tmp_path / "run")
    with pytest.raises(
        InputError, match=r"^training\.seed: it is 99, and the checkpoint fits only 0, as it was"
    ):
        reopen(run, ["training.seed=99"])


def test_nobody_reading_what_is_said_does_not_end_a_training(tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [sys.executable, "-m", "zoo", "train", str(tiny), "--out", str(run)],
        stderr=writer, stdout=subprocess.PIPE, text=True, timeout=120, check=False,
    )  # fmt: skip
    os.close(writer)

    assert (ran.returncode, ran.stdout) == (0, f"{run / 'generator'}\n")
    assert read_record(run).state == "done"


def test_a_signal_in_an_import_waits_for_its_end() -> None:
    reached = []

    def interrupted() -> None:
        with deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            reached.append(1)

    with pytest.raises(Terminated):
        interrupted()
    arrived.clear()
    assert reached == [1]


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"[1]", b'{"step": 3, "swd": null}', b"[" * 100_000, b'{"step": 3']
)
def test_a_damaged_line_costs_no_figure(line: bytes, tmp_path: Path) -> None:
    lines = [b'{"step": 3, "swd": 7.5, "best": true}', line, b'{"step": 4, "swd": 9.0}']
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join(lines))

    assert figure_at(tmp_path, "swd", 3) == 7.5
    assert figure_at(tmp_path, "swd", 5) is None
