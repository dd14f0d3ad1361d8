"""A training in a notebook: one line, written over; and a run as its pictures."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import zoo
from zoo.errors import DivergedError
from zoo.notebook import line as line_module
from zoo.notebook.line import in_notebook
from zoo.notebook.run_folder import RunFolder


class Notebook:
    """A kernel and the outputs of a cell: each a list of what was written over what."""

    def __init__(self) -> None:
        self.outputs: list[list[str]] = []
        self.kernel: object = object()

    def display(self, html: str, *, display_id: bool) -> SimpleNamespace:
        assert display_id
        output = [html]
        self.outputs.append(output)
        return SimpleNamespace(update=output.append)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    """Give a kernel in which this runs."""
    here = Notebook()
    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: here
    displays: Any = ModuleType("IPython.display")
    displays.HTML, displays.display = str, here.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    return here


def test_a_training_is_one_line_that_is_written_over(
    notebook: Notebook, tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "SECONDS", 0.01)

    run = zoo.train(str(tiny), steps=20, out="runs/<b>")

    (line,) = notebook.outputs
    assert any(re.search(r"step \d+/20  \d+ images/s  .* left", text) for text in line)
    assert line[0].startswith('<progress max="20" value="0"></progress> runs/&lt;b&gt; · ')
    assert re.fullmatch(
        r'<progress max="20" value="20"></progress> runs/&lt;b&gt; · done, 20 steps · '
        r"critic -?[\d.]+  generator -?[\d.]+ · step 20: swd [\d.]+(  \(best so far\))?",
        line[-1],
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err + "".join(line)
    assert "step 1" not in err
    assert isinstance(run, RunFolder)


def test_the_line_is_written_twice_a_second_and_not_once_a_step(notebook: Notebook, tiny: Path) -> None:
    began = time.monotonic()

    zoo.train(str(tiny), steps=40, changes=["training.eval_every=40"])

    assert len(notebook.outputs[0]) <= 2 * (time.monotonic() - began) + 2


def test_a_training_that_fails_says_so(notebook: Notebook, tiny: Path) -> None:
    with pytest.raises(DivergedError):
        zoo.train(str(tiny), changes=["optimizers.critic.learning_rate=1e30"])

    assert "failed, " in notebook.outputs[0][-1]


def test_outside_a_notebook_nothing_is_shown(
    notebook: Notebook, tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_notebook()
    notebook.kernel = None  # IPython on a terminal
    assert not in_notebook()

    zoo.train(str(tiny), steps=1)

    assert notebook.outputs == []
    assert "step" not in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert not in_notebook()


def test_a_run_shows_its_latest_grid(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_REPORT", "1")
    run = RunFolder(zoo.train(str(tiny), steps=2))

    shown = run._repr_html_()

    assert shown is not None
    assert (
        '<a href="runs/tiny-1/report.html" target="_blank">runs/tiny-1</a> (tiny: done, 2 of 2 steps; '
        in shown
    )
    assert re.search(r"best swd [\d.]+ at step 2\)", shown)
    assert re.search(r'<img src="data:image/png;base64,[\w+/=]+" alt="step 2" width="484">', shown)
    assert RunFolder(run / "samples")._repr_html_() is None, "a folder that is no run stays a path"


def test_a_run_folder_is_a_path(tmp_path: Path) -> None:
    folder = zoo.RunFolder(tmp_path / "x")

    assert isinstance(folder, Path)
    assert (folder, hash(folder), str(folder)) == (tmp_path / "x", hash(tmp_path / "x"), str(tmp_path / "x"))
    assert folder._repr_html_() is None


def test_names_of_a_strangers_run_are_text_and_its_files_may_be_anything(tiny: Path) -> None:
    run = RunFolder(zoo.train(str(tiny), steps=1))
    record = json.loads((run / "run.json").read_bytes())
    record |= {"recipe": "<script>", "metric": "<img src=x>"}
    (run / "run.json").write_text(json.dumps(record))
    (run / "samples" / "step-000001.png").write_bytes(b"no picture")

    shown = run._repr_html_()

    assert shown is not None
    assert "<script" not in shown
    assert "<img" not in shown
    (run / "run.json").write_text("{")
    assert run._repr_html_() is None
