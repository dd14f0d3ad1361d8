"""Two plugins that bring the same name: an error for a recipe of one's own that uses it, and for nobody else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.cli_fixtures import forget_plugins
from tests.support.other_plugins import LOSS
from zoo.components import Dataset
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import load_plan

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]


@pytest.fixture
def rivals(others: Plugins) -> Plugins:
    for name in ("zoo-ours", "zoo-theirs"):
        others.add(name, LOSS.replace("NAME", "hinge"))
    return others


@pytest.mark.usefixtures("rivals")
def test_the_recipe_that_uses_it_is_refused_and_told_the_way_out(tiny: Path, zoo: Zoo) -> None:
    ran = zoo("train", tiny, "--set", "losses.0.name=hinge")

    assert ran.code == 2
    assert ran.error == (
        "tiny.toml [losses.0]: hinge: the loss comes from zoo-ours and zoo-theirs. "
        "Turn one off with ZOO_DISABLE=zoo-ours"
    )
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.usefixtures("rivals")
def test_the_way_out_leads_out(tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_DISABLE", "zoo-ours")
    changes = ["--set", "losses.1.name=hinge", "--set", "losses.1.weight=1"]

    ran = zoo("train", tiny, "--steps", "2", *changes, "--out", tmp_path / "run")

    assert ran.code == 0
    losses = json.loads((tmp_path / "run" / "generator" / "config.json").read_bytes())["training"]["losses"]
    assert losses[1]["provider"] == {"distribution": "zoo-theirs", "version": "1.0"}


@pytest.mark.usefixtures("rivals")
def test_recipes_that_do_not_use_it_are_untouched(tiny: Path) -> None:
    plan = load_plan(tiny)

    assert [loss.name for loss in plan.losses] == ["wasserstein", "gradient-penalty"]


def test_a_rival_of_a_built_in_is_named_beside_it(others: Plugins, tiny: Path, zoo: Zoo) -> None:
    others.add("zoo-rival", LOSS.replace("NAME", "wasserstein"))

    ran = zoo("train", tiny)

    assert ran.code == 2
    assert ran.error == (
        "tiny.toml [losses.0]: wasserstein: the loss comes from gan-model-zoo and zoo-rival. "
        "Turn one off with ZOO_DISABLE=zoo-rival"
    )


RIVAL = (
    "camel-wgangp.toml: loss wasserstein: what zoo-rival brings of this name is not used. "
    "Set ZOO_DISABLE=zoo-rival to be told no more"
)
SMALL = [
    "--steps", "1", "--set", "training.batch_size=2", "--set", "training.critic_steps=1",
    "--set", "data.bundled=true", "--set", "training.eval_every=100",
]  # fmt: skip


def test_in_a_built_in_recipe_the_built_in_wins_with_one_line(
    others: Plugins, zoo: Zoo, tmp_path: Path
) -> None:
    others.add("zoo-rival", LOSS.replace("NAME", "wasserstein"))
    others.add("zoo-bystander", LOSS.replace("NAME", "hinge"))

    ran = zoo("train", "camel-wgangp", *SMALL, "--out", tmp_path / "run")

    assert (ran.code, ran.warnings[:-1]) == (0, [RIVAL])
    losses = json.loads((tmp_path / "run" / "generator" / "config.json").read_bytes())["training"]["losses"]
    assert {loss["provider"]["distribution"] for loss in losses} == {"gan-model-zoo"}
    assert zoo("info", "camel-wgangp").code == 0


def test_a_run_goes_on_with_what_it_was_trained_with(
    others: Plugins, tiny: Path, zoo: Zoo, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert zoo("train", tiny, "--steps", "1", "--out", run).code == 0
    others.add("zoo-rival", LOSS.replace("NAME", "wasserstein"))
    forget_plugins()

    resumed, exported = (
        zoo("resume", run, "--steps", "2"),
        zoo("export", run, "--checkpoint", "last", "--onnx"),
    )

    assert (resumed.code, exported.code) == (0, 0)
    assert resumed.warnings == [RIVAL.replace("camel-wgangp.toml", str(run / "recipe.toml"))]


def test_of_two_that_a_run_was_trained_with_none_is_chosen(
    others: Plugins, tiny: Path, zoo: Zoo, tmp_path: Path
) -> None:
    others.add("zoo-rival", LOSS.replace("NAME", "early"))
    run = tmp_path / "run"
    changes = ["--set", "losses.1.name=early", "--set", "losses.1.weight=1"]
    assert zoo("train", tiny, "--steps", "1", *changes, "--out", run).code == 0
    (others.folder / "zoo_rival.py").write_text(
        LOSS.replace("NAME", "early")
        .replace("return [Mine]", "return [Mine, Late]")
        .replace("@hookimpl", "class Late(Mine):\n    name = 'wasserstein'\n\n@hookimpl")
    )
    forget_plugins()
    del sys.modules["zoo_rival"]

    ran = zoo("resume", run, "--steps", "2")

    assert ran.code == 2
    assert "the loss comes from gan-model-zoo and zoo-rival" in ran.error


def test_elsewhere_the_built_in_wins(others: Plugins, zoo: Zoo) -> None:
    others.add("zoo-rival", LOSS.replace("NAME", "bce"))

    info = json.loads(zoo("info", "bce", "--json").out)
    listed = json.loads(zoo("list", "--json").out)["components"]["loss"]

    assert info["provider"]["distribution"] == "gan-model-zoo"
    assert listed["bce"] == info["summary"]


def test_of_two_recipes_of_one_name_the_built_in_is_taken(
    others: Plugins, tiny: Path, zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = others.folder / "camel-gan.toml"
    copy.write_text(tiny.read_text().replace('"tiny"', '"camel-gan"'))
    others.add(
        "zoo-rival",
        "from pathlib import Path\nfrom zoo.hookspecs import hookimpl\n"
        f"@hookimpl\ndef zoo_register_recipes(): return [Path({str(copy)!r})]\n",
    )

    plan = load_plan("camel-gan")

    assert plan.recipe.name == "camel-gan"
    assert plan.recipe.summary != "A WGAN-GP of a few thousand weights on the bundled drawings"
    assert capsys.readouterr().err == (
        "zoo: warning: camel-gan.toml: recipe camel-gan: what zoo-rival brings of this name is not used. "
        "Set ZOO_DISABLE=zoo-rival to be told no more\n"
    )
    info = json.loads(zoo("info", "camel-gan", "--json").out)
    assert info["provider"]["distribution"] == "gan-model-zoo"


def test_a_rival_data_set_does_not_take_what_data_names(others: Plugins) -> None:
    code = LOSS.replace("Loss", "Dataset").replace("losses", "datasets").replace("NAME", "array")
    others.add("zoo-rival", code.replace("def critic(self, batch):", "def images(self):"))

    entry = load_registry().entries("dataset")["array"]

    assert issubclass(entry.component, Dataset)
    assert entry.provider.distribution == "gan-model-zoo"


def test_a_command_cannot_replace_a_built_in_one(others: Plugins, zoo: Zoo) -> None:
    code = """
import click
from zoo.hookspecs import hookimpl

@click.command("NAME")
def mine():
    click.echo("mine")

@hookimpl
def zoo_register_commands(cli):
    cli.add_command(mine)
"""
    others.add("zoo-thief", code.replace("NAME", "list"), group="zoo.commands")
    others.add("zoo-extra", code.replace("NAME", "extra"), group="zoo.commands")

    extra, listed = zoo("extra"), zoo("list", "--json")

    assert (extra.code, extra.out) == (0, "mine\n")
    assert extra.warnings == [
        "plugin thief of zoo-thief 1.0 is left out: ValueError: there is a command 'list' already. "
        "Mend it, uninstall it, or set ZOO_DISABLE=zoo-thief"
    ]
    assert "recipes" in json.loads(listed.out)
