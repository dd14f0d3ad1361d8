"""`zoo push --bundled`: the package's generators on the Hub, the page that lists them, and newer ones pulled."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.hub.folder import make_folder
from tests.support.hub.publish import contents, the_repo
from zoo.errors import ZooError
from zoo.generators.config import GeneratorConfig
from zoo.generators.files import CONFIG, ONNX, ONNX_FP16, REPORT
from zoo.generators.folder import GeneratorFolder
from zoo_hub.bundled import index_page
from zoo_hub.card.card import render
from zoo_hub.card.variety import measure
from zoo_hub.cli.push import push
from zoo_hub.repository.choice import Choice

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person, Ran
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]

NAMES = ["ant", "bee"]
RUN = """
import sys
from pathlib import Path
import zoo.generators.bundled
zoo.generators.bundled.FOLDER = Path(sys.argv.pop(1))
from tests.support.hub.run import main
sys.exit(main())
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with two pretrained generators, in float16 alone, as they ship; one has the card that ships, too."""
    for seed, name in enumerate(NAMES):
        folder = make_folder(tmp_path / "package" / name, seed=seed)
        (folder / ONNX).rename(folder / ONNX_FP16)
        for listed in (CONFIG, REPORT):
            facts = (folder / listed).read_text().replace(ONNX, ONNX_FP16)
            (folder / listed).write_text(facts)
        config = json.loads((folder / CONFIG).read_text())
        config["recipe"] = name
        del config["files"]["model.safetensors"], config["files"][REPORT]
        (folder / CONFIG).write_text(json.dumps(config))
        _list(folder, REPORT)
    ant = GeneratorFolder.open(tmp_path / "package" / "ant")
    ant.file("README.md").write_text(render("ant", ant.config), "utf-8", newline="")
    return tmp_path / "package"


def _list(folder: Path, name: str) -> None:
    from hashlib import sha256

    data = (folder / name).read_bytes()
    config = json.loads((folder / CONFIG).read_text())
    config["files"][name] = {"sha256": sha256(data).hexdigest(), "size": len(data)}
    (folder / CONFIG).write_text(json.dumps(config))


def zoo(person: Person, package: Path, *arguments: str) -> Ran:
    return person.python("-c", RUN, str(package), *arguments)


def page(hub: Hub) -> str:
    repo = the_repo(hub, "me/gan-model-zoo")
    entry = repo["commits"][repo["branches"]["main"]]["tree"]["README.md"]
    return hub.store.path(entry).read_text("utf-8")


def commits(hub: Hub) -> dict[str, int]:
    return {name: len(the_repo(hub, f"me/{name}")["commits"]) for name in (*NAMES, "gan-model-zoo")}


def test_all_are_published_with_cards_and_listed(hub: Hub, me: Person, you: Person, package: Path) -> None:
    before = contents(package)
    ran = zoo(me, package, "push", "--bundled", "me", "--tag", "v1")
    assert ran.code == 0, ran.err
    assert ran.out.split() == [f"{hub.url}/me/{name}" for name in (*NAMES, "gan-model-zoo")]
    assert contents(package) == before, "the package is not written"
    for name in NAMES:
        repo = the_repo(hub, f"me/{name}")
        tree = repo["commits"][repo["tags"]["v1"]]["tree"]
        assert {"README.md", CONFIG, ONNX_FP16, REPORT, "samples.png"} <= set(tree)
        shipped = GeneratorFolder.open(package / name)
        for listed in (CONFIG, *shipped.config.files):
            assert hub.store.path(tree[listed]).read_bytes() == shipped.file(listed).read_bytes()
        card = hub.store.path(tree["README.md"]).read_text("utf-8")
        assert card == render(f"me/{name}", shipped.config, variety=measure(shipped))
        assert f'InferenceSession("{ONNX_FP16}"' in card
        row = f"| ![]({hub.url}/me/{name}/resolve/main/samples.png) | [me/{name}]({hub.url}/me/{name}) |"
        assert row in page(hub)
    assert the_repo(hub, "me/gan-model-zoo")["tags"] == {}
    assert zoo(you, package, "pull", "me/ant", "--to", "copy").code == 0
    for listed in (CONFIG, *GeneratorFolder.open(package / "ant").config.files):
        assert (you.home / "copy" / listed).read_bytes() == (package / "ant" / listed).read_bytes()


def test_a_second_push_changes_what_changed_and_keeps_what_people_wrote(
    hub: Hub, me: Person, package: Path
) -> None:
    assert zoo(me, package, "push", "--bundled", "me").code == 0
    first = commits(hub)
    repo = the_repo(hub, "me/gan-model-zoo")
    tree = repo["commits"][repo["branches"]["main"]]["tree"]
    theirs = page(hub).replace("# Pretrained", "# My own") + "\nWords of mine.\n"
    hub.store.commit(
        repo,
        "main",
        {**tree, "README.md": hub.store.put(theirs.encode()), "notes": hub.store.put(b"x")},
        "s",
        "",
        "me",
    )
    config = json.loads((package / "bee" / CONFIG).read_text())
    config["training"]["value"] = 3.25
    (package / "bee" / CONFIG).write_text(json.dumps(config))
    ran = zoo(me, package, "push", "--bundled", "me")
    assert ran.code == 0, ran.err
    assert commits(hub) == {"ant": first["ant"], "bee": first["bee"] + 1, "gan-model-zoo": first["bee"] + 2}
    assert page(hub) == theirs.replace(" 12.5 |", " 3.25 |").replace(" 3.25 |", " 12.5 |", 1)
    repo = the_repo(hub, "me/gan-model-zoo")
    assert "notes" in repo["commits"][repo["branches"]["main"]]["tree"]


def test_the_list_keeps_figures_of_different_protocols_apart(package: Path) -> None:
    folders = {name: GeneratorFolder.open(package / name) for name in NAMES}
    assert "|  | name | pictures | swd | licence of the images |" in index_page("", folders)
    config = folders["bee"].config
    measured = {"value": 3.25, "protocol": "another | way", "higher_is_better": False}
    training = config.training.model_copy(update=measured)
    folders["bee"] = replace(folders["bee"], config=config.model_copy(update={"training": training}))

    lines = index_page("", folders).splitlines()

    assert r"|  | name | pictures | swd \[1\] | swd \[2\], lower is better | licence of the images |" in lines
    (bee,) = (line for line in lines if "[bee]" in line)
    assert bee.endswith(" | 4 x 4 |  | 3.25 | cc-by-4.0 |")
    assert r"- swd \[2\]: another \| way; 100 images, bundled sample" in lines


def test_a_dry_run_sends_nothing(hub: Hub, me: Person, package: Path) -> None:
    ran = zoo(me, package, "push", "--bundled", "me", "--dry-run")
    assert ran.code == 0, ran.err
    assert [line for line in ran.out.splitlines() if line.startswith("to ")] == [
        f"to     me/{name}, branch main" for name in NAMES
    ]
    assert hub.log == []
    assert list(hub.store.every("models")) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["me/x"], 3, "--bundled me/x: it is no owner. Give a user or an organisation of the Hub"),
        (["me@v1"], 3, "--bundled me@v1: it is no owner. Give a user or an organisation of the Hub"),
        ([".."], 3, "--bundled ..: it is no owner. Give a user or an organisation of the Hub"),
        (["me", "runs/x"], 2, "--bundled: it publishes what comes with the package. Leave runs/x out"),
        (["me", "--revision", "dev"], 2, "--bundled: it publishes on main. Leave --revision out"),
    ],
)
def test_what_cannot_be_meant(arguments: list[str], code: int, said: str) -> None:
    with pytest.raises(ZooError) as refused:
        push.main(["--bundled", *arguments], standalone_mode=False)
    assert (refused.value.exit_code, str(refused.value)) == (code, said)


def test_a_generator_where_the_list_would_be_stays(hub: Hub, me: Person, package: Path) -> None:
    repo = hub.store.create("models", "me/gan-model-zoo", "me", private=False)
    hub.store.commit(repo, "main", {CONFIG: hub.store.put(b"{}")}, "a generator", "", "me")
    ran = zoo(me, package, "push", "--bundled", "me")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        "me/gan-model-zoo: a generator is published there, and the list of all has that name. Move it\n"
    )


def test_a_pull_says_what_the_short_name_means_then(me: Person, you: Person, package: Path) -> None:
    """A newer one never takes the place of the package's by itself; a copy in this folder does, as any path does."""
    assert me.zoo("push", "me/ant", package / "ant").code == 0
    said = zoo(you, package, "pull", "me/ant").err
    assert said.endswith(
        "`ant` alone still means the one that comes with the package; "
        "`zoo pull me/ant --to ant` puts this one before it, in this folder\n"
    )
    said = zoo(you, package, "pull", "me/ant", "--to", "ant").err
    assert said.endswith("In this folder `ant` now means this one, not the one that comes with the package\n")
    opened = (
        "import sys, zoo.generators.bundled as b, pathlib; b.FOLDER = pathlib.Path(sys.argv[1])\n"
        "import zoo; zoo.load('ant'); zoo.load('bee'); print('both')"
    )
    assert you.python("-c", opened, str(package)).out == "both\n"


def test_float16_is_what_is_needed_only_where_it_is_all_there_is(package: Path, folder: Path) -> None:
    shipped, exported = (
        GeneratorConfig.model_validate_json((path / CONFIG).read_bytes())
        for path in (package / "ant", folder)
    )
    assert (shipped.onnx, exported.onnx) == (ONNX_FP16, ONNX)
    assert Choice().needed(shipped) == [CONFIG, ONNX_FP16]
    assert Choice(("fp16",)).needed(exported) == [CONFIG, ONNX, ONNX_FP16]
