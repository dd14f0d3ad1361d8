"""What README and docs point at is there, and the code that they show is well formed and runs."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import zoo
from tests.support.documents import EVERYTHING, PAGES, ROOT, Page

SPANS = {span for page in PAGES.values() for span in page.spans}


def links() -> list[tuple[Page, str]]:
    return [(page, link) for page in PAGES.values() for link in page.links]


@pytest.mark.parametrize(("page", "link"), links(), ids=lambda value: getattr(value, "path", value))
def test_every_link_leads_somewhere(page: Page, link: str) -> None:
    target, _, anchor = link.partition("#")
    path = (ROOT / page.path).parent / target if target else ROOT / page.path

    assert path.exists()
    if anchor:
        assert anchor in PAGES[path.resolve().relative_to(ROOT.resolve()).as_posix()].anchors


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, new = set(), {"README.md"}
    while new:
        page = PAGES[new.pop()]
        reached.add(page.path)
        base = PurePosixPath(page.path).parent
        for link in page.links:
            path = (ROOT / base / link.partition("#")[0]).resolve()
            name = path.relative_to(ROOT.resolve()).as_posix()
            if name in PAGES and name not in reached:
                new.add(name)

    assert reached == set(PAGES)


def test_every_script_that_measures_is_named_with_options_that_it_has() -> None:
    calls = [call for page in PAGES.values() for call in page.modules()]

    for module, words in calls:
        place = ROOT / module.replace(".", "/")
        file = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
        assert file.is_file(), module
        source = file.read_text("utf-8")
        for option in (word for word in words if word.startswith("--")):
            assert f'"{option}"' in source, f"{module} {option}"
    runnable = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__main__")
        for path in (ROOT / "benchmarks").rglob("*.py")
        if '__name__ == "__main__"' in path.read_text("utf-8")
    }
    assert {module for module, _ in calls} == runnable


def test_every_file_named_in_a_sentence_exists() -> None:
    shown = set(re.findall(r"^\*\*`(\w+\.py)`\*\*", EVERYTHING, re.MULTILINE))  # whole, on the page itself
    files = {path.name for path in ROOT.rglob("*.py")} | shown
    named = [span for span in SPANS if re.fullmatch(r"[\w/.-]+\.py", span)]

    assert named
    assert [name for name in named if PurePosixPath(name).name not in files] == []


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_block_of_code_is_well_formed(page: Page) -> None:
    for block in page.blocks("python"):
        compile(block, page.path, "exec")
    for block in page.blocks("toml"):
        tomllib.loads(block)


def test_the_python_of_the_pages_runs(tiny: Path) -> None:
    zoo.train(str(tiny), steps=1, out="runs/camel-wgangp-1")
    pages = (page for page in PAGES.values() if not page.path.startswith("zoo/"))  # model cards have a test
    blocks = [block for page in pages for block in page.blocks("python") if "import zoo\n\n" in block]
    blocks = [block for block in blocks if "hookimpl" not in block]
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block.replace('"camel-wgangp"', repr(str(tiny))), "page", "exec"), names)

    assert (names["pictures"].shape, names["walk"].shape) == ((16, 28, 28), (60, 28, 28))
    assert json.loads(Path(names["run"], "run.json").read_bytes())["step"] == 3


def tree(page: Page) -> list[str]:
    """Return the paths in the tree of a page, folders with a slash behind; two spaces lead a level deeper."""
    (block,) = re.findall(r"^## The tree\n\n```\n(.*?)^```$", page.text, re.DOTALL | re.MULTILINE)
    paths, above = [], dict[int, str]()
    for line in block.splitlines():
        indent = len(line) - len(line.lstrip())
        name = line.split()[0]
        path = above.get(indent - 2, "") + name
        assert len(line.split()) > 1, f"{path}: nothing is said of it"
        above = {level: folder for level, folder in above.items() if level < indent} | {indent: path}
        paths.append(path)
    return paths


def there(folder: str) -> set[str]:
    """Return the modules and packages in a folder of the repository as a tree names them."""
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}
    modules = {path for path in found if path == "zoo/__init__.py" or not path.endswith("__init__.py")}
    return modules | {f"{PurePosixPath(path).parent}/" for path in found}


@pytest.mark.parametrize("name", ["README.md", "docs/design.md"])
def test_every_path_in_a_tree_exists_once(name: str) -> None:
    paths = tree(PAGES[name])

    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("package", ["zoo", "plugins/zoo_plugins", "export/zoo_export", "hub/zoo_hub"])
def test_the_trees_name_every_module_and_every_folder(package: str) -> None:
    modules = {path for path in tree(PAGES["docs/design.md"]) if path.startswith(f"{package}/")}
    folders = {path for path in tree(PAGES["README.md"]) if path.startswith(f"{package}/")}

    assert modules == there(package)
    assert (
        folders == {path for path in there(package) if path.endswith("/")} or package == "plugins/zoo_plugins"
    )
