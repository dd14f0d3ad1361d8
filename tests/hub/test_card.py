"""The model card, as the Hub and people read it, and what a push leaves of people's edits."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from pydantic import ValidationError

from tests.support.hub.folder import BUILTIN, SHAPE, make_config, make_folder
from zoo.errors import InputError
from zoo.generators.bundled import bundled_generators
from zoo.generators.config import ComponentRecord, FigureRecord, FileRecord, GeneratorConfig
from zoo.generators.folder import GeneratorFolder
from zoo_hub.card.card import base_card, is_edited, merge, render
from zoo_hub.card.front_matter import parse_card, with_values
from zoo_hub.card.text import sentence
from zoo_hub.card.variety import PICTURES, Variety, measure

if TYPE_CHECKING:
    from pathlib import Path


TAGS = ["gan", "onnx", "camel-wgangp", "dcgan", "4x4"]


def test_the_hub_reads_every_field() -> None:
    card = ModelCard(render("me/camel", make_config()))
    figures = card.data.get("eval_results")
    expected = {
        "library_name": "gan-model-zoo",
        "pipeline_tag": "unconditional-image-generation",
        "license": "cc-by-4.0",
        "tags": TAGS,
        "datasets": ["quickdraw"],
        "model_name": "camel",
    }
    assert {name: card.data.get(name) for name in expected} == expected
    assert [(figure.metric_type, figure.metric_value, figure.metric_args) for figure in figures] == [
        ("swd", 12.5, {"protocol": "256 held-out images | 16 and 8 pixels", "fingerprint": "0" * 64})
    ]


def test_the_hubs_own_parser_gives_back_what_it_was_given() -> None:
    data = ModelCard(render("me/camel", make_config())).data
    assert isinstance(data, ModelCardData)
    (figure,) = data.eval_results or []
    assert isinstance(figure, EvalResult)
    assert figure.task_type == "unconditional-image-generation"
    again = ModelCardData(
        library_name=data.library_name,
        pipeline_tag=data.pipeline_tag,
        license=data.license,
        tags=data.tags,
        datasets=data.datasets,
        model_name=data.model_name,
        eval_results=[figure],
    )
    assert parse_card(f"---\n{again.to_yaml()}\n---\n") == parse_card(render("me/camel", make_config()))


def test_a_generator_that_was_never_evaluated_claims_no_figure() -> None:
    config = make_config()
    training = config.training.model_copy(update={"metric": None, "value": None, "protocol": None})
    card = ModelCard(render("me/camel", config.model_copy(update={"training": training})))
    assert card.data.get("eval_results") is None
    assert "swd" not in card.text
    assert "None: it was never evaluated." in card.text


def test_figures_measured_afterwards_stand_in_a_row_each_with_their_protocol() -> None:
    config = make_config().model_copy(
        update={"files": {"onnx/model.onnx": FileRecord(sha256="2" * 64, size=1)}}
    )
    first = FigureRecord(
        metric="kid:drawings",
        value=1.5,
        higher_is_better=False,
        protocol="kernel distance | all at once",
        images="cats.npy",
        fingerprint="3" * 64,
        weights=str(config.digest),
    )
    gone = first.model_copy(update={"metric": "fid", "weights": "1" * 64})
    card = render("me/camel", config.model_copy(update={"figures": (first, gone)}))

    assert (
        "| kid:drawings | 1.5 | lower | kernel distance \\| all at once; the real images: cats.npy |" in card
    )
    assert "swd **12.5** at step 200. Measured" in card
    for higher, said in ((False, "lower"), (True, "higher")):
        training = config.training.model_copy(update={"higher_is_better": higher})
        told = render("me/camel", config.model_copy(update={"training": training}))
        assert f"swd **12.5** at step 200, {said} is better. Measured" in told
    assert "fid" not in card
    results = ModelCard(card).data.get("eval_results")
    assert [(one.metric_type, one.metric_value, one.dataset_name) for one in results] == [
        ("swd", 12.5, "quickdraw"),
        ("kid:drawings", 1.5, "cats.npy"),
    ]
    assert "Memorisation was not measured" in card
    copies = first.model_copy(update={"metric": "memorisation:drawings"})
    assert "Memorisation was not measured" not in render(
        "me/camel", config.model_copy(update={"figures": (copies,)})
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": float("nan")},
        {"value": "1.5"},
        {"metric": "swd\n# Title"},
        {"protocol": "two\nlines"},
        {"weights": "none"},
        {"higher_is_better": "yes"},
    ],
)
def test_figures_that_no_evaluation_wrote_are_refused(wrong: dict[str, object]) -> None:
    right = {
        "metric": "swd",
        "value": 1.5,
        "higher_is_better": False,
        "protocol": "p",
        "images": "i",
        "fingerprint": "0" * 64,
        "weights": "0" * 64,
    }
    assert FigureRecord.model_validate(right).value == 1.5
    with pytest.raises(ValidationError):
        FigureRecord.model_validate(right | wrong)


def test_what_nobody_measured_is_said_to_be_unknown() -> None:
    text = render("me/camel", make_config())
    assert (
        "- **Memorisation was not measured**: nobody compared its pictures with their nearest of the 100 "
        in text
    )
    assert "- **Collapse was not checked.**" in text


def test_the_collapse_check_says_what_it_is() -> None:
    text = render("me/camel", make_config(), variety=Variety(mean=71.26, alike=3))
    assert (
        "- Collapse check: of 64 pictures of seed 0 (2,016 pairs), 3 pairs are within 4 of 255 levels of each other "
        "(root mean square over pixels); a pair is 71 levels apart on average. "
        "This says that pictures differ, not that they are good." in text
    )


def test_a_mean_over_a_hundred_is_no_power_of_ten() -> None:
    assert "; a pair is 110 levels apart on" in render("me/camel", make_config(), variety=Variety(113.4, 0))
    assert "; a pair is 0.36 levels apart on" in render("me/camel", make_config(), variety=Variety(0.358, 0))


def test_variety_is_the_mean_over_pairs_of_the_root_mean_square(tmp_path: Path) -> None:
    from zoo_export.runtime.session import OnnxGenerator

    folder = make_folder(tmp_path / "generator")
    pictures = OnnxGenerator(folder).sample(PICTURES, seed=0).astype(float)
    distances = [
        np.sqrt(((pictures[i] - pictures[j]) ** 2).mean()) for i in range(PICTURES) for j in range(i)
    ]
    found = measure(GeneratorFolder.open(folder))
    assert found.mean == pytest.approx(np.mean(distances))
    assert found.alike == sum(distance < 4 for distance in distances)


def test_only_an_open_licence_is_carried_on() -> None:
    card = ModelCard(render("me/camel", make_config(licence="unknown")))
    assert card.data.get("license") == "other"
    assert "licence unknown." in card.text


def test_a_stand_in_is_named_as_one() -> None:
    notice = "**These are not the images the recipe asks for:** the host cannot be reached"
    stand_in = render("me/camel", make_config(stand_in="the host cannot be reached"))
    assert notice in stand_in
    assert "No sample stood in for them." in render("me/camel", make_config())
    for reason in (
        "the host cannot be reached",
        "the host cannot be reached.",
        "the host\ncannot be reached. ",
    ):
        card = render("me/camel", make_config(stand_in=reason))
        assert f"{notice}.\n<!-- zoo:end data -->" in card


def cards() -> dict[str, str]:
    """Return cards of all kinds of generators, their prose alone."""
    config = make_config(stand_in="it is there, so it is used.", licence="")
    config = config.model_copy(update={"data": config.data.model_copy(update={"images": 1})})
    training = config.training.model_copy(update={"metric": "swd", "value": 1.0, "protocol": "as papers do."})
    made = {
        "own": render("me/x", make_config(), variety=Variety(9.0, 1)),
        "odd": render("me/x", config.model_copy(update={"training": training}), variety=Variety(9.0, 0)),
        **{
            name: (GeneratorFolder.open(path).read_card() or b"").decode()
            for name, path in bundled_generators().items()
        },
    }
    return {
        name: re.sub(r"^---\n.*?\n---\n|```.*?```|<!--.*?-->", "", card, flags=re.DOTALL)
        for name, card in made.items()
    }


def test_every_sentence_of_every_card_is_whole() -> None:
    found = cards()
    assert len(found) == 8
    for name, text in found.items():
        prose = [line for line in text.splitlines() if line and line[0] not in "#|!"]
        assert len(prose) > 8, name
        for line in prose:
            cited = text.partition("## Papers")[2].find(line) >= 0
            assert line.endswith((".", ":")) or cited, (name, line)
        for line in text.splitlines():
            assert not re.search(r"\.\.|\s[.,;:]|\(\)|,\s*\.|  ", line), (name, line)
            assert not re.search(r"\b([A-Za-z]+) \1\b|in 8 bits of", line), (name, line)
    assert "1 image of " in found["odd"]
    assert "licence unknown." in found["odd"]
    assert "nearest of the 1 training image." in found["odd"]
    assert "1 pair is within 4 of 255 levels" in found["own"]


@pytest.mark.parametrize(
    ("text", "whole"),
    [("so", "so."), ("so. ", "so."), ("so?", "so?"), ("and so on…", "and so on…"), ("a|b", "a\\|b.")],
)
def test_a_sentence_ends_once(text: str, whole: str) -> None:
    assert sentence(text) == whole


def test_the_papers_of_the_losses_are_cited_once_where_none_are_recorded() -> None:
    text = render("me/camel", make_config().model_copy(update={"papers": ()}))
    assert [text.count(f"arXiv:{number}") for number in ("1701.07875", "1704.00028", "1406.2661")] == [
        1,
        1,
        0,
    ]


def test_recorded_papers_are_cited_as_they_stand_there() -> None:
    config = make_config().model_copy(update={"papers": ("Lim and Ye, *Geometric GAN*, 2017, section 3",)})
    text = render("me/camel", config)
    assert "\n- Lim and Ye, *Geometric GAN*, 2017, section 3\n" in text
    assert "arXiv" not in text


@pytest.mark.parametrize("paper", ["see [this](http://evil)", "<script>", "two\nlines", ""])
def test_a_recorded_paper_is_one_plain_line(paper: str) -> None:
    with pytest.raises(ValidationError):
        GeneratorConfig.model_validate({**make_config().model_dump(), "papers": (paper,)})


def test_the_command_stands_there_where_it_is_known() -> None:
    config = make_config()
    known = config.training.model_copy(update={"command": "zoo train camel-wgangp --seed 7"})
    assert "| command | zoo train camel-wgangp --seed 7 |" in render(
        "me/camel", config.model_copy(update={"training": known})
    )
    assert "| command |" not in render("me/camel", config)


@pytest.mark.parametrize("command", ["a\nb", "`rm`", "<script>", "a | b", "\\", "", "x" * 1001])
def test_a_recorded_command_is_one_plain_line(command: str) -> None:
    facts = make_config().model_dump()
    facts["training"]["command"] = command
    with pytest.raises(ValidationError):
        GeneratorConfig.model_validate(facts)


def test_the_card_of_a_generator_without_owner_is_for_its_folder_and_becomes_the_published_one() -> None:
    """What comes with the package has its card beside it; a push makes of that what it makes of none."""
    config, variety = make_config(), Variety(mean=71.26, alike=3)
    here = render("camel", config, variety=variety)
    assert "\n# camel\n" in here
    assert ModelCard(here).data.get("model_name") == "camel"
    assert "zoo generate camel -n" in here
    assert "in this file's folder:" in here
    assert "zoo pull" not in here
    assert "/camel" not in here
    published = merge(here, "me/camel", config, variety=variety)
    assert published == render("me/camel", config, variety=variety)
    assert not is_edited(here)


def test_every_published_file_stands_there_with_its_hash(tmp_path: Path) -> None:
    config = GeneratorFolder.open(make_folder(tmp_path / "generator")).config
    rows = re.findall(r"^\| `(\S+)` \| ([\d,]+) \| `(\w{64})` \|$", render("me/camel", config), re.MULTILINE)
    assert rows == [(name, f"{file.size:,}", file.sha256) for name, file in config.files.items()]


def nasty_config(nasty: str) -> GeneratorConfig:
    config = make_config(stand_in=nasty)
    record = ComponentRecord(name="arch +1", provider=BUILTIN)
    data = config.data.model_copy(update={"name": nasty, "licence": nasty})
    return config.model_copy(update={"data": data, "architecture": record, "recipe": nasty})


def test_markup_in_a_record_is_escaped() -> None:
    nasty = ": yes\n---\n# <script>alert(1)</script> | x <!-- zoo:end training --> -->"
    card = ModelCard(text := render("me/camel", nasty_config(nasty)))
    assert card.data.get("datasets") == [nasty]
    assert card.data.get("tags") == ["gan", "onnx", nasty, "arch +1", "4x4"]
    assert "<script" not in card.text
    rows = [line for line in card.text.splitlines() if line.startswith("| recipe")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
    assert merge(text, "me/camel", nasty_config(nasty)) == text, "the seal of a nasty record is read again"


@pytest.mark.parametrize("alone", [True, False], ids=["onnxruntime alone", "zoo"])
def test_the_snippets_run(tmp_path: Path, alone: bool) -> None:
    folder = make_folder(tmp_path / "pulled")
    blocks = re.findall(r"```python\n(.*?)```", render("me/camel", make_config()), re.DOTALL)
    snippet = blocks[1 if alone else 0].replace('"me/camel"', repr(str(folder)))
    assert len([line for line in snippet.splitlines() if line]) <= 5
    count = "images" if alone else "pictures"
    check = f"import sys; assert {count}.shape[0] == 16; assert ('zoo' in sys.modules) is {not alone}"
    code = f"{snippet}\n{check}\nassert len({{x.tobytes() for x in {count}}}) == 16"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert SHAPE == (1, 4, 4)


def test_an_untouched_card_is_written_anew() -> None:
    card = render("me/camel", make_config())
    assert not is_edited(card)
    assert merge(card, "me/camel", make_config()) == card
    assert merge(card, "me/dromedary", make_config(licence="unknown")) == render(
        "me/dromedary", make_config(licence="unknown")
    )


def test_a_hand_edit_survives_and_the_parts_around_it_are_written_anew() -> None:
    card = render("me/camel", make_config())
    edited = (
        card.replace("---\n", "---\n# a remark\nbase_model: me/older\n", 1)
        .replace("- gan\n", "- gan\n- desert\n", 1)
        .replace("<!-- zoo:begin data -->", "My camel is called Ali.\n\n<!-- zoo:begin data -->")
    )
    assert is_edited(edited)
    merged = merge(edited, "me/camel", make_config(stand_in="a test"))
    assert not is_edited(merged)
    assert merged.startswith("---\n# a remark\nbase_model: me/older\n")
    assert parse_card(merged)["tags"] == [*TAGS, "desert"]
    assert merged.count("My camel is called Ali.\n\n<!-- zoo:begin data -->") == 1
    assert "**These are not the images the recipe asks for:** a test" in merged


def test_a_part_without_its_marks_is_left_alone() -> None:
    card = render("me/camel", make_config())
    edited = re.sub(r"<!-- zoo:(begin|end) limits -->\n", "", card).replace("was not measured", "is zero")
    merged = merge(edited, "me/camel", make_config())
    assert "**Memorisation is zero**" in merged
    assert merged.count("## Limits") == 1


def test_a_tag_that_was_ours_goes_with_what_it_stood_for() -> None:
    card = render("me/camel", make_config())
    config = make_config().model_copy(update={"recipe": "camel-gan"})
    assert parse_card(merge(card, "me/camel", config))["tags"] == ["gan", "onnx", "camel-gan", "dcgan", "4x4"]


def test_the_licence_is_the_one_asked_for_else_the_one_people_wrote_else_the_datas() -> None:
    def licence(card: str, asked: str | None = None) -> str:
        return str(parse_card(merge(card, "me/camel", make_config(), licence=asked))["license"])

    card = render("me/camel", make_config())
    assert licence(card) == "cc-by-4.0"
    chosen = merge(card, "me/camel", make_config(), licence="mit")
    assert licence(card, "mit") == licence(chosen) == "mit"
    assert licence(card.replace("license: cc-by-4.0", "license: openrail")) == "openrail"


def test_a_card_of_metadata_alone_gets_every_part() -> None:
    merged = merge("---\nlicense: mit\n---\n", "me/camel", make_config())
    assert parse_card(merged)["license"] == "mit"
    assert merged.count("<!-- zoo:begin ") == 8


def test_the_edited_card_counts_wherever_it_is() -> None:
    card = render("me/camel", make_config())
    mine, other = (card.replace("<!-- zoo:begin data", f"{word}\n<!-- zoo:begin data") for word in "ab")
    assert base_card(None, None) is None
    assert base_card(card, None) == base_card(None, card) == base_card(card, card) == card
    assert base_card(mine, card) == base_card(mine, mine) == base_card(card, mine) == mine
    with pytest.raises(InputError) as caught:
        base_card(mine, other)
    assert str(caught.value) == (
        "README.md: it was edited here and on the Hub, in different ways. Make one of the two: put the Hub's text into "
        "the generator's folder, or delete the file here to take the Hub's"
    )


@pytest.mark.parametrize(
    ("front", "reason"),
    [
        ("a: &x [1]\nb: *x", "aliases are not taken"),
        ("- a", "it names no values"),
        ("a: .nan", "Out of range float values are not JSON compliant"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
    ],
)
def test_metadata_that_cannot_be_read_is_refused(front: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        merge(f"---\n{front}\n---\n", "me/camel", make_config())
    assert str(caught.value).startswith(f"README.md: its YAML cannot be read: {reason}")
    assert str(caught.value).endswith(". Mend it, or delete the file")


def test_only_named_keys_change() -> None:
    front = "# first\na: 1 # one\nb:\n  - x\n- y: z\nc: |\n  b: 3\n"
    assert with_values(front, {"b": [2], "d": "e"}) == "# first\na: 1 # one\nb:\n- 2\nc: |\n  b: 3\nd: e"
