"""`zoo list --hub`, `zoo info OWNER/NAME` and `zoo cache`."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.hub.folder import make_folder
from tests.support.hub.publish import contents, head, put, the_repo
from zoo.generators.folder import GeneratorFolder
from zoo_hub.catalogue import printable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person, Ran
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]


def zoo(person: Person, *arguments: str, **environment: str) -> Ran:
    """Run the whole command line, whose `list` and `info` are the core's."""
    settings = {"ZOO_CACHE": str(person.home / "images"), **environment}
    return person.python("-m", "zoo", *arguments, **settings)


def test_the_list_of_generators(hub: Hub, me: Person, you: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    assert me.zoo("push", "me/secret", folder, "--private").code == 0
    repo = hub.store.create("models", "you/bert", "you", private=False)
    hub.store.commit(repo, "main", {"README.md": hub.store.put(b"---\ntags: [bert]\n---\n")}, "x", "", "you")
    listed = zoo(you, "list", "--hub")
    titles, better, row, note = listed.out.splitlines()
    assert titles.split() == ["name", "pictures", "downloads", "licence", "swd"]
    assert better.split() == ["better", "-"]
    assert row.split() == ["me/camel", "4x4", "-", "cc-by-4.0", "12.5"]
    assert note == "swd: 256 held-out images | 16 and 8 pixels; quickdraw"
    assert listed.err == ""
    mine = zoo(me, "list", "--hub", "me", "--search", "SEC", "--json")
    assert json.loads(mine.out) == [
        {
            "name": "me/secret",
            "pictures": "4x4",
            "downloads": None,
            "licence": "cc-by-4.0",
            "figures": [
                {
                    "metric": "swd",
                    "value": 12.5,
                    "protocol": "256 held-out images | 16 and 8 pixels",
                    "images": "quickdraw",
                    "fingerprint": "0" * 64,
                    "higher_is_better": None,
                }
            ],
        }
    ]
    none = zoo(you, "list", "--hub", "you")
    assert (none.code, none.out, none.err) == (
        0,
        "",
        "There is none. Publish one with `zoo push OWNER/NAME`\n",
    )


def claim(metric: str, value: float, **how: object) -> dict[str, object]:
    """Return a figure as a card claims it."""
    return {
        "task": {"type": "unconditional-image-generation"},
        "dataset": {"type": "cats", "name": "cats"},
        "metrics": [{"type": metric, "value": value, "args": how}],
    }


def test_figures_of_different_protocols_are_never_in_one_column(hub: Hub, you: Person) -> None:
    same = {"protocol": "p", "fingerprint": "a" * 64, "higher_is_better": False}
    claims = {
        "one": [claim("swd", 1.5, **same)],
        "two": [claim("swd", 2.5, **same), claim("density", 0.5, **{**same, "higher_is_better": True})],
        "way": [claim("swd", 3.5, **{**same, "protocol": "another"})],
        "set": [claim("swd", 4.5, **{**same, "fingerprint": "b" * 64})],
        "old": [claim("swd", 5.5), claim("swd", 6.5, protocol="p"), claim("swd", 7.5, **{**same, "protocol": 8})],
        "odd": [claim("swd", float("inf"), **same), claim("swd", 8.5, **{**same, "protocol": "p" * 1001})],
    }  # fmt: skip
    for name, figures in claims.items():
        repo = hub.store.create("models", f"you/{name}", "you", private=False)
        index = json.dumps([{"name": name, "results": figures}])
        card = f"---\nlibrary_name: gan-model-zoo\ntags: [gan]\nmodel-index: {index}\n---\n"
        hub.store.commit(repo, "main", {"README.md": hub.store.put(card.encode())}, "x", "", "you")

    listed = zoo(you, "list", "--hub")

    lines = [re.split(r" {2,}", line) for line in listed.out.splitlines()]
    assert sorted(lines[0][4:]) == ["swd [1]", "swd [2]", "swd [3]"]
    assert lines[1][-3:] == ["lower"] * 3
    rows = {line[0]: line[4:] for line in lines[2:8]}
    assert rows["you/one"].index("1.5") == rows["you/two"].index("2.5"), "one way, the same images"
    alone = {name: rows[f"you/{name}"].index(value) for name, value in (("way", "3.5"), ("set", "4.5"))}
    for place in alone.values():
        assert sum(row[place] != "-" for row in rows.values()) == 1
    assert set(rows["you/old"]) == set(rows["you/odd"]) == {"-"}
    assert len([line for line in lines if line[0].startswith("swd [")]) == 3, "a note for each column"
    assert listed.err.startswith("5 figures left out: a generator's further ones, ")
    assert listed.err.endswith("`zoo info OWNER/NAME` shows them\n")


def test_a_strangers_card_neither_moves_the_cursor_nor_ends_the_list(hub: Hub, you: Person) -> None:
    card = '---\nlibrary_name: gan-model-zoo\nlicense: "\\e[2J\\nmit"\nmodel-index: 7\ntags: [1, gan]\n---\n'
    put(hub, {"README.md": card.encode()})
    listed = zoo(you, "list", "--hub")
    assert (listed.code, listed.out.splitlines()[1].split()) == (0, ["me/camel", "-", "-", "[2J", "mit"])


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert printable({"a\x1b": ["\x1b[2J", "b\u202ec", 1, None, "x" * 400]}) == {
        "a": ["[2J", "b c", 1, None, "x" * 300]
    }


def test_a_generator_is_described_without_its_weights(
    hub: Hub, me: Person, you: Person, folder: Path
) -> None:
    assert me.zoo("push", "me/camel", folder, "--tag", "v1").code == 0
    hub.log.clear()
    described = zoo(you, "info", "me/camel@v1", "--json")
    facts = json.loads(described.out)
    config = GeneratorFolder.open(folder).config.model_dump(mode="json")
    assert {name: facts[name] for name in config} == config
    assert (facts["commit"], facts["licence"], facts["private"]) == (head(hub), "cc-by-4.0", False)
    sizes = {name: len(data) for name, data in contents(folder, list(facts["bytes"])).items()}
    assert facts["bytes"] == sizes
    assert {*sizes} == {*the_repo(hub)["commits"][head(hub)]["tree"]} - {".gitattributes"}
    files = [entry.path.rpartition("/")[2] for entry in hub.log if "/resolve/" in entry.path]
    assert {*files} == {"config.json"}
    assert not any(entry.host == "cdn" for entry in hub.log)


def test_a_description_without_the_hub_comes_from_the_cache(
    hub: Hub, me: Person, you: Person, folder: Path
) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    assert you.zoo("pull", "me/camel").code == 0
    described = zoo(you, "info", "me/camel", "--json", HF_HUB_OFFLINE="1")
    assert described.err == "me/camel: the Hub cannot be reached; this is the cached copy\n"
    assert json.loads(described.out)["commit"] == head(hub)
    missing = zoo(you, "info", "me/other", HF_HUB_OFFLINE="1")
    assert (missing.code, missing.err) == (
        6,
        "zoo: error: me/other: HF_HUB_OFFLINE is set and the cache has no copy of it. Unset it and try again\n",
    )


@pytest.mark.parametrize(
    ("command", "name"), [(["info", "me/camel"], "me/camel"), (["list", "--hub"], "the Hub")], ids=" ".join
)
def test_what_is_no_hub(you: Person, hub: Hub, command: list[str] | str, name: str) -> None:
    hub.fault("status", path="/api/models", status=200, times=0)
    ran = zoo(you, *command)
    assert ran.code == 6
    assert ran.err.startswith(f"zoo: error: {name}: {hub.url} does not answer as a Hub does (")
    assert ran.err.endswith("). Check HF_ENDPOINT and HTTPS_PROXY\n")


def test_owner_and_search_are_for_the_hub(you: Person) -> None:
    ran = zoo(you, "list", "me")
    assert (ran.code, ran.err) == (
        2,
        "zoo: error: OWNER and --search go with --hub. See `zoo list --help`\n",
    )


def test_the_cache_keeps_what_is_asked_for_and_drops_the_rest(
    hub: Hub, me: Person, you: Person, folder: Path
) -> None:
    empty = zoo(you, "cache", "--json")
    assert json.loads(empty.out)["generators"]["repositories"] == []
    assert me.zoo("push", "me/camel", folder).code == 0
    assert you.zoo("pull", "me/camel").code == 0
    old = head(hub)
    make_folder(folder, seed=1)
    assert me.zoo("push", "me/camel", folder).code == 0
    assert you.zoo("pull", "me/camel").code == 0
    store = you.home / "hf/hub/models--me--camel"
    (store / "blobs/0.incomplete").write_bytes(bytes(77))
    other = you.home / "hf/hub/models--you--bert/snapshots" / ("0" * 40)
    other.mkdir(parents=True)
    (other / "config.json").write_text("{}")
    before = json.loads(zoo(you, "cache", "--json").out)["generators"]["repositories"]
    assert [(row["name"], row["commits"]) for row in before] == [("me/camel", 2)]
    assert before[0]["removable"] > 77
    pruned = zoo(you, "cache", "--prune")
    assert pruned.err == f"{before[0]['removable']:,} bytes removed\n"
    assert [path.name for path in (store / "snapshots").iterdir()] == [head(hub)] != [old]
    assert not list(store.rglob("*.incomplete"))
    assert other.is_dir()
    left = json.loads(zoo(you, "cache", "--prune", "--json").out)
    assert (left["freed"], left["generators"]["repositories"][0]["removable"]) == (0, 0)
    hub.log.clear()
    assert you.zoo("pull", "me/camel").code == 0
    assert not any("/resolve/" in entry.path for entry in hub.log), "what is kept is whole"


def test_the_list_of_a_hub_that_is_out_of_reach_is_given_up_like_everything_else(you: Person) -> None:
    away = replace(you, endpoint="http://127.0.0.1:9")
    began = time.monotonic()
    listed = zoo(away, "list", "--hub")

    assert listed.code == 6
    assert "the Hub: http://127.0.0.1:9 cannot be reached" in listed.err
    assert time.monotonic() - began < 30, "about 10 seconds, and no minute of the client's own"


@pytest.mark.parametrize("name", ["HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE"])
def test_a_setting_that_is_set_to_nothing_is_named(you: Person, name: str) -> None:
    for command in (("list", "--hub"), ("pull", "me/camel")):
        ran = zoo(you, *command, **{name: ""})
        assert (ran.code, ran.err) == (
            3,
            f"zoo: error: {name}: it is set to nothing. Unset it, or give it a value\n",
        )


def test_a_token_that_no_request_can_carry_is_named(you: Person) -> None:
    wrong = "the token's character 4 of 6 is '\\xe4', and a token has only letters, digits and signs"
    for command in (("list", "--hub"), ("pull", "me/camel"), ("info", "me/camel")):
        ran = zoo(replace(you, token="hf_äbc"), *command)
        assert (ran.code, ran.err) == (3, f"zoo: error: HF_TOKEN: {wrong}. Copy it again\n")
