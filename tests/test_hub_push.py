"""What a push leaves on the Hub, and what it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.hub_folder import make_folder
from tests.hub_publish import the_repo
from zoo.errors import InputError, UsageError
from zoo_hub.commands import push

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub_fixtures import Person
    from tests.hub_server.hub import Hub
    from tests.hub_server.store import Repo

pytest_plugins = ["tests.hub_fixtures"]

PUBLISHED = [
    "README.md",
    "config.json",
    "model.safetensors",
    "onnx/model.onnx",
    "onnx/report.json",
    "samples.png",
]


def history(repo: Repo) -> list[str]:
    """Return the titles of a repository's commits, newest first."""
    titles, sha = [], repo["branches"].get("main")
    while sha:
        titles.append(repo["commits"][sha]["title"])
        sha = repo["commits"][sha]["parent"]
    return titles


def published(hub: Hub, repo: Repo) -> dict[str, bytes]:
    tree = repo["commits"][repo["branches"]["main"]]["tree"]
    return {
        name: hub.store.path(entry).read_bytes() for name, entry in tree.items() if name != ".gitattributes"
    }


def test_push_makes_one_commit_of_the_generators_files(hub: Hub, me: Person, folder: Path) -> None:
    ran = me.zoo("push", "me/camel", folder)
    assert (ran.code, ran.out) == (0, f"{hub.url}/me/camel\n")
    assert ran.err == "Get pictures from it with `zoo generate me/camel`\n"
    repo = the_repo(hub)
    assert history(repo) == ["Publish camel-wgangp", "initial commit"]
    assert published(hub, repo) == {name: (folder / name).read_bytes() for name in PUBLISHED}
    assert not repo["private"]
    commit = next(entry for entry in hub.log if "/commit/" in entry.path)
    assert commit.user_agent.startswith("gan-model-zoo/0.1.0; hf_hub/")
    assert [entry.method for entry in hub.log if entry.host == "cdn"].count("PUT") == 2
    assert hub.leaked_tokens == 0


def test_a_second_push_commits_only_what_changed(hub: Hub, me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    again = me.zoo("push", "me/camel", folder)
    nothing = "me/camel: nothing changed since the last push, so there is no new commit\n"
    assert (again.code, again.err.startswith(nothing)) == (0, True)
    assert len(history(the_repo(hub))) == 2
    make_folder(folder, seed=1)
    assert me.zoo("push", "me/camel", folder, "--message", "Longer").code == 0
    repo = the_repo(hub)
    assert history(repo) == ["Longer", "Publish camel-wgangp", "initial commit"]
    assert published(hub, repo)["onnx/model.onnx"] == (folder / "onnx/model.onnx").read_bytes()


def test_a_card_of_somebodys_own_words_gets_metadata_only(hub: Hub, me: Person, folder: Path) -> None:
    (folder / "README.md").write_text("My own words.\n")
    assert me.zoo("push", "me/camel", folder).code == 0
    card = published(hub, the_repo(hub))["README.md"].decode()
    assert "\nlicense: cc-by-4.0\n" in card.partition("\n---\n")[0]
    assert re.sub(r"(?s)\A---\n.*?---\n|<!-- zoo:seal .*", "", card).strip() == "My own words."


def test_an_untouched_card_follows_the_name(hub: Hub, me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    assert me.zoo("push", "me/dromedary", folder).code == 0
    card = published(hub, the_repo(hub, "me/dromedary"))["README.md"].decode()
    assert "zoo generate me/dromedary " in card
    assert "me/camel" not in card


def test_private_is_for_new_repositories(hub: Hub, me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/hidden", folder, "--private").code == 0
    assert the_repo(hub, "me/hidden")["private"]
    hub.store.create("models", "me/camel", "me", private=False)
    refused = me.zoo("push", "me/camel", folder, "--private")
    assert (refused.code, refused.err) == (
        3,
        "me/camel: it exists and is public, and --private is for new repositories. "
        "Make it private in its settings, or push without --private\n",
    )
    assert history(the_repo(hub)) == ["initial commit"]


def test_the_latest_run_is_pushed_when_none_is_named(hub: Hub, me: Person) -> None:
    for number, started in ((1, "2026-01-02"), (2, "2026-01-01")):
        run = me.home / "runs" / f"camel-wgangp-{number}"
        make_folder(run / "generator", seed=number)
        (run / "run.json").write_text(json.dumps({"started": started}))
    assert me.zoo("push", "me/camel").code == 0
    newest = me.home / "runs/camel-wgangp-1/generator/onnx/model.onnx"
    assert published(hub, the_repo(hub))["onnx/model.onnx"] == newest.read_bytes()


def test_a_damaged_folder_reaches_no_hub(hub: Hub, me: Person, folder: Path) -> None:
    size = (folder / "samples.png").stat().st_size
    (folder / "samples.png").write_bytes(bytes(size))
    ran = me.zoo("push", "me/camel", folder)
    assert ran.code == 4
    assert ran.err.startswith(f"{folder / 'samples.png'}: its sha256 is ")
    assert hub.log == []


def test_a_failed_upload_of_a_large_file_is_one_line(hub: Hub, me: Person, folder: Path) -> None:
    hub.fault("status", path="/x/put/", status=403, times=0)
    ran = me.zoo("push", "me/camel", folder)
    assert (ran.code, ran.err) == (
        6,
        "me/camel: this token may not write there (403). "
        f"Make one that may at {hub.url}/settings/tokens and set HF_TOKEN\n",
    )
    assert history(the_repo(hub)) == ["initial commit"]


@pytest.mark.parametrize("name", ["camel", "me/my camel", "me/a/b", "/camel", "me/a..b", ""])
def test_a_name_that_is_none_on_the_hub(name: str) -> None:
    with pytest.raises(UsageError) as error:
        push.main([name], standalone_mode=False)
    assert str(error.value) == (
        f"{name}: it is no name on the Hub. Give OWNER/NAME, for example me/camel-wgangp"
    )


def test_a_push_takes_no_revision() -> None:
    with pytest.raises(UsageError) as error:
        push.main(["me/camel@v1"], standalone_mode=False)
    assert str(error.value) == "me/camel@v1: a push names its branch with --revision. Leave @v1 out"


def test_a_path_without_a_generator(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(InputError) as error:
        push.main(["me/camel", str(missing)], standalone_mode=False)
    assert str(error.value) == f"{missing}: there is no such folder. Give a run or a generator folder"
    with pytest.raises(InputError) as error:
        push.main(["me/camel", str(tmp_path)], standalone_mode=False)
    assert str(error.value) == f"{tmp_path}: it is neither a run nor a generator folder. Give one of the two"
