"""Two plugins that bring the same name: an error for the recipe that uses it, and for nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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


def test_a_rival_of_a_built_in_is_named_beside_it(others: Plugins, zoo: Zoo) -> None:
    others.add("zoo-rival", LOSS.replace("NAME", "bce"))

    ran = zoo("train", "camel-gan")

    assert ran.code == 2
    assert ran.error == (
        "camel-gan.toml [losses.0]: bce: the loss comes from gan-model-zoo and zoo-rival. "
        "Turn one off with ZOO_DISABLE=zoo-rival"
    )


def test_elsewhere_the_built_in_wins(others: Plugins, zoo: Zoo) -> None:
    others.add("zoo-rival", LOSS.replace("NAME", "bce"))

    info = json.loads(zoo("info", "bce", "--json").out)
    listed = json.loads(zoo("list", "--json").out)["components"]["loss"]

    assert info["provider"]["distribution"] == "gan-model-zoo"
    assert listed["bce"] == info["summary"]


def test_two_recipes_of_one_name(others: Plugins, tiny: Path, zoo: Zoo) -> None:
    copy = others.folder / "camel-gan.toml"
    copy.write_text(tiny.read_text().replace('"tiny"', '"camel-gan"'))
    others.add(
        "zoo-rival",
        "from pathlib import Path\nfrom zoo.hookspecs import hookimpl\n"
        f"@hookimpl\ndef zoo_register_recipes(): return [Path({str(copy)!r})]\n",
    )

    refused = zoo("train", "camel-gan")

    assert refused.code == 2
    assert refused.error == (
        "camel-gan: the recipe comes from gan-model-zoo and zoo-rival. Turn one off with ZOO_DISABLE=zoo-rival"
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
