"""Values of the wrong kind, at commands, in Python and in files: one line and the right exit code."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import torch

import zoo as library
from tests.support.handmade import build
from tests.support.run_folders import bare_record
from tests.support.training import plan_of
from zoo.components import Architecture
from zoo.errors import InputError
from zoo.figures.evaluate import evaluate
from zoo.plugins import planning
from zoo.runs.record import read_record
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

RANGES = [
    (["generate", "camel-wgangp", "-n", "x"], "'x' is no whole number. Give one from 1"),
    (["generate", "camel-wgangp", "-n", "2.5"], "'2.5' is no whole number. Give one from 1"),
    (
        ["generate", "camel-wgangp", "--seed", "0x1"],
        "'0x1' is no whole number. Give one from 0 to 18446744073709551615",
    ),
    (["generate", "camel-wgangp", "--batch", "\u0661"], "is no whole number. Give one from 1"),
    (["train", "camel-wgangp", "--steps", "many"], "'many' is no whole number. Give one from 1"),
    (["resume", "--steps", ""], "'' is no whole number. Give one from 1"),
    (
        ["demo", "camel-wgangp", "--serve", "--port", "http"],
        "'http' is no whole number. Give one from 0 to 65535",
    ),
    (["hub", "serve", "hub", "--port", "1_0"], "'1_0' is no whole number. Give one from 0 to 65535"),
    (["generate", "camel-wgangp", "-n", "0"], "0 is not in the range x>=1"),
]


@pytest.mark.parametrize(("command", "said"), RANGES, ids=[" ".join(command) for command, _ in RANGES])
def test_what_is_no_whole_number_is_told_in_a_sentence(zoo: Zoo, command: list[str], said: str) -> None:
    ran = zoo(*command)
    assert ran.code == 3
    assert said in ran.err


def test_a_report_into_a_folder_and_files_in_place_of_runs(tmp_path: Path, zoo: Zoo) -> None:
    (tmp_path / "run.json").write_text(bare_record("2026-01-01"))
    ran = zoo("report", tmp_path, "--out", tmp_path)
    assert (ran.code, ran.error) == (
        2,
        f"--out {tmp_path}: it is a folder. Give a file, like {tmp_path / 'report.html'}",
    )
    for command in ("report", "diagnose"):
        ran = zoo(command, tmp_path / "run.json")
        assert (ran.code, ran.error) == (
            3,
            f"{tmp_path / 'run.json'}: it is a file, and a run is a folder. Give that",
        )


def failing() -> Any:
    yield "training.steps=1"
    raise ValueError("no more")


@pytest.mark.parametrize(
    "changes", [torch.tensor(1), torch.ones(2), np.array(3), 5, failing(), itertools.repeat(1)]
)
def test_changes_that_are_none(changes: Any) -> None:
    with pytest.raises(InputError, match=r"^changes: .* is no list of texts"):
        library.train("camel-wgangp", changes=changes)


def test_each_list_of_texts_has_an_example_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"like \['losses.1.weight=1,10'\]$"):
        library.sweep("camel-wgangp", "losses.1.weight=1,10")
    with pytest.raises(InputError, match=r"like \['METRIC'\]$"):
        evaluate("camel-wgangp", metrics="swd")
    with pytest.raises(InputError, match=r"like \['swd.patches=64'\]$"):
        evaluate("camel-wgangp", changes="swd.patches=64")
    with pytest.raises(InputError, match=r"like \['training.steps=500'\]$"):
        library.resume(tmp_path, changes="training.steps=9")


@pytest.mark.parametrize("count", [0, -1, 2.0, "8", None, True, np.float32(3), torch.tensor(2.5)])
def test_batches_that_are_none(count: Any) -> None:
    generator = OnnxGenerator.from_bytes(build().SerializeToString(), "hand", trusted=True)
    assert generator.fitting(4) == 4
    with pytest.raises(InputError, match=r"^count: "):
        generator.fitting(count)


@pytest.mark.parametrize("folder", ["x", None, 3, b"x", OnnxGenerator])
def test_folders_that_are_none(folder: Any) -> None:
    with pytest.raises(InputError, match=r"^folder: .* is no GeneratorFolder"):
        OnnxGenerator.from_folder(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [("step", -5), ("steps", -1), ("seed", -1), ("threads", -1), ("ranks", 0), ("seconds", -0.5),
     ("best", {"step": -1, "value": 1.0}), ("divergence", {"step": -1, "cause": "c"}),
     ("changes", [{"step": -1, "fields": {}}]),
     ("rollbacks", [{"step": 1, "cause": "c", "back_to": -1, "learning_rates": {}}])],
)  # fmt: skip
def test_a_record_out_of_range(tmp_path: Path, field: str, value: Any) -> None:
    (tmp_path / "run.json").write_text(json.dumps({**json.loads(bare_record("2026-01-01")), field: value}))
    with pytest.raises(InputError, match=rf"run.json: {field}\S*: .*greater than or equal to"):
        read_record(tmp_path)


class Shapeless(Architecture):
    """Cannot say what it makes."""

    name: ClassVar[str] = "shapeless"
    _shape: Any = None

    @property
    def image_shape(self) -> Any:
        if self._shape is None:
            raise TypeError("no shape today\nnor tomorrow")
        return self._shape

    def generator(self) -> Any:
        raise AssertionError

    def critic(self) -> Any:
        raise AssertionError


@pytest.mark.parametrize(
    ("shape", "said"),
    [(None, "its image_shape fails: TypeError: no shape today nor tomorrow. Mend it"),
     ((28, 28), r"its image_shape is \(28, 28\), not \(C, H, W\). Mend it"),
     ((1, 28, 0), r"its image_shape is \(1, 28, 0\), not"), ("abc", "its image_shape is 'abc', not"),
     ((1, 2.5, 3), r"its image_shape is \(1, 2.5, 3\), not")],
)  # fmt: skip
def test_an_architecture_that_cannot_say_what_it_makes(tiny: Path, shape: Any, said: str) -> None:
    from dataclasses import replace

    architecture = Shapeless()
    architecture._shape = shape
    with pytest.raises(InputError, match=rf"\[architecture\]: shapeless: {said}"):
        planning._check_shape(replace(plan_of(tiny), architecture=architecture))
