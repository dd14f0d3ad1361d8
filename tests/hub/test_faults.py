"""What becomes of a pull when the way to the Hub, or the Hub, is not as it should be: a table of outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hub.folder import make_folder
from tests.support.hub.publish import PULLED, contents, head, publish, put, the_repo
from tests.support.hub.pulls import Outcome, Pulls
from tests.support.hub.server.hub import Hub
from tests.support.loopback import FileServer, serve
from zoo.generators.files import ONNX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hub.fixtures import Person

FILE, LISTING = "/x/get/", "/api/models/"
HEADERS = r"/resolve/.*onnx"
AGAIN = "Try again later, or look at what HF_ENDPOINT and HTTPS_PROXY name"
ALWAYS = 0


@dataclass
class World:
    """A Hub with one generator, somebody who pulls it with a token, and a tree that nobody may touch."""

    hub: Hub
    folder: Path
    person: Person
    pull: Pulls
    stranger: FileServer
    """Another origin."""
    canary: dict[str, bytes] = field(default_factory=dict)

    def beside_the_cache(self) -> dict[str, bytes]:
        """Return every file of the person's world but the cache's own."""
        files = contents(self.person.home.parent)
        return {name: data for name, data in files.items() if not name.startswith(("you/hf/hub/", "hub/"))}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from tests.support.hub.fixtures import Person

    root = tmp_path_factory.mktemp("faults")
    (root / "evil").write_text("mine")
    (root / "you/hf").mkdir(parents=True)
    (root / "you/hf/evil").write_text("mine")
    folder = make_folder(root / "generator")
    with Hub(root / "hub", {"hf_me": "me", "hf_secret": "you"}) as hub, serve(b"?") as stranger:
        publish(hub, folder)
        you = Person(root / "you", hub.url, "hf_secret")
        with Pulls(you, ZOO_HUB_TIMEOUT="1.5") as pull:
            yield World(hub, folder, you, pull, stranger)


@pytest.fixture
def world(running: World) -> Iterator[World]:
    """The world as it should be, and a check that nothing beside the cache was touched."""
    running.hub.faults.clear()
    running.hub.log.clear()
    running.hub.leaked_tokens = 0
    running.stranger.asked.clear()
    running.canary = running.beside_the_cache()
    yield running
    assert running.beside_the_cache() == running.canary
    assert running.hub.leaked_tokens == 0
    assert not any("authorization" in headers for headers in running.stranger.asked)
    assert not any(b"hf_secret" in data for data in contents(running.person.home).values())


def succeeded(world: World, outcome: Outcome) -> None:
    """Assert that the cache holds the published bytes and nothing else."""
    snapshot = world.person.home / "hf/hub/models--me--camel/snapshots" / head(world.hub)
    assert (outcome.code, outcome.said) == (0, str(snapshot))
    assert contents(snapshot) == contents(world.folder, PULLED)


def test_a_connection_that_is_cut_at_20_positions(world: World) -> None:
    size = (world.folder / ONNX).stat().st_size
    for part in range(20):
        world.hub.faults.clear()
        fault = world.hub.fault("drop", path=FILE, method="GET", after=part * size // 20)
        succeeded(world, world.pull())
        assert fault.fired == 1


MENDED: dict[str, dict[str, Any]] = {
    "reset at once": {"action": "rst", "path": FILE, "after": 0},
    "reset in the middle": {"action": "rst", "path": FILE, "after": 200},
    "reset near the end": {"action": "rst", "path": FILE, "after": 400},
    "503 twice for the list": {"action": "status", "path": LISTING, "times": 2},
    "503 twice for a file's headers": {"action": "status", "path": HEADERS, "method": "HEAD", "times": 2},
    "503 twice for a small file": {"action": "status", "path": "samples.png", "method": "GET", "times": 2},
    "503 twice for a large file": {"action": "status", "path": FILE, "times": 2},
    "502 for a large file": {"action": "status", "path": FILE, "status": 502},
    "429 with a short wait": {
        "action": "status",
        "path": FILE,
        "status": 429,
        "headers": {"Retry-After": "1"},
    },
    "no answer for the list": {"action": "refuse", "path": LISTING, "times": 2},
    "no answer for a file's headers": {"action": "refuse", "path": HEADERS, "method": "HEAD"},
    "no answer for a large file": {"action": "refuse", "path": FILE, "times": 2},
    "a short file": {"action": "truncate", "path": FILE, "after": 100},
    "an empty file": {"action": "truncate", "path": "config.json", "method": "GET", "after": 0},
    "a flipped byte": {"action": "corrupt", "path": FILE, "after": 100},
}


@pytest.mark.parametrize("case", MENDED)
def test_what_another_try_mends(world: World, case: str) -> None:
    fault = world.hub.fault(**MENDED[case])
    succeeded(world, world.pull())
    assert fault.fired == fault.times


LATE = "did not come within 2 seconds. Check the connection, or set ZOO_HUB_TIMEOUT to more seconds"
FATAL: dict[str, tuple[dict[str, Any], int, str]] = {
    "429 with a long wait": (
        {"action": "status", "path": FILE, "status": 429, "headers": {"Retry-After": "86400"}},
        6,
        "the Hub got too many requests (429). Try again in 86400 seconds",
    ),
    "503 for good": ({"action": "status", "path": FILE}, 6, "{hub} is out of order (503). Try again later"),
    "a stalled list": ({"action": "slow", "path": LISTING, "delay": 3}, 6, f"the list of its files {LATE}"),
    "a stalled file": ({"action": "slow", "path": FILE, "delay": 3}, 6, f"onnx/model.onnx {LATE}"),
    "a dripping file": ({"action": "slow", "path": FILE, "rate": 20}, 6, f"onnx/model.onnx {LATE}"),
    "always short": (
        {"action": "truncate", "path": FILE, "after": 100},
        6,
        "a file came with another length than announced, again and again. Try again later",
    ),
    "a path for a hash": (
        {
            "action": "status",
            "path": HEADERS,
            "status": 200,
            "headers": {"ETag": '"../../../../evil"', "X-Repo-Commit": "{head}"},
        },
        4,
        f"onnx/model.onnx: the Hub lists the hash {{digest}}... and then names '../../../../'. {AGAIN}",
    ),
    "a path for a commit": (
        {
            "action": "status",
            "path": HEADERS,
            "status": 200,
            "headers": {"X-Linked-Etag": '"{whole_digest}"', "X-Repo-Commit": "../../evil"},
        },
        4,
        f"onnx/model.onnx: the Hub lists the commit {{commit}}... and then names '../../evil'. {AGAIN}",
    ),
    "a redirect without a hash": (
        {"action": "status", "path": HEADERS, "status": 302, "headers": {"Location": "{stranger}/x"}},
        4,
        f"onnx/model.onnx: the Hub lists the hash {{digest}}... and then names 'none'. {AGAIN}",
    ),
    "the list elsewhere": (
        {"action": "status", "path": LISTING, "status": 307, "headers": {"Location": "{stranger}/x"}},
        6,
        "{hub} does not answer as a Hub does (JSONDecodeError). Check HF_ENDPOINT and HTTPS_PROXY",
    ),
    "a file elsewhere": (
        {
            "action": "status",
            "path": "samples.png",
            "method": "GET",
            "status": 302,
            "headers": {"Location": "{stranger}/x"},
        },
        6,
        "a file came with another length than announced, again and again. Try again later",
    ),
    "a file elsewhere, long": (
        {
            "action": "status",
            "path": HEADERS,
            "status": 302,
            "headers": {
                "Location": "{stranger}/long",
                "X-Linked-Etag": '"{whole_digest}"',
                "X-Repo-Commit": "{head}",
            },
        },
        6,
        f"onnx/model.onnx is longer than the {{size}} bytes expected of it. {AGAIN}",
    ),
}


@pytest.mark.parametrize("case", FATAL)
def test_what_ends_a_pull(world: World, case: str) -> None:
    fields, code, sentence = FATAL[case]
    commit = head(world.hub)
    lfs = the_repo(world.hub)["commits"][commit]["tree"][ONNX]["lfs"]
    facts = {
        "hub": world.hub.url,
        "stranger": world.stranger.url,
        "head": commit,
        "commit": commit[:12],
        "whole_digest": lfs["oid"],
        "digest": lfs["oid"][:12],
        "size": lfs["size"],
    }
    world.stranger.data = bytes(lfs["size"] + 1) if "long" in case else b"?"
    headers = {name: text.format(**facts) for name, text in fields.get("headers", {}).items()}
    world.hub.fault(**{**fields, "headers": headers, "times": ALWAYS})
    outcome = world.pull()
    said = sentence.format(**facts)
    assert (outcome.code, outcome.said) == (code, f"me/camel: {said}")
    assert outcome.seconds < 3
    world.hub.faults.clear()
    succeeded(world, world.pull(fresh=False))


HOSTILE_NAMES = [
    "../../evil",
    "../../../../evil",
    "/evil",
    "C:\\evil",
    "..\\..\\evil",
    "onnx/../../evil",
    "x" * 300,
    "evil.py",
    "pytorch_model.bin",
    "conftest.py",
    "onnx/model.onnx.data",
    *(f"many/{number}.txt" for number in range(10_000)),
]


def test_a_hostile_tree(world: World) -> None:
    put(world.hub, dict.fromkeys(HOSTILE_NAMES[:11], b"evil"))
    repo = the_repo(world.hub)
    tree = repo["commits"][head(world.hub)]["tree"]
    world.hub.store.commit(
        repo, "main", {**dict.fromkeys(HOSTILE_NAMES, tree["evil.py"]), **tree}, "evil", "", "me"
    )
    succeeded(world, world.pull())
    asked = [entry.path for entry in world.hub.log if "/resolve/" in entry.path]
    fetched = {path.partition(head(world.hub))[2].lstrip("/") for path in asked}
    assert fetched == set(PULLED)
