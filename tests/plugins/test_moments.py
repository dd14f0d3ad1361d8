"""A run tells plugins what happens, in order; one that raises does not stop it. And who opens a NAME."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import zoo as library
from zoo.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

TRACKER = """
import json
from pathlib import Path
from zoo.hookspecs import hookimpl

LOG = Path(LOG_FILE)

def note(*facts):
    with LOG.open("a") as file:
        file.write(json.dumps(facts) + "\\n")

@hookimpl
def zoo_run_started(run):
    note("started", str(run.path), run.recipe.name, run.step)

@hookimpl
def zoo_step_logged(step, metrics):
    note("logged", step, sorted(metrics))

@hookimpl
def zoo_run_evaluated(step, value, best, probe):
    note("evaluated", step, value > 0, best, probe.step)

@hookimpl
def zoo_samples_drawn(step, pictures):
    note("drawn", step, list(pictures.shape), str(pictures.dtype), pictures.flags.writeable)

@hookimpl
def zoo_checkpoint_saved(run, path):
    note("saved", run.step, str(path), path.is_dir())

@hookimpl
def zoo_run_finished(run, outcome):
    note("finished", run.step, outcome)
"""


def test_the_moments_come_in_order_with_their_facts(
    others: Plugins, tiny: Path, zoo: Zoo, tmp_path: Path
) -> None:
    log, run = tmp_path / "log.jsonl", tmp_path / "run"
    others.add("zoo-tracker", TRACKER.replace("LOG_FILE", repr(str(log))))

    ran = zoo("train", tiny, "--out", run)

    assert ran.code == 0
    sides = {
        "critic": ["gradient-norm", "gradient-penalty", "wasserstein"],
        "generator": ["gradient-norm", "wasserstein"],
    }
    losses = [name for side, parts in sides.items() for name in (side, *(f"{side}.{part}" for part in parts))]
    losses += ["images_per_second", "seconds"]
    drawn = [[64, 28, 28], "uint8", False]
    assert [json.loads(line) for line in log.read_text().splitlines()] == [
        ["started", str(run), "tiny", 0],
        ["saved", 0, str(run / "checkpoints" / "step-00000000"), True],
        ["logged", 1, losses],
        ["drawn", 1, *drawn],
        ["logged", 2, losses],
        ["saved", 2, str(run / "checkpoints" / "step-00000002"), True],
        ["logged", 3, losses],
        ["logged", 4, losses],
        ["logged", 4, ["swd"]],
        ["evaluated", 4, True, True, 4],
        ["drawn", 4, *drawn],
        ["saved", 4, str(run / "checkpoints" / "step-00000004"), True],
        ["finished", 4, "done"],
    ]


def test_a_moment_that_raises_does_not_stop_the_training(
    others: Plugins, tiny: Path, zoo: Zoo, tmp_path: Path
) -> None:
    others.add(
        "zoo-clumsy",
        "from zoo.hookspecs import hookimpl\n@hookimpl\n"
        "def zoo_step_logged(step): raise RuntimeError('no server')\n",
    )

    ran = zoo("train", tiny, "--steps", "2", "--out", tmp_path / "run")

    assert ran.code == 0
    assert ran.out == f"{tmp_path / 'run' / 'generator'}\n"
    assert [warning for warning in ran.warnings if "plugin" in warning] == [
        "plugin clumsy of zoo-clumsy 1.0: its zoo_step_logged failed: RuntimeError: no server. "
        "It is told nothing more of this run"
    ]


def test_a_moment_that_raises_does_not_silence_the_other_plugins(
    others: Plugins, tiny: Path, zoo: Zoo, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    others.add("zoo-tracker", TRACKER.replace("LOG_FILE", repr(str(log))))
    for name in ("zoo-before", "zoo-zealous"):  # loading goes by name, and pluggy asks the newest first
        others.add(
            name,
            "import sys\nfrom zoo.hookspecs import hookimpl\n"
            "@hookimpl\ndef zoo_step_logged(run): raise ValueError\n"
            "@hookimpl\ndef zoo_run_started(): sys.exit(5)\n",
        )

    ran = zoo("train", tiny, "--steps", "1", "--out", tmp_path / "run")

    assert ran.code == 0
    moments = [json.loads(line)[0] for line in log.read_text().splitlines()]
    assert moments == [
        "started", "saved", "logged", "logged", "evaluated", "drawn", "saved", "finished"
    ]  # fmt: skip
    assert ran.err.count("SystemExit: 5. It is told nothing more of this run") == 2, "each once"


OPENER = """
from zoo.generators.generator import Generator
from zoo.hookspecs import hookimpl

class Toy(Generator):
    latent_dim, image_shape, provider = 2, (1, 1, 1), "toy"

    def generate(self, z):
        return z[:, :1, None, None]

@hookimpl(tryfirst=True)
def zoo_open_generator(name):
    BODY
"""


def test_a_plugin_opens_names_that_are_nobody_elses(others: Plugins) -> None:
    others.add(
        "zoo-toys", OPENER.replace("BODY", "return Toy() if name == 'toy' else None"), group="zoo.commands"
    )

    assert library.load("toy").sample(3).shape == (3, 1, 1)
    with pytest.raises(InputError, match=r"^toyz: there is no such run, generator folder or \.onnx file"):
        library.load("toyz")


def test_what_lies_on_this_disk_is_opened_by_the_built_in(others: Plugins, tmp_path: Path) -> None:
    others.add("zoo-greedy", OPENER.replace("BODY", "return Toy()"), group="zoo.commands")
    (tmp_path / "notes.txt").touch()

    with pytest.raises(InputError, match=r"notes\.txt: it is a file, but no \.onnx file"):
        library.load(tmp_path / "notes.txt")


def test_an_opener_that_raises_is_named(others: Plugins, zoo: Zoo) -> None:
    others.add("zoo-shaky", OPENER.replace("BODY", "return 1 / 0"), group="zoo.commands")

    ran = zoo("generate", "toy")

    assert ran.code == 3
    assert ran.error == (
        "toy: plugin shaky of zoo-shaky failed to open it: ZeroDivisionError: division by zero. "
        "Set ZOO_DISABLE=zoo-shaky to do without it"
    )
