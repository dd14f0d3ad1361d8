"""`zoo list`, `zoo info`, `zoo plugins`: what is said, to people and to programs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import zoo as library
from zoo.generators.folder import GeneratorFolder
from zoo.plugins.manager import BUILTIN_PLUGINS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

SUBJECTS = {
    "camel": "camels, 28 x 28 grey",
    "horse": "horses, 32 x 32 colour",
    "face": "faces, 64 x 64 colour",
}
METHODS = {"gan": "GAN", "wgan": "WGAN", "wgangp": "WGAN-GP"}


def test_list_has_every_subject_with_every_method(zoo: Zoo) -> None:
    ran = zoo("list", "--json")
    listed = json.loads(ran.out)

    assert (ran.code, ran.err) == (0, "")
    assert listed["recipes"] == {
        f"{subject}-{method}": f"{title} that makes {things}"
        for subject, things in SUBJECTS.items()
        for method, title in METHODS.items()
    }
    assert set(listed["components"]["loss"]) == {"bce", "gradient-penalty", "wasserstein"}
    assert all(summary for members in listed["components"].values() for summary in members.values())
    assert listed["runs"] == []


def test_list_says_the_same_to_people(zoo: Zoo) -> None:
    listed, lines = json.loads(zoo("list", "--json").out), zoo("list").out.splitlines()

    for name, summary in listed["recipes"].items():
        assert any(line.split(maxsplit=1) == [name, summary] for line in lines)
    for kind, members in listed["components"].items():
        assert kind in lines
        assert all(any(line.split()[0] == name for line in lines) for name in members)


def test_list_shows_the_runs_that_are_here(zoo: Zoo, tiny: Path) -> None:
    library.train(str(tiny), steps=1)

    assert json.loads(zoo("list", "--json").out)["runs"] == ["runs/tiny-1"]
    assert zoo("list").out.splitlines()[-2:] == ["runs here", "  runs/tiny-1"]


@pytest.mark.parametrize(
    ("name", "critic", "generator"),
    [("camel-gan", 720833, 837377), ("horse-wgan", 670401, 879619), ("face-wgangp", 4314753, 5150723)],
)
def test_info_of_a_recipe_counts_the_parameters_of_the_notes(
    name: str, critic: int, generator: int, zoo: Zoo
) -> None:
    facts, text = json.loads(zoo("info", name, "--json").out), zoo("info", name).out

    assert facts["parameters"] == {"critic": critic, "generator": generator}
    assert facts["provider"] == {"distribution": "gan-model-zoo", "version": library.__version__}
    assert ["critic", str(critic)] in [line.split() for line in text.splitlines()]
    assert ["generator", str(generator)] in [line.split() for line in text.splitlines()]
    assert text.endswith(facts["text"])


def test_info_of_a_recipe_file(zoo: Zoo, tiny: Path) -> None:
    facts = json.loads(zoo("info", tiny, "--json").out)

    assert facts["image_shape"] == [1, 28, 28]
    assert facts["text"] == tiny.read_text()


def test_info_of_a_component_has_types_defaults_and_help(zoo: Zoo) -> None:
    facts = json.loads(zoo("info", "dcgan", "--json").out)

    assert facts["architecture"] == "dcgan"
    assert facts["fields"]["latent_dim"] == {
        "type": "integer >= 1 <= 4096",
        "default": 100,
        "help": "length of the latent vector z",
    }
    assert facts["fields"]["initial"]["type"] == (
        "[integer >= 1 <= 256, integer >= 1 <= 256, integer >= 1 <= 8192]"
    )
    assert facts["fields"]["generator_activation"]["type"] == "'relu' | 'leaky-relu'"
    assert facts["fields"]["generator_batch_norm_momentum"]["type"] == "number > 0 < 1 | null"
    assert facts["fields"]["generator_upsample"]["type"] == "list of 1 | 2"
    assert all(row["help"] for row in facts["fields"].values())


def test_info_of_a_component_to_people(zoo: Zoo) -> None:
    assert zoo("info", "gradient-penalty").out.splitlines() == [
        "loss: gradient-penalty",
        "summary: Hold the critic's slope near one between real and fake (Gulrajani et al. 2017, eq. 3).",
        "paper: Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017, arXiv:1704.00028, section 4",
        "provider",
        "  distribution                   gan-model-zoo",
        f"  version                        {library.__version__}",
        "fields",
        "  weight                         number >= 0 = 10.0  lambda in the paper",
        "  interval                       integer >= 1 = 1  apply on every n-th step, n times as strong",
    ]


def test_info_of_a_run_and_of_its_generator_is_its_config(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), steps=1, out=tmp_path / "run")
    config = GeneratorFolder.open(run / "generator").config.model_dump(mode="json")

    for place in (run, run / "generator"):
        facts = json.loads(zoo("info", place, "--json").out)
        assert facts == {"generator": str(run / "generator"), **config}
    assert "recipe: tiny" in zoo("info", run).out.splitlines()


def test_a_folder_does_not_hide_what_has_a_name(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dcgan").mkdir()
    monkeypatch.chdir(tmp_path)

    assert zoo("info", "dcgan").out.startswith("architecture: dcgan\n")


def test_plugins_shows_the_built_in_ones_in_the_order_of_loading(zoo: Zoo) -> None:
    rows = json.loads(zoo("plugins", "--json").out)
    built_in = [row for row in rows if row["distribution"] == "gan-model-zoo"]

    assert [row["name"] for row in built_in] == [name for names in BUILTIN_PLUGINS.values() for name in names]
    assert {(row["status"], row["reason"]) for row in built_in} == {("loaded", "")}
    assert all(row["hooks"] for row in built_in)
    lines = [line.split() for line in zoo("plugins").out.splitlines()]
    assert [
        "zoo_plugins.losses.bce",
        "gan-model-zoo",
        library.__version__,
        "loaded",
        "register_losses",
    ] in lines


def test_python_m_zoo_is_the_command() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "zoo", "--version"], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"zoo, version {library.__version__}\n", "")
