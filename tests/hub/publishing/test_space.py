"""`zoo push --space`: a play page as a static Space, over no one's files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.hub.folder import make_folder
from zoo.errors import ZooError
from zoo_export.browser.folder import listed_files
from zoo_export.browser.page import MADE_BY, make_page
from zoo_hub.cli.push import push

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub
    from zoo_hub.server.repo import Repo

pytest_plugins = ["tests.support.hub.fixtures"]

HOSTILE = "<script>alert(1)</script>\": |'&"
CLIENT = """
from huggingface_hub import HfApi
api = HfApi()
info = api.space_info("me/play", files_metadata=True)
assert info.sdk == "static", info
assert [space.id for space in api.list_spaces(author="me")] == ["me/play"]
assert api.list_models(author="me") is not None and not list(api.list_models(author="me"))
models = [file.rfilename for file in info.siblings if file.lfs]
assert models == ["models/camel.onnx"], models
path = api.hf_hub_download("me/play", "page.json", repo_type="space")
assert "play page" in open(path).read()
assert {file.path for file in api.list_repo_tree("me/play", "models", repo_type="space")} == set(models)
api.delete_repo("me/play", repo_type="space")
assert not api.repo_exists("me/play", repo_type="space")
"""


def space(hub: Hub) -> Repo:
    repo = hub.store.load("spaces", "me/play")
    assert repo is not None
    return repo


def files(hub: Hub) -> dict[str, bytes]:
    repo = space(hub)
    tree = repo["commits"][repo["branches"]["main"]]["tree"]
    return {name: hub.store.path(entry).read_bytes() for name, entry in tree.items()}


def commit(hub: Hub, changed: dict[str, bytes]) -> None:
    """Commit files to the Space, as a person might."""
    repo = space(hub)
    tree = dict(repo["commits"][repo["branches"]["main"]]["tree"])
    tree.update((name, hub.store.put(data)) for name, data in changed.items())
    hub.store.commit(repo, "main", tree, "by hand", "", "me")


@pytest.fixture
def camel(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "camel")


def test_a_page_becomes_a_space_that_the_real_client_finds(hub: Hub, me: Person, camel: Path) -> None:
    ran = me.zoo("push", "--space", "me/play", camel, "--message", "Look", "--private")
    assert (ran.code, ran.out) == (0, f"{hub.url}/spaces/me/play\n"), ran.err
    assert space(hub)["private"]
    published = files(hub)
    assert {"README.md", "index.html", "page.json", "models/camel.onnx", "js/main.js"} <= set(published)
    here = str(camel.parent).encode()
    assert [name for name, data in published.items() if here in data] == [], (
        "where it lay is nobody's business"
    )
    assert published["models/camel.onnx"] == (camel / "onnx/model.onnx").read_bytes()
    assert published == {".gitattributes": published[".gitattributes"], **make_page([str(camel)])}
    assert yaml.safe_load(published["README.md"].split(b"---")[1]) == {"title": "camel", "sdk": "static"}
    assert [one["title"] for one in space(hub)["commits"].values()] == ["initial commit", "Look"]
    ran = me.python("-c", CLIENT)
    assert (ran.code, ran.out) == (0, ""), ran.err


def test_a_second_push_replaces_what_the_old_page_lists_and_nothing_else(
    hub: Hub, me: Person, camel: Path
) -> None:
    assert me.zoo("push", "--space", "me/play", camel).code == 0
    commits = len(space(hub)["commits"])
    commit(hub, {"LICENSE": b"mine", "models/notes.txt": b"mine"})
    horse = shutil.copytree(camel, camel.parent / "horse")
    asked = len(hub.log)
    before = me.zoo("push", "--space", "me/play", horse, "--dry-run")
    assert "file   models/horse.onnx  " in before.out
    assert len(hub.log) == asked
    assert len(space(hub)["commits"]) == commits + 1
    assert me.zoo("push", "--space", "me/play", horse).code == 0
    published = files(hub)
    assert published["LICENSE"] == published["models/notes.txt"] == b"mine"
    assert "models/horse.onnx" in published
    assert "models/camel.onnx" not in published


@pytest.mark.parametrize("page", [None, b'{"made_by": "somebody", "files": ["index.html"]}'])
def test_a_space_of_somebodys_own_stays(hub: Hub, me: Person, camel: Path, page: bytes | None) -> None:
    hub.store.create("spaces", "me/play", "me", private=False)
    commit(hub, {"index.html": b"<h1>mine</h1>", **({} if page is None else {"page.json": page})})
    before = files(hub)
    ran = me.zoo("push", "--space", "me/play", camel)
    assert (ran.code, ran.out) == (3, "")
    assert "me/play: this Space holds index.html, which no play page made. Give another OWNER/NAME" in ran.err
    assert files(hub) == before


@pytest.mark.parametrize(
    "page", [b"", b"{", b"[1]", b"[" * 100_000, b'{"made_by": "%s"}' % MADE_BY.encode(), b"\xff"]
)
def test_what_is_no_list_of_a_pages_files_lists_nothing(page: bytes) -> None:
    assert listed_files(page) == set()


def test_a_space_as_the_hub_begins_one_is_filled(hub: Hub, me: Person, camel: Path) -> None:
    """Also where a push was killed after it had created the Space."""
    repo = hub.store.create("spaces", "me/play", "me", private=False)
    tree = repo["commits"][repo["branches"]["main"]]["tree"]
    tree["index.html"] = hub.store.put(b"<p>Welcome to your static Space!</p>")
    hub.store.save(repo)
    assert me.zoo("push", "--space", "me/play", camel).code == 0
    assert b"Welcome" not in files(hub)["index.html"]


def test_hostile_names_are_text(hub: Hub, me: Person, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / HOSTILE.replace("/", "-"))
    assert me.zoo("push", "--space", "me/play", folder).code == 0
    published = files(hub)
    assert b"<script>alert" not in published["index.html"]
    card = published["README.md"].decode()
    assert yaml.safe_load(card.split("---")[1]) == {"title": folder.name, "sdk": "static"}
    (model,) = (name for name in published if name.endswith(".onnx"))
    assert model.removeprefix("models/").removesuffix(".onnx").replace("-", "").isalnum()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--space", "me/play", "--tag", "v1"], 2, "--space: a page has no use for --tag. Leave it out"),
        (["--space", "me/play", "--license", "mit"], 2, "--space: a page has no use for --license. Leave it out"),
        (["--space", "me/play", "--revision", "x"], 2, "--space: a page has no use for --revision. Leave it out"),
        (["--space", "me/play@v1"], 2, "--space: a page is published on main. Leave @v1 out"),
        (["--space", "--bundled", "me"], 2,
         "--bundled, --space: a push publishes the one or the other. Leave one of them out"),
        (["me/play", "a", "b"], 2, "b: a push publishes one generator. Leave it out, or publish it by itself"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(arguments: list[str], code: int, said: str) -> None:
    with pytest.raises(ZooError) as refused:
        push.main(arguments, standalone_mode=False)
    assert (refused.value.exit_code, str(refused.value)) == (code, said)


def test_a_public_space_is_not_made_private_by_the_way(hub: Hub, me: Person, camel: Path) -> None:
    hub.store.create("spaces", "me/play", "me", private=False)
    ran = me.zoo("push", "--space", "me/play", camel, "--private")
    assert ran.code == 3
    assert "me/play: it exists and is public, and --private is for new Spaces" in ran.err
