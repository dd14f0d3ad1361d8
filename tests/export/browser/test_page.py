"""`zoo demo`: nothing is on the page that was not checked, and names stay text."""

from __future__ import annotations

import base64
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from tests.support.handmade import LATENT_DIM, SHAPE, build, config
from tests.support.hostile.make import CORPUS
from zoo.errors import UsageError
from zoo.generators.folder import GeneratorFolder
from zoo_export.browser import page
from zoo_export.browser.onnxruntime_web import integrity
from zoo_export.browser.page import _model_files, make_page, policy
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from onnx import ModelProto

    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

MARKUP = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture(autouse=True)
def _models() -> None:
    """Put two generators into the current folder."""
    Path("hand.onnx").write_bytes(build().SerializeToString())
    Path("colour.onnx").write_bytes(build(channels=3).SerializeToString())


def with_recipe(recipe: str) -> ModelProto:
    model = build()
    model.metadata_props.add(key="zoo.recipe", value=recipe)
    return model


def facts(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files["page.json"])
    return found


class Elements(HTMLParser):
    """All elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_folder_holds_all_that_the_page_asks_for(zoo: Zoo) -> None:
    ran = zoo("demo", "hand.onnx", "--out", "page")

    assert (ran.code, ran.out) == (0, "page\n")
    there = {path.relative_to("page").as_posix() for path in Path("page").rglob("*") if path.is_file()}
    described = json.loads(Path("page/page.json").read_bytes())
    assert there == set(described["files"])
    assert Path("page/models/hand.onnx").read_bytes() == Path("hand.onnx").read_bytes()
    links = [
        attributes.get("src") or attributes.get("href")
        for tag, attributes in Elements(Path("page/index.html").read_text("utf-8")).found
        if tag in ("script", "link", "img")
    ]
    assert sorted(map(str, links)) == ["icon.svg", "js/main.js", "style.css"]
    assert set(map(str, links)) <= there
    for script in Path("page/js").glob("*.js"):
        for name in re.findall(r'^import .* from "(.*)";$', script.read_text("utf-8"), re.MULTILINE):
            assert (script.parent / name).is_file(), f"{script} imports {name}"


def test_what_the_page_is_told_about_a_generator() -> None:
    files = make_page(["hand.onnx", "colour.onnx"])
    grey, colour = facts(files)["generators"]

    assert (grey["name"], grey["latent_dim"], grey["shape"]) == ("hand", LATENT_DIM, list(SHAPE))
    assert grey["integrity"] == integrity(files[grey["file"]])
    for told, name in ((grey, "hand.onnx"), (colour, "colour.onnx")):
        first = OnnxGenerator(name).sample(1)
        assert base64.b64decode(told["reference"]) == first.tobytes()
        assert [len(base64.b64decode(one)) for one in told["directions"]] == [4 * LATENT_DIM] * LATENT_DIM
        assert sum(told["shares"]) == pytest.approx(1)
    assert colour["shape"] == [3, 2, 3]
    assert "grey" in grey["facts"][0]
    assert "colour" in colour["facts"][0]


def test_the_folder_is_a_static_space_as_it_is() -> None:
    Path("marked.onnx").write_bytes(with_recipe(MARKUP + ': "x"').SerializeToString())
    _, front, rest = make_page(["marked.onnx", "hand.onnx"])["README.md"].decode().split("---\n")

    assert yaml.safe_load(front) == {"title": f'{MARKUP}: "x" and hand', "sdk": "static"}
    assert "zoo demo" in rest


def test_the_same_generators_give_the_same_bytes() -> None:
    assert make_page(["hand.onnx", "colour.onnx"]) == make_page(["hand.onnx", "colour.onnx"])


def test_the_policy_lets_nothing_in_but_the_page_and_its_runtime() -> None:
    for local in (True, False):
        rules = dict(rule.split(" ", 1) for rule in policy(local=local).split("; "))
        assert rules["default-src"] == "'none'"
        assert "unsafe-inline" not in policy(local=local)
        assert "'unsafe-eval'" not in policy(local=local)
        cdn = [] if local else ["https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/"]
        assert rules["connect-src"].split() == ["'self'", *cdn]
        assert "http" not in rules["script-src"]
        assert (rules["base-uri"], rules["form-action"]) == ("'none'", "'none'")


def test_the_policy_is_in_the_page_before_anything_it_rules() -> None:
    elements = Elements(make_page(["hand.onnx"])["index.html"].decode()).found
    place, rule = next(
        (place, attributes["content"])
        for place, (_, attributes) in enumerate(elements)
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )

    assert rule == policy(local=False)
    assert place < min(index for index, (tag, _) in enumerate(elements) if tag in ("script", "link"))
    for tag, attributes in elements:
        assert tag != "style"
        assert not {name for name in attributes if name.startswith("on") or name == "style"}
        assert tag != "script" or attributes["src"], "no script stands in the page itself"


def test_markup_in_a_name_stays_text() -> None:
    Path("marked.onnx").write_bytes(with_recipe(MARKUP).SerializeToString())
    files = make_page(["marked.onnx"])
    index = files["index.html"].decode()

    assert facts(files)["generators"][0]["name"] == MARKUP
    assert MARKUP not in index
    assert index.count(html.escape(MARKUP)) == 3
    plain = Elements(make_page(["hand.onnx"])["index.html"].decode()).found
    assert [tag for tag, _ in Elements(index).found] == [tag for tag, _ in plain]
    assert facts(files)["generators"][0]["file"] == "models/img-src-x-onerror-alert-1.onnx"


@pytest.mark.parametrize("recipe", ["a\nb", "x" * 65, "", "\x1b[31m"])
def test_a_recipe_that_is_no_title_is_not_shown(recipe: str) -> None:
    Path("odd.onnx").write_bytes(with_recipe(recipe).SerializeToString())

    assert facts(make_page(["odd.onnx"]))["generators"][0]["name"] == "odd"


def test_two_of_the_same_recipe_are_told_apart() -> None:
    for name in ("a.onnx", "b.onnx"):
        Path(name).write_bytes(with_recipe("camel-gan").SerializeToString())
    generators = facts(make_page(["a.onnx", "b.onnx", "hand.onnx"]))["generators"]

    assert [one["name"] for one in generators] == ["a.onnx", "b.onnx", "hand"]
    assert len({one["file"] for one in generators}) == 3


def test_no_word_on_the_page_is_of_javascript() -> None:
    """Whatever comes from a file is put into the page as text."""
    for script in (page.STATIC / "js").glob("*.js"):
        text = script.read_text("utf-8")
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert way not in text, script


@pytest.mark.parametrize("name", sorted(CORPUS)[::3])
def test_a_hostile_file_is_refused_as_everywhere(name: str, zoo: Zoo) -> None:
    CORPUS[name].write(Path(name))
    before = sorted(Path().iterdir())
    ran = zoo("demo", "hand.onnx", name, "--out", "page")

    assert ran.code == CORPUS[name].code
    assert CORPUS[name].says in ran.error
    assert sorted(Path().iterdir()) == before


def test_a_config_that_lies_is_refused(zoo: Zoo) -> None:
    model = build().SerializeToString()
    GeneratorFolder.write(
        Path("folder"), {"onnx/model.onnx": model, "model.safetensors": b"weights"}, config()
    )
    assert zoo("demo", "folder", "--out", "page").code == 0
    Path("folder/onnx/model.onnx").write_bytes(model[:-1] + bytes([model[-1] ^ 1]))
    changed = zoo("demo", "folder", "--out", "other")
    Path("folder/config.json").write_text("{")
    broken = zoo("demo", "folder", "--out", "other")

    assert (changed.code, broken.code) == (4, 3)
    assert "its sha256 is" in changed.error
    assert not Path("other").exists()


def test_a_name_that_is_nothing_is_refused(zoo: Zoo) -> None:
    ran = zoo("demo", "nothing", "--out", "page")

    assert ran.code == 3
    assert ran.error.startswith("nothing: there is no such run, generator folder or .onnx file")
    assert not Path("page").exists()


@pytest.mark.parametrize("count", [0, 7])
def test_no_generators_or_too_many_are_refused(count: int) -> None:
    with pytest.raises(UsageError) as caught:
        make_page(["hand.onnx"] * count)
    assert str(caught.value) == f"{count} generators: a page shows 1 to 6. Name that many"


def test_a_plugins_generator_has_no_file_to_show(others: Plugins, zoo: Zoo) -> None:
    others.add(
        "zoo-other",
        "from zoo.generators.generator import Generator\nfrom zoo.hookspecs import hookimpl\n"
        "class Other(Generator):\n    name, latent_dim, image_shape, provider = 'x', 2, (1, 1, 1), 'x'\n"
        "    def generate(self, z): return z\n"
        "@hookimpl\ndef zoo_open_generator(name): return Other() if name == 'other:1' else None\n",
        group="zoo.commands",
    )
    ran = zoo("demo", "other:1", "--out", "page")

    assert ran.code == 3
    assert ran.error == "other:1: its plugin runs it, and a browser runs ONNX files only. Give another one"


def test_the_reference_picture_is_python_s_first() -> None:
    told = facts(make_page(["colour.onnx"]))["generators"][0]
    picture = np.frombuffer(base64.b64decode(told["reference"]), np.uint8).reshape(2, 3, 3)

    assert np.array_equal(picture, OnnxGenerator("colour.onnx").sample(1, seed=0)[0])


def test_a_page_is_made_where_torch_is_not_installed(others: Plugins) -> None:
    without = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "onnxscript"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
"""
    ran = others.process("demo", "hand.onnx", "--out", "page", code=without)

    assert (ran.code, ran.out) == (0, "page\n")


@pytest.mark.parametrize("titles", [["a", "a", "a-2"], ["A", "a"], ["?", "!"], ["1-a", "a"]])
def test_no_two_generators_share_a_file(titles: list[str]) -> None:
    names = [name.lower() for name in _model_files(titles)]

    assert len(set(names)) == len(titles)
