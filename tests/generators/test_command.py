"""The command that trains the same again: right for every way to train, and without a word about anybody's machine."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo as library
from zoo.errors import InputError
from zoo.generators.command import asked_command, finished_command, started_command, with_changes
from zoo.generators.folder import GeneratorFolder
from zoo_hub.card.card import render
from zoo_hub.card.text import escape

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

QUICK = ("training.eval_every=9", "training.log_every=3")


def command_of(run: Path) -> str | None:
    return GeneratorFolder.open(run / "generator").config.training.command


def weights(run: Path) -> str | None:
    return GeneratorFolder.open(run / "generator").config.digest


@pytest.mark.parametrize(
    ("change", "written"),
    [
        ("losses.0.weight=2", "losses.0.weight=2"),
        ("data.path=/srv/me/a b.npy", "data.path=a b.npy"),
        ("data.path=~/x.npy", "data.path=x.npy"),
        ("data.path=../me/pictures/", "data.path=pictures"),
        ("data.path=/srv/true", 'data.path="true"'),
        ("data.path='C:\\me\\x.npy'", "data.path=x.npy"),
        ('data={name="array", path="/srv/x.npy", limit=3}', 'data={"name" = "array", "path" = "x.npy", "limit" = 3}'),
        ('x=[1.5, true, "/srv/x"]', 'x=[1.5, true, "x"]'),
        ("metric.features=timm:org/net", "metric.features=timm:org/net"),
    ],
)  # fmt: skip
def test_paths_lose_their_folders_and_nothing_else_changes(change: str, written: str) -> None:
    command = asked_command("camel-gan", [change])

    assert command == shlex.join(["zoo", "train", "camel-gan", "--set", written])


def test_a_path_that_begins_here_is_known_by_its_being_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("me").mkdir()
    for name in ("x.npy", "my.toml"):
        Path("me", name).touch()

    assert asked_command("me/my.toml", ["data.path=me/x.npy", "metric.features=me/y"]) == (
        "zoo train my.toml --set data.path=x.npy --set metric.features=me/y"
    )
    monkeypatch.chdir("me")
    assert asked_command("camel-gan", data=Path()) == "zoo train camel-gan --data me"


@pytest.mark.parametrize(
    "change",
    ["a=`b`", "a=<b>", "a=b|c", "a=b\\c", "a=b\nc", "a=\x1b[2J", "a=\u202eb", "a=\udc80", "a=" + "x" * 990],
)
def test_what_a_card_or_a_terminal_cannot_show_is_no_command(change: str) -> None:
    assert asked_command("camel-gan", [change]) is None
    assert with_changes("zoo train camel-gan", [change]) is None


def test_no_command_names_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/people/me")

    assert asked_command("camel-gan", ["x=local:/srv/people/me/net"]) is None
    assert (
        asked_command("camel-gan", ["x=local:/srv/people"]) == "zoo train camel-gan --set x=local:/srv/people"
    )


def test_its_parts_are_put_together_in_one_order() -> None:
    asked = asked_command("camel-gan", ["training.seed=3", "data.bundled=true", "training.steps=5"])
    assert asked == "zoo train camel-gan --set data.bundled=true"
    assert started_command(asked, 3, "auto", {"bundled": True}) == f"{asked} --seed 3"
    begun = started_command("zoo train camel-gan", 0, "bf16", {"bundled": True, "limit": 9})
    assert begun == (
        "zoo train camel-gan --set data.bundled=true --set data.limit=9 --precision bf16 --seed 0"
    )
    assert finished_command("zoo train x --seed 3", 0, rolled_back=False) == "zoo train x --seed 3"
    assert finished_command("zoo train x", 7, rolled_back=True) == "zoo train x --steps 7 --on-nan rollback"
    assert finished_command(None, 7, rolled_back=True) is None


def test_the_command_trains_the_same_weights_from_both_interfaces_and_after_a_resume(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.parent)
    # Without a metric the generator is the last one: a run is measured where it was stopped, too.
    tiny.write_text(tiny.read_text("utf-8").partition("[metric]")[0])
    changes = [*QUICK, "losses.1.weight=3"]
    run = library.train(str(tiny.absolute()), steps=1, seed=5, changes=changes, out="run")
    sets = " ".join(f"--set {change}" for change in changes)
    first = f"zoo train tiny.toml {sets} --set data.bundled=true --seed 5 --steps 1"
    assert command_of(run) == first
    library.resume(run, steps=2, changes=["training.checkpoint_every=1"])
    command = command_of(run)
    assert command == first.removesuffix("1") + "2", "further, and saved more often: the weights are the same"

    program, *words = shlex.split(str(command))
    assert program == "zoo"
    assert zoo(*words, "--out", "again").code == 0
    assert weights(Path("again")) == weights(run)
    assert command_of(Path("again")) == command
    assert json.loads(zoo("info", run, "--json").out)["training"]["command"] == command
    card = render("me/x", GeneratorFolder.open(run / "generator").config)
    assert f"| command | {escape(str(command))} |" in card

    other = shutil.copytree(Path("again"), Path("other"))
    assert zoo("resume", other, "--steps", "3", "--set", "losses.1.weight=4").code == 0
    assert command_of(other) is None, "no single command changes a loss on the way"


def test_nothing_says_where_images_and_recipe_lie(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home of me"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    np.save(home / "my own.npy", np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8))

    run = library.train(
        str(tiny), steps=1, data=home / "my own.npy", changes=QUICK, out="run", precision="fp32"
    )

    folder = GeneratorFolder.open(run / "generator")
    assert folder.config.training.command == (
        "zoo train tiny.toml --data 'my own.npy' --set training.eval_every=9 --set training.log_every=3 "
        "--precision fp32 --seed 0 --steps 1"
    )
    assert str(tmp_path) not in folder.config.model_dump_json() + render("me/x", folder.config)


def test_a_swept_run_knows_the_command_without_its_sweep(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.parent)
    words = f"train tiny.toml --sweep losses.1.weight=2,3 --steps 1 --seed 4 --set {QUICK[0]} --out s"
    swept = zoo(*words.split())
    assert swept.code == 0
    run = Path("s", "weight=3,seed=4")
    command = command_of(run)
    assert command == (
        f"zoo train tiny.toml --set {QUICK[0]} --set losses.1.weight=3 --set data.bundled=true --seed 4 --steps 1"
    )
    assert zoo(*shlex.split(str(command))[1:], "--out", "again").code == 0
    assert weights(Path("again")) == weights(run)

    record = json.loads(Path("s", "sweep.json").read_bytes())
    Path("s", "sweep.json").write_text(json.dumps({**record, "train_command": "a\nb"}))
    assert zoo("resume", "s").code == 3


@pytest.mark.parametrize("wrong", [5, ["zoo"], "", "x" * 1001, "a\nb", "`rm`"])
def test_a_strangers_run_folder_says_it_in_a_line_or_is_refused(
    trained: Path, tmp_path: Path, wrong: object
) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    record = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps({**record, "train_command": wrong}))

    with pytest.raises(InputError, match=r"run\.json: train_command: "):
        library.resume(run)


def test_a_run_of_a_release_that_wrote_none_has_none(trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    record = json.loads((run / "run.json").read_bytes())
    del record["train_command"]
    (run / "run.json").write_text(json.dumps(record))

    library.resume(run, steps=5)

    assert command_of(run) is None
