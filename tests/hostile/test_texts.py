"""Recipes, logs and headers of weights that would cost much, beside the limits that `test_limits` meets."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from zoo.errors import InputError
from zoo.generators.safetensors_header import read_header
from zoo.recipes.recipe import DOTS_LIMIT, RECIPE_LIMIT, read_recipe
from zoo.runs.metrics_log import LOG_LIMIT, figure_at
from zoo.system.strict_json import LINE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 5


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS


def test_a_dotted_key_is_read_up_to_so_many_parts(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    for dots in (DOTS_LIMIT, DOTS_LIMIT + 1, RECIPE_LIMIT // 2 - 3):
        path.write_text(".".join("a" * (dots + 1)) + "=1")
        said = "it needs the field" if dots <= DOTS_LIMIT else f"its line 1 has {dots} dots, and at most 100"
        with pytest.raises(InputError, match=said):
            read_recipe(path)


def test_a_log_of_one_endless_line_takes_no_memory(tmp_path: Path) -> None:
    lines = [
        json.dumps({"step": 3, "swd": 0.5}),
        "[" * (LINE_LIMIT + 5),
        json.dumps({"step": 4, "swd": 0.25}),
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert figure_at(tmp_path, "swd", 3) == 0.5
    assert figure_at(tmp_path, "swd", 4) == 0.25
    with (tmp_path / "metrics.jsonl").open("r+b") as file:
        file.truncate(256 << 20)
    assert figure_at(tmp_path, "swd", 3) == 0.5


def test_of_a_log_without_an_end_the_last_figures_are_found(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    last = json.dumps({"step": 9, "swd": 0.5})
    path.write_text(json.dumps({"step": 3, "swd": 1.0}) + "\n")
    with path.open("r+b") as file:
        file.seek(LOG_LIMIT)
        file.write(f"\n{last}\n".encode())

    assert figure_at(tmp_path, "swd", 9) == 0.5
    assert figure_at(tmp_path, "swd", 3) is None, "more than is read lies behind it"


def test_of_a_log_of_tiny_lines_so_many_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.runs.metrics_log.LINES_LIMIT", 100)
    last = json.dumps({"step": 9, "swd": 0.5})
    for lines, found in ((99, 0.5), (100, None)):
        (tmp_path / "metrics.jsonl").write_text("\n" * lines + last)
        assert figure_at(tmp_path, "swd", 9) == found


@pytest.mark.parametrize("header", ["[]", '{"a": 1}', '{"a": {"dtype": "F32", "shape": [true]}}', "{"])
def test_a_header_that_is_none_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode())
    with pytest.raises(
        ValueError, match=r"its header has|its header is|has no type or no shape|it is no JSON"
    ):
        read_header(path)
