"""The model card, as the Hub and people read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from huggingface_hub import ModelCard

from tests.hub_folder import BUILTIN, SHAPE, make_config, make_folder
from zoo.generator_folder import ComponentRecord, add_files
from zoo_hub.card import render, write_card

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_hub_reads_every_field() -> None:
    card = ModelCard(render("me/camel", make_config()))
    figures = card.data.get("eval_results")
    expected = {
        "library_name": "gan-model-zoo",
        "pipeline_tag": "unconditional-image-generation",
        "license": "cc-by-4.0",
        "tags": ["gan", "onnx", "camel-wgangp", "dcgan"],
        "datasets": ["quickdraw"],
        "model_name": "camel",
    }
    assert {name: card.data.get(name) for name in expected} == expected
    assert [(figure.metric_type, figure.metric_value, figure.metric_args) for figure in figures] == [
        ("swd", 12.5, {"protocol": "256 held-out images | 16 and 8 pixels"})
    ]


def test_a_generator_that_was_never_evaluated_claims_no_figure() -> None:
    config = make_config()
    training = config.training.model_copy(update={"metric": None, "value": None, "protocol": None})
    card = ModelCard(render("me/camel", config.model_copy(update={"training": training})))
    assert card.data.get("eval_results") is None
    assert "swd" not in card.text


def test_only_an_open_licence_is_carried_on() -> None:
    card = ModelCard(render("me/camel", make_config(licence="unknown")))
    assert card.data.get("license") == "other"
    assert "licence unknown." in card.text


def test_a_stand_in_is_told() -> None:
    notice = "**These are not the images the recipe asks for:** the host cannot be reached"
    stand_in = render("me/camel", make_config(stand_in="the host cannot be reached"))
    assert notice in stand_in
    assert "These are not the images" not in render("me/camel", make_config())


def test_the_papers_of_the_losses_are_cited_once() -> None:
    text = render("me/camel", make_config())
    assert [text.count(f"arXiv:{number}") for number in ("1701.07875", "1704.00028", "1406.2661")] == [
        1,
        1,
        0,
    ]


def test_what_a_record_says_cannot_break_out_of_its_place() -> None:
    nasty = ": yes\n---\n# <script>alert(1)</script> | x"
    config = make_config(stand_in=nasty)
    record = ComponentRecord(name=nasty, provider=BUILTIN)
    data = config.data.model_copy(update={"name": nasty, "licence": nasty})
    card = ModelCard(
        render("me/camel", config.model_copy(update={"data": data, "architecture": record, "recipe": nasty}))
    )
    assert card.data.get("datasets") == [nasty]
    assert card.data.get("tags") == ["gan", "onnx", nasty]
    assert "<script" not in card.text
    rows = [line for line in card.text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}


def test_the_snippet_for_onnxruntime_alone_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path / "pulled")
    blocks = re.findall(r"```python\n(.*?)```", render("me/camel", make_config()), re.DOTALL)
    snippet = blocks[-1]
    assert len(snippet.splitlines()) == 5
    monkeypatch.chdir(folder)
    names: dict[str, np.ndarray] = {}
    exec(snippet, names)
    assert names["images"].shape == (16, *SHAPE)
    assert np.abs(names["images"]).max() <= 1
    assert len(np.unique(names["images"][:, 0, 0, 0])) == 16


def test_a_written_card_is_written_anew_until_somebody_edits_it(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "generator")
    card = folder / "README.md"
    assert write_card(folder, "me/camel", make_config())
    later = add_files(folder, {}, make_config(licence="unknown"))
    assert write_card(folder, "me/camel", later)
    assert ModelCard.load(card).data.get("license") == "other"
    edited = card.read_text() + "A line of mine.\n"
    card.write_text(edited)
    assert not write_card(folder, "me/camel", make_config())
    assert card.read_text() == edited
