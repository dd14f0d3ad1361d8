"""Pretrained generators: whole, small enough, opened by their names, and never stood in for."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo
from zoo.errors import InputError
from zoo.generators.bundled import bundled_folder, bundled_generators
from zoo.generators.folder import GeneratorFolder
from zoo.plugins.planning import load_plan
from zoo_hub.card.card import render

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

NAMES = ["camel-gan", "camel-wgan", "camel-wgangp", "cat-wgangp", "horse-wgan", "horse-wgangp"]
NOWHERE = "http://127.0.0.1:9"


def test_they_are_there_and_take_less_than_14_megabytes() -> None:
    folders = bundled_generators()

    assert list(folders) == NAMES
    files = [path for folder in folders.values() for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 14e6


@pytest.mark.parametrize("name", NAMES)
def test_each_is_whole_and_says_where_it_comes_from(name: str) -> None:
    config = GeneratorFolder.open(bundled_generators()[name]).verify().config

    assert sorted(config.files) == ["onnx/model_fp16.onnx", "onnx/report.json", "samples.png"]
    assert config.training.value is not None
    assert config.training.protocol
    assert config.data.licence not in ("", "unknown")


@pytest.mark.parametrize("name", NAMES)
def test_each_has_the_card_that_its_facts_make(name: str) -> None:
    folder = GeneratorFolder.open(bundled_generators()[name])
    card = (folder.read_card() or b"").decode()

    written, expected = (_without_pictures(text) for text in (card, render(name, folder.config)))
    assert written == expected
    assert f"zoo generate {name} -n 64" in card
    assert "- Collapse check: of 64 pictures" in card


def _without_pictures(card: str) -> list[str]:
    """Return a card's lines but the one of what was measured on pictures, which differ a little by machine."""
    return [line for line in card.splitlines() if "Collapse" not in line]


@pytest.mark.parametrize("name", NAMES)
def test_each_names_the_command_that_made_it_with_machine_time_and_papers(name: str) -> None:
    config = GeneratorFolder.open(bundled_generators()[name]).config
    training = config.training

    program, verb, recipe, *options = shlex.split(str(training.command))
    assert (program, verb, recipe) == ("zoo", "train", config.recipe)
    assert ("--seed", str(training.seed)) in pairwise(options)
    assert training.seconds > 0
    assert training.hardware
    assert config.papers


@pytest.mark.parametrize("name", ["camel-gan", "camel-wgan", "camel-wgangp"])
def test_the_command_takes_the_images_that_it_learnt_from(name: str) -> None:
    config = GeneratorFolder.open(bundled_generators()[name]).config
    options = shlex.split(str(config.training.command))[3:]
    changes = [value for option, value in pairwise(options) if option == "--set"]
    plan = load_plan(config.recipe, changes)

    assert plan.data.images().fingerprint == config.data.fingerprint


@pytest.mark.parametrize("name", NAMES)
def test_each_draws_by_its_name_and_the_same_in_any_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HUB_OWNER", "somebody")
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
    generator = zoo.load(name)
    pictures = generator.sample(3, seed=1)

    assert pictures.std() > 20, "there is something on them"
    assert np.array_equal(pictures[:1], generator.sample(1, seed=1))


def test_what_lies_here_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("camel-gan").mkdir()
    with pytest.raises(InputError, match="it is a folder, but neither a run nor a generator"):
        zoo.load("camel-gan")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "camel", "camel-gan/", "pretrained", "../pretrained/camel-gan"]
)
def test_only_a_whole_name_is_one(name: str) -> None:
    assert bundled_folder(name) is None


def test_the_command_line_draws_lists_and_describes_them(zoo: Zoo) -> None:
    drawn = zoo("generate", "cat-wgangp", "-n", "4", "--out", "cats.png")
    listed, both, alone = zoo("list"), zoo("info", "camel-wgangp"), zoo("info", "cat-wgangp")

    assert (drawn.code, drawn.out.strip()) == (0, "cats.png")
    lines = listed.out.splitlines()
    heads = [
        index
        for index, line in enumerate(lines)
        if line.startswith("pretrained generators (zoo generate NAME)")
    ]
    assert [lines[index].partition("measured on ")[2] for index in heads] == [
        "100 images, bundled sample",
        "3,999 images, Quick, Draw! cats, the first 3,999 bitmaps",
        "6,000 images, CIFAR-10 horses",
    ], "figures of different protocols stand in tables of their own"
    assert [lines[index + 1].split()[0] for index in heads] == ["camel-gan", "cat-wgangp", "horse-wgan"]
    assert "on 3,999 images, swd 18.41 (lower is better), 2.1 MB" in listed.out
    assert "recipe: camel-wgangp" in both.out
    assert "zoo generate camel-wgangp" in both.out
    assert "zoo train camel-wgangp --set data.bundled=true --seed 1" in both.out
    assert "recipe: camel-wgangp" in alone.out, "the recipe that it was trained by"
    assert "cat-wgangp" in alone.out
    assert not {"{", "[", '"'} & set(alone.out), "facts are for people here, and JSON comes with --json"
