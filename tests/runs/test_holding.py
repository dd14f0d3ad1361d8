"""One process a run folder, and folders that cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import zoo as library
from zoo.errors import BusyError, InputError, ResourceError
from zoo.runs.checkpoints.checkpoint import checkpoint_bytes, load_checkpoint
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.claim import claimed
from zoo.runs.lock import held, is_held
from zoo.runs.new import new_run
from zoo.runs.options import TrainOptions
from zoo.runs.record import read_record
from zoo.runs.resume import reopen
from zoo.system.atomic import write_atomic
from zoo.system.disk_space import refuse_without_room
from zoo.system.signals import Stop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]


def test_who_holds_is_known_while_it_holds(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    with held(tmp_path):
        assert is_held(tmp_path)
        assert json.loads((tmp_path / ".holder").read_text())["pid"] == os.getpid()
    assert not is_held(tmp_path)
    assert not (tmp_path / ".holder").exists()


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        (
            {"host": "elsewhere", "pid": 5},
            r": process 5 on elsewhere \(zoo train x, since noon\) is training in it",
        ),
        ({"host": socket.gethostname(), "pid": 2**22 + 1}, r": another process is training in it"),
        ({}, r": another process is training in it"),
    ],
)
def test_a_holder_is_named_as_far_as_it_is_known(
    tmp_path: Path, signed: dict[str, str | int], said: str
) -> None:
    facts = {"command": "zoo train x", "since": "noon", **signed}
    with held(tmp_path):
        (tmp_path / ".holder").write_text(json.dumps(facts))
        with pytest.raises(BusyError, match=said), held(tmp_path):
            pass


def test_a_start_that_fails_takes_away_only_what_it_made(tmp_path: Path) -> None:
    there = tmp_path / "empty"
    there.mkdir()
    with pytest.raises(ZeroDivisionError), claimed(there, fresh=False):
        1 / 0  # noqa: B018
    assert list(there.iterdir()) == []

    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "new", fresh=True):
        1 / 0  # noqa: B018
    assert not (tmp_path / "new").exists()


def test_what_a_start_killed_early_left_does_not_stand_in_the_way(tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in (".lock", ".holder", "recipe.toml", ".run.json.tmp-77"):
        (run / name).write_text("")
    library.train(str(tiny), steps=1, out=run)

    assert read_record(run).state == "done"
    assert not list(run.glob(".*.tmp-*"))


def test_a_folder_in_use_is_refused_before_anything_else(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), steps=1, out=tmp_path / "run")
    with held(run):
        ran = zoo("train", "no-such-recipe", "--out", run)
    assert ran.code == 7
    with pytest.raises(InputError, match=r"run: it is already there\. Give --out a new folder"):
        library.train(str(tiny), out=run)


SAY_WHAT_IS_IMPORTED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules))
sys.argv = ["zoo", *sys.argv[1:]]
from zoo.cli.main import main
main()
"""


@pytest.mark.parametrize("arguments", [["train", "camel-gan", "--out"], ["resume"]])
def test_who_comes_too_late_is_refused_before_anything_is_imported(
    arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text("{}")
    with held(tmp_path):
        ran = subprocess.run(
            [sys.executable, "-c", SAY_WHAT_IS_IMPORTED, *arguments, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert ran.returncode == 7, ran.stderr
    heavy = {"torch", "numpy", "pydantic", "rich", "pluggy", "importlib.metadata", "zoo_export", "zoo_hub"}
    assert heavy & set(ran.stdout.split()) == set()
    assert "zoo.runs.lock" in ran.stdout.split()


def test_a_disk_without_room_is_found_before_the_first_step(
    zoo: Zoo, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.system.disk_space.free_bytes", lambda _path: 50_000)
    ran = zoo("train", tiny, "--out", tmp_path / "run")
    size = new_run(str(tiny), out=tmp_path / "other").checkpoint_bytes

    assert ran.code == 5
    assert ran.error == (
        f"{tmp_path / 'run'}: it takes up to {5 * size:,} bytes (5 of {size:,}), and 50,000 bytes are free there. "
        "Free space, or choose another place"
    )
    assert not (tmp_path / "run").exists()


RMSPROP = "optimizers.critic={name='rmsprop', learning_rate=1e-4}"


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [RMSPROP],
        ["optimizers.generator={name='rmsprop', learning_rate=1e-4}", RMSPROP, "training.log_every=3"],
        ["training.log_every=4", "architecture.initial=[7, 7, 128]"],
        ["losses=[{name='bce'}]", "training.critic_steps=1", "metric={name='swd', patches=4}"],
    ],
)
def test_the_size_of_a_checkpoint_is_known_before_the_first_step(
    changes: list[str], tiny: Path, tmp_path: Path
) -> None:
    run = new_run(
        str(tiny), ["training.checkpoint_every=1", "training.eval_every=2", *changes], out=tmp_path / "run"
    )
    told = run.checkpoint_bytes
    steps = run.go(3, Stop())
    for _ in steps:
        newest = checkpoints(run.path)[-1]
        real = sum(file.stat().st_size for file in newest.iterdir())
        assert real <= told <= 1.2 * real
        state = load_checkpoint(newest)
        assert real <= checkpoint_bytes(state) <= 1.02 * real

    assert [int(path.name[5:]) for path in checkpoints(run.path)] == [1, 2, 3]
    assert reopen(run.path).checkpoint_bytes == pytest.approx(told, rel=0.02), "and when it goes on"


def test_a_limit_on_the_size_of_files_is_found_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.system.disk_space.file_size_limit", lambda: 1024)
    with pytest.raises(ResourceError) as caught:
        refuse_without_room(tmp_path, 2048)

    assert str(caught.value) == (
        f"{tmp_path}: it takes up to 2,048 bytes, and a file of this process may have 1,024 (ulimit -f). "
        "Raise that limit"
    )


def test_a_disk_that_fills_in_between_costs_no_checkpoint(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(str(tiny), out=tmp_path / "run", options=TrainOptions(precision="fp32"))
    steps = run.go(4, Stop())
    for _ in range(3):
        next(steps)
    monkeypatch.setattr("zoo.system.disk_space.free_bytes", lambda _path: 10)
    with pytest.raises(
        ResourceError, match=r"step-00000004: it takes up to [0-9,]+ bytes, and 10 bytes are free"
    ):
        list(steps)
    monkeypatch.undo()

    assert read_record(run.path).state == "failed"
    assert [int(path.name[5:]) for path in checkpoints(run.path)] == [0, 2]
    assert load_checkpoint(checkpoints(run.path)[-1])["trainer"]["step"] == 2
    assert not list(run.path.rglob("*.tmp-*"))
    assert reopen(run.path).step == 2


def test_a_run_folder_that_is_removed_is_not_made_again(tiny: Path, tmp_path: Path) -> None:
    run = new_run(str(tiny), out=tmp_path / "run")
    steps = run.go(4, Stop())
    next(steps)
    shutil.rmtree(run.path)
    with pytest.raises(
        ResourceError, match=r"run/metrics\.jsonl: its [0-9,]+ bytes cannot be written: No such file"
    ):
        list(steps)

    assert not run.path.exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(28, "No space left on device"),
            "No space left on device; 3 bytes are free. Free space there, or choose another place",
        ),
        # What may not be written does not depend on free space.
        (PermissionError(13, "Permission denied"), "Permission denied. Choose another place, or mend that"),
    ],
)
def test_a_disk_that_refuses_is_told_with_the_path_and_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def refused(_handle: int) -> None:
        raise error

    monkeypatch.setattr("zoo.system.atomic.os.fsync", refused)
    monkeypatch.setattr("zoo.system.atomic.free_bytes", lambda _path: 3)
    with pytest.raises(ResourceError) as caught:
        write_atomic(tmp_path / "file", b"x" * 2000)

    assert str(caught.value) == f"{tmp_path / 'file'}: its 2,000 bytes cannot be written: {said}"
    assert list(tmp_path.iterdir()) == []
