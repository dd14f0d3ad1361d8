"""What is imported when: the arrows between the packages, and that pictures never wait for torch."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo
import zoo_export
import zoo_hub
import zoo_plugins
from tests.support.arrows import arrows_up, circles, crowded, homeless, imports_of, modules_of
from tests.support.handmade import build
from zoo.plugins.collect import load_registry
from zoo.plugins.manager import BUILTIN_PLUGINS
from zoo.plugins.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

PACKAGES = {
    package.__name__: Path(str(package.__file__)).parent
    for package in (zoo, zoo_plugins, zoo_export, zoo_hub)
}
FLOORS = tuple(
    frozenset(rooms.split())
    for rooms in (
        "zoo.__about__ zoo.errors zoo.batch zoo.layers zoo_plugins zoo_export zoo_hub",
        "zoo.images zoo.system zoo.decoding",
        "zoo.recipes zoo_plugins.hub_file",
        "zoo.history",
        "zoo.components zoo.generators",
        "zoo.hookspecs zoo.data",
        "zoo.plugins zoo.training zoo.pace",
        "zoo.evaluation",
        "zoo_plugins.architectures zoo_plugins.augmentations zoo_plugins.datasets zoo_plugins.features"
        " zoo_plugins.losses zoo_plugins.metrics zoo_plugins.recipes zoo_plugins.regularizers zoo_plugins.symptoms"
        " zoo_plugins.trackers",
        "zoo.distributed",
        "zoo.runs",
        "zoo.sweeps",
        "zoo.reports",
        "zoo.notebook",
        "zoo.api",
        "zoo.figures",
        "zoo.cli",
        "zoo zoo.__main__",
        "zoo_export.inspection",
        "zoo_export.runtime",
        "zoo_export.convert zoo_export.describe",
        "zoo_export.browser",
        "zoo_export.report",
        "zoo_export.export",
        "zoo_export.open",
        "zoo_export.cli",
        "zoo_export.hooks",
        "zoo_hub.client",
        "zoo_hub.names zoo_hub.providers zoo_hub.repository",
        "zoo_hub.card zoo_hub.catalogue zoo_hub.pull",
        "zoo_hub.push zoo_hub.server",
        "zoo_hub.bundled zoo_hub.space",
        "zoo_hub.cli",
        "zoo_hub.hooks",
    )
)
"""From the ground up. The core's own plugins import what every plugin may; nothing above imports them."""
STRANGERS = {
    "zoo": {"zoo_plugins", "zoo_export", "zoo_hub"},
    "zoo_plugins": {"zoo_export", "zoo_hub"},
    "zoo_export": {"zoo_plugins", "zoo_hub"},
    "zoo_hub": {"zoo_plugins"},
}
"""What a package must not know, below it or not: the core's plugins find it, and not the other way round."""
MOST_MODULES = 14
HEAVY = (
    "torch",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "huggingface_hub",
    "pydantic",
    "rich",
    "starlette",
    "uvicorn",
    "zoo_plugins",
)


def sources(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield every module that a file imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would hide an arrow"
            yield node.module or ""


def words(tree: ast.AST) -> Iterator[str]:
    """Yield every piece of text in a file that is no docstring."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body
        and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_arrows_run_down_without_a_circle() -> None:
    modules = {name: path for folder in PACKAGES.values() for name, path in modules_of(folder).items()}
    imports = imports_of(modules)
    assert len(modules) > 150
    assert len(imports) > 500
    wrong = [*circles(imports), *arrows_up(imports, FLOORS), *homeless(modules, FLOORS)]
    assert not wrong, "\n".join(wrong)


def test_no_folder_is_crowded() -> None:
    tests = Path(__file__).parent
    for folder in (*PACKAGES.values(), tests, tests.parent / "benchmarks"):
        assert crowded(modules_of(folder), MOST_MODULES) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_knows_a_stranger(package: str) -> None:
    for path in sources(package):
        tops = {module.partition(".")[0] for module in imported(ast.parse(path.read_text("utf-8")))}
        assert not tops & {*STRANGERS[package], "plugins", "export", "hub", "tests"}, path


MADE_UP = {
    "__init__": "",
    "low/__init__": "",
    "low/ground": "import os",
    "low/sly": "def later():\n    from house.high import roof",
    "high/__init__": "",
    "high/roof": "from house.low.ground import name\nfrom house.low import sly",
    "high/attic": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.high.loft import Bed",
    "high/loft": "import house.high.attic",
    "shed": "",
}


def test_the_checker_finds_what_is_wrong_and_says_where(tmp_path: Path) -> None:
    house = tmp_path / "house"
    for name, text in MADE_UP.items():
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / f"{name}.py").write_text(text)
    modules = modules_of(house)
    imports = imports_of(modules)
    floors = (frozenset({"house.low"}), frozenset({"house.high", "house"}))

    assert arrows_up(imports, floors) == [
        f"an arrow up: {house}/low/sly.py:2 imports house.high.roof, and house.high is not below house.low"
    ]
    assert sorted(circles(imports)) == [
        f"a circle: {house}/high/attic.py:3 imports house.high.loft, {house}/high/loft.py:1 imports house.high.attic",
        f"a circle: {house}/high/roof.py:2 imports house.low.sly, {house}/low/sly.py:2 imports house.high.roof",
    ]
    assert homeless(modules, floors) == [f"in no room: {house}/shed.py"]
    assert crowded(modules, 2) == [f"crowded: {house}/high has 3 modules"]


def test_the_core_names_the_others_only_where_it_lists_its_own_plugins() -> None:
    listed = {module for modules in BUILTIN_PLUGINS.values() for module in modules}
    others = tuple(set(PACKAGES) - {"zoo"})
    for path in sources("zoo"):
        named = {word for word in words(ast.parse(path.read_text("utf-8"))) if word.startswith(others)}
        assert named <= (listed if path.name == "manager.py" else set()), path


def test_the_core_knows_no_component() -> None:
    registry = load_registry()
    names = {name for kind in KINDS for name in registry.names(kind)} - {
        "array",
        "folder",
        "precision",
    }  # plain words too
    assert {"bce", "wasserstein", "dcgan", "quickdraw"} <= names
    for path in sources("zoo"):
        assert not names & set(words(ast.parse(path.read_text("utf-8")))), path


def test_every_plugin_stands_alone() -> None:
    # What two data sets from the Hub have in common, and these with networks from there.
    shared = {"zoo_plugins.datasets.hub", "zoo_plugins.hub_file"}
    for path in sources("zoo_plugins"):
        from_siblings = {
            module
            for module in imported(ast.parse(path.read_text("utf-8")))
            if module.startswith("zoo_plugins")
        }
        assert from_siblings <= shared, path


TELL = f"""
import atexit, json, sys, time
def tell():
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    print(json.dumps([heavy, time.process_time()]), file=sys.stderr)
atexit.register(tell)
"""
BLOCK = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "onnxscript"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
"""


@pytest.fixture
def heavy(others: Plugins) -> Plugins:
    """Install a plugin that imports torch, as plugins that bring components do."""
    others.add("zoo-heavy", "import torch\nfrom zoo.hookspecs import hookimpl\n@hookimpl\n"
               "def zoo_register_losses(): return []\n")  # fmt: skip
    return others


@pytest.mark.parametrize("command", ["", "generate", "demo", "push", "pull", "export", "train", "resume"])
def test_help_imports_nothing_heavy(command: str, heavy: Plugins) -> None:
    ran = heavy.process(*filter(None, [command, "--help"]), code=TELL)
    imported, seconds = json.loads(ran.err)

    assert ran.code == 0
    assert ran.out.startswith("Usage: ")
    assert imported == []
    assert seconds < 1, "of the processor's time, of which 0.13 is usual"


def test_the_plugin_that_imports_torch_is_really_there(heavy: Plugins) -> None:
    ran = heavy.process("plugins", code=TELL)

    assert "zoo-heavy 1.0" in ran.out
    assert "torch" in json.loads(ran.err)[0]


def test_import_zoo_imports_nothing_heavy(others: Plugins) -> None:
    ran = others.process("--version", code=f"{TELL}\nimport zoo; assert 'pluggy' not in sys.modules")

    assert (ran.code, json.loads(ran.err)[0]) == (0, [])


@pytest.mark.parametrize("command", ["", "generate", "demo", "push", "pull"])
def test_help_works_where_torch_is_not_installed(command: str, heavy: Plugins) -> None:
    ran = heavy.process(*filter(None, [command, "--help"]), code=BLOCK)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: ")


@pytest.mark.parametrize("arguments", [("train", "camel-wgangp"), ("list",), ("info", "bce"), ("plugins",)])
def test_what_needs_torch_says_how_to_get_it(arguments: tuple[str, ...], others: Plugins) -> None:
    ran = others.process(*arguments, code=BLOCK)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"zoo: error: {ran.error}\n"
    assert ran.error == 'torch is not installed, and this needs it. Run pip install "gan-model-zoo[train]"'
    assert list(Path.cwd().iterdir()) == []


def test_loading_a_file_imports_nothing_heavy_here_and_onnxruntime_elsewhere(
    others: Plugins, tmp_path: Path
) -> None:
    (tmp_path / "hand.onnx").write_bytes(build().SerializeToString())
    code = f"{TELL}\nimport zoo; zoo.load(sys.argv[1]); sys.exit()"

    imported, seconds = json.loads(others.process(tmp_path / "hand.onnx", code=code).err)

    assert imported == []
    assert seconds < 1, "of the processor's time, of which 0.2 is usual"


def test_pictures_are_made_where_torch_is_not_installed(others: Plugins, tiny: Path, tmp_path: Path) -> None:
    run = zoo.train(str(tiny), steps=1, out=tmp_path / "run")
    expected = zoo.load(run).sample(2, seed=7)
    code = "import numpy, zoo; numpy.save(sys.argv[1], zoo.load(sys.argv[2]).sample(2, seed=7)); sys.exit()"

    ran = others.process(tmp_path / "pictures.npy", run / "generator", code=f"{BLOCK}\n{code}")
    made = others.process("generate", run / "generator" / "onnx" / "model.onnx", "-n", "2", code=BLOCK)

    assert (ran.code, ran.err) == (0, "")
    assert np.array_equal(np.load(tmp_path / "pictures.npy"), expected)
    assert (made.code, made.out) == (0, "grid.png\n")
