"""Recipes, cards, records, logs, weights and commits: read up to a limit, and refused beyond it before they cost."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from zoo.errors import InputError
from zoo.generators.safetensors_header import HEADER_LIMIT, TENSOR_LIMIT, read_header
from zoo.recipes.recipe import DOTS_LIMIT, RECIPE_LIMIT, read_recipe
from zoo.runs.metrics_log import figure_at
from zoo.runs.record import RECORD_LIMIT, read_record
from zoo.system.strict_json import LINE_LIMIT
from zoo_hub.card.front_matter import DEPTH_LIMIT, FRONT_LIMIT, NODES_LIMIT, parse_card
from zoo_hub.server.commits import DESCRIPTION_LIMIT, TITLE_LIMIT, _bounded
from zoo_hub.server.messages import RefusedError
from zoo_plugins.recipes import zoo_register_recipes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 5


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS


def recipe_of(tmp_path: Path, size: int) -> Path:
    """Return a recipe that ends in a comment of as many bytes as it takes."""
    text = next(path for path in zoo_register_recipes() if path.stem == "camel-gan").read_text()
    path = tmp_path / "r.toml"
    path.write_text(text + "#" * (size - len(text.encode())))
    return path


def test_a_recipe_at_its_limit_is_read_and_over_it_refused(tmp_path: Path) -> None:
    assert read_recipe(recipe_of(tmp_path, RECIPE_LIMIT)).name == "camel-gan"
    with pytest.raises(InputError, match="it has 65537 bytes, and at most 65536 are read"):
        read_recipe(recipe_of(tmp_path, RECIPE_LIMIT + 1))


def test_a_dotted_key_is_read_up_to_so_many_parts(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    for dots in (DOTS_LIMIT, DOTS_LIMIT + 1, RECIPE_LIMIT // 2 - 3):
        path.write_text(".".join("a" * (dots + 1)) + "=1")
        said = "it needs the field" if dots <= DOTS_LIMIT else f"its line 1 has {dots} dots, and at most 100"
        with pytest.raises(InputError, match=said):
            read_recipe(path)


def test_a_card_is_parsed_up_to_so_many_characters_and_values() -> None:
    def card(yaml: str) -> str:
        return f"---\n{yaml}\n---\nText"

    longest = "a: " + "x" * (FRONT_LIMIT - 4)
    assert parse_card(card(longest)) == {"a": "x" * (FRONT_LIMIT - 4)}
    with pytest.raises(ValueError, match="its YAML is longer than 65,536 characters"):
        parse_card(card(longest + "x"))
    values = NODES_LIMIT - 3  # a mapping, a key and a list
    assert len(parse_card(card(f"a: [{'1,' * values}]"))["a"]) == values
    with pytest.raises(ValueError, match="it holds more than 2,000 values"):
        parse_card(card(f"a: [{'1,' * (values + 1)}]"))
    deepest = DEPTH_LIMIT - 1  # beside the mapping
    assert parse_card(card(f"a: {'[' * deepest}{']' * deepest}"))
    with pytest.raises(ValueError, match="it is nested over 32 deep"):
        parse_card(card(f"a: {'[' * 20_000}"))


def test_a_record_over_its_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b" " * RECORD_LIMIT)
    with pytest.raises(InputError, match="it is no JSON"):
        read_record(tmp_path)
    path.write_bytes(b" " * (RECORD_LIMIT + 1))
    with pytest.raises(InputError, match="it has 1048577 bytes, and at most 1048576 are read"):
        read_record(tmp_path)


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


def weights(tmp_path: Path, tensors: int, padding: int = 0) -> Path:
    """Return a file of weights with so many empty tensors, whose header has spaces at its end."""
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"t{index}": entry for index in range(tensors)}).encode() + b" " * padding
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def test_a_header_of_weights_is_read_up_to_its_limits(tmp_path: Path) -> None:
    assert len(read_header(weights(tmp_path, TENSOR_LIMIT))) == TENSOR_LIMIT
    with pytest.raises(ValueError, match="it holds 4097 tensors, and at most 4096 are read"):
        read_header(weights(tmp_path, TENSOR_LIMIT + 1))
    used = weights(tmp_path, 1).stat().st_size - 8
    assert len(read_header(weights(tmp_path, 1, HEADER_LIMIT - used))) == 1
    with pytest.raises(ValueError, match="its header has 1048577 bytes, and at most 1048576 are read"):
        read_header(weights(tmp_path, 1, HEADER_LIMIT - used + 1))


@pytest.mark.parametrize("header", ["[]", '{"a": 1}', '{"a": {"dtype": "F32", "shape": [true]}}', "{"])
def test_a_header_that_is_none_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode())
    with pytest.raises(
        ValueError, match=r"its header has|its header is|has no type or no shape|it is no JSON"
    ):
        read_header(path)


@pytest.mark.parametrize(("field", "most"), [("summary", TITLE_LIMIT), ("description", DESCRIPTION_LIMIT)])
def test_what_a_commit_says_is_bounded(field: str, most: int) -> None:
    assert len(_bounded({field: "x" * most}, field, most)) == most
    with pytest.raises(RefusedError, match=f"the {field} of a commit has at most {most:,} characters"):
        _bounded({field: "x" * (most + 1)}, field, most)
