"""The notebook in docs/ runs from top to bottom, and what its cells end with can be shown."""

from __future__ import annotations

import ast
import io
import json
from typing import Any

from PIL import Image

from tests.support.documents import ROOT
from zoo.generators.generator import SHOWN, Generator
from zoo.notebook.run_folder import RunFolder

NOTEBOOK = json.loads((ROOT / "docs" / "tour.ipynb").read_text("utf-8"))


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Execute a cell as a notebook does, and return the value of its last line."""
    *before, last = ast.parse(source).body
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "cell", "exec"), names)
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_the_tour_runs_and_shows_its_generators() -> None:
    names: dict[str, Any] = {}
    shown = [
        run_cell("".join(cell["source"]), names) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"
    ]

    generators = [value for value in shown if isinstance(value, Generator)]
    assert [value.name for value in generators] == ["camel-wgangp", "runs/tour"]
    for generator in generators:
        with Image.open(io.BytesIO(generator._repr_png_())) as picture:
            assert picture.size == (5 * 60 + 4, 5 * 60 + 4), f"{SHOWN} pictures of 28 pixels, twice as large"
    (run,) = (value for value in shown if isinstance(value, RunFolder))
    assert "runs/tour (camel-wgangp: done, 6 of 6 steps; best swd " in (run._repr_html_() or "")
    walk, samples = (value for value in shown if isinstance(value, Image.Image))
    samples.load()  # and closes its file
    assert (walk.size, samples.size) == ((12 * 60 + 4, 64), (484, 484))
    assert repr(generators[0]) == "<camel-wgangp: 28 x 28 grey, 100 latents, CPUExecutionProvider>"


def test_the_notebook_holds_no_outputs() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]

    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
