"""What people read when the Hub says no, or nothing."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub.errors import HfHubHTTPError

from tests.support.hub.publish import publish, the_repo
from zoo_hub.client.errors import explain

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person, Ran
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]


def failed(ran: Ran) -> str:
    """Return the one line of a failure of the network."""
    assert (ran.code, ran.out) == (6, "")
    return ran.err


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("Server error: HTTP status server error (501 Not Implemented)"),
        PermissionError("401 of the storage"),
        FileNotFoundError("404 of the storage"),
    ],
)
def test_xet_storage_that_fails_is_no_cache_that_cannot_be_written(error: OSError) -> None:
    assert explain(error, "me/camel", None) == (
        f"me/camel: its Xet storage failed ({error}). Set HF_HUB_DISABLE_XET=1 to do without it, and try again"
    )
    assert explain(type(error)(errno.EACCES, "no"), "me/camel", None) is None, "the disk's own"


@pytest.mark.parametrize("token", [None, "hf_you"])
def test_an_unknown_repository(hub: Hub, you: Person, token: str | None) -> None:
    assert failed(replace(you, token=token).zoo("pull", "me/camel")) == (
        f"me/camel: {hub.url} has no such repository, or it is private. "
        "Check the name, or set HF_TOKEN to a token that may read it\n"
    )


def test_a_private_repository_looks_like_a_missing_one(hub: Hub, you: Person) -> None:
    hub.store.create("models", "me/camel", "me", private=True)
    assert failed(you.zoo("pull", "me/camel")).startswith(
        f"me/camel: {hub.url} has no such repository, or it is "
    )


def test_a_missing_revision(hub: Hub, you: Person) -> None:
    hub.store.create("models", "me/camel", "me", private=False)
    assert failed(you.zoo("pull", "me/camel@v9")) == (
        f"me/camel: it has no revision 'v9'. Look at {hub.url}/me/camel/commits/main\n"
    )


def test_a_gated_repository(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    repo = the_repo(hub)
    repo["gated"] = True
    hub.store.save(repo)
    sentence = f"me/camel: only its owner can let you in. Ask at {hub.url}/me/camel, then set HF_TOKEN\n"
    assert failed(you.zoo("pull", "me/camel")) == sentence
    assert failed(replace(you, token="hf_you").zoo("pull", "me/camel")) == sentence


@pytest.mark.usefixtures("hub")
def test_push_without_a_token(you: Person, folder: Path) -> None:
    assert failed(you.zoo("push", "me/camel", folder)) == (
        "me/camel: you are not logged in (401). Set HF_TOKEN to a token that this Hub was started with: "
        "`zoo hub serve --user me:TOKEN`\n"
    )


@pytest.mark.usefixtures("hub")
def test_push_with_an_unknown_token(you: Person, folder: Path) -> None:
    assert failed(replace(you, token="hf_old").zoo("push", "me/camel", folder)) == (
        "me/camel: the Hub does not know this token (401). Set HF_TOKEN to one that it was started with: "
        "`zoo hub serve --user NAME:TOKEN`\n"
    )


@pytest.mark.parametrize(("token", "exists"), [("hf_me:ro", False), ("hf_me:ro", True), ("hf_you", True)])
def test_push_where_the_token_may_not_write(
    hub: Hub, me: Person, folder: Path, token: str, exists: bool
) -> None:
    if exists:
        hub.store.create("models", "me/camel", "me", private=False)
    assert failed(replace(me, token=token).zoo("push", "me/camel", folder)) == (
        "me/camel: this token may not write there (403), only me's may. Set HF_TOKEN to that, or start the Hub with "
        "one: `zoo hub serve --user me:TOKEN`\n"
    )


@pytest.mark.parametrize(
    ("status", "token", "said"),
    [
        (401, "hf_old", "the Hub does not know this token (401). Make a new one at"),
        (401, None, "you are not logged in (401). Set HF_TOKEN to a token from"),
        (403, "hf_me", "this token may not write there (403). Make one that may at"),
    ],
)
def test_another_hub_makes_tokens_on_a_page(
    monkeypatch: pytest.MonkeyPatch, status: int, token: str | None, said: str
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: token)
    answer: Any = SimpleNamespace(status_code=status, headers={}, request=SimpleNamespace(method="POST"))
    refused = HfHubHTTPError("no", response=answer)
    assert (explain(refused, "me/camel", None) or "").startswith(f"me/camel: {said} ")


def test_a_push_that_comes_between(hub: Hub, me: Person, folder: Path) -> None:
    hub.fault("status", path="/commit/main", status=412)
    assert failed(me.zoo("push", "me/camel", folder)) == (
        f"me/camel: somebody changed it meanwhile (412). Look at {hub.url}/me/camel, then push again\n"
    )


def test_pull_with_an_unknown_token(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    assert failed(replace(you, token="hf_old").zoo("pull", "me/camel")) == (
        "me/camel: the Hub does not know this token (401). Set HF_TOKEN to one that it was started with: "
        "`zoo hub serve --user NAME:TOKEN`\n"
    )


@pytest.mark.parametrize(
    ("path", "headers", "status", "sentence"),
    [
        (
            "/api/models/",
            {},
            403,
            "this token may not read it (403). Make one that may at {hub}/settings/tokens and set HF_TOKEN",
        ),
        (
            "/api/models/",
            {"X-Error-Message": "Access to this resource is disabled."},
            403,
            "the Hub has disabled it. Read why at {hub}/me/camel",
        ),
        (
            "onnx",
            {"X-Error-Code": "EntryNotFound"},
            404,
            "a file of it is missing. Look at {hub}/me/camel/tree/main",
        ),
        (
            "/api/models/",
            {"X-Error-Message": "\x1b[2J" + "no " * 200},
            418,
            "the Hub refused it (418): ?[2J{no}. Look at {hub}/me/camel",
        ),
    ],
)
def test_refusals(
    hub: Hub, you: Person, folder: Path, path: str, headers: dict[str, str], status: int, sentence: str
) -> None:
    publish(hub, folder)
    hub.fault("status", path=path, headers=headers, status=status, times=0)
    said = sentence.format(hub=hub.url, no=("no " * 200)[: 200 - len("\x1b[2J")])
    assert failed(you.zoo("pull", "me/camel")) == f"me/camel: {said}\n"


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (429, {"Retry-After": "17"}, "the Hub got too many requests (429). Try again in 17 seconds"),
        (429, {"Retry-After": "9" * 5000}, "the Hub got too many requests (429). Try again later"),
        (429, {}, "the Hub got too many requests (429). Try again later"),
        (503, {}, "{hub} is out of order (503). Try again later"),
        (409, {}, "the Hub refused it (409): injected 409. Look at {hub}/me/camel"),
    ],
)
def test_other_answers(hub: Hub, you: Person, status: int, headers: dict[str, str], sentence: str) -> None:
    hub.fault("status", path="/api/models/", status=status, headers=headers, times=0)
    assert (
        failed(you.zoo("pull", "me/camel", ZOO_HUB_TIMEOUT="1"))
        == f"me/camel: {sentence.format(hub=hub.url)}\n"
    )


def test_a_closed_port(you: Person) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        said = failed(replace(you, endpoint=endpoint).zoo("pull", "me/camel", ZOO_HUB_TIMEOUT="1"))
    refused = os.strerror(errno.ECONNREFUSED)
    assert said == (
        f"me/camel: {endpoint} cannot be reached ([Errno {errno.ECONNREFUSED}] {refused}). "
        "Check the connection and HF_ENDPOINT\n"
    )


def test_offline_without_a_cached_copy(hub: Hub, you: Person) -> None:
    assert failed(you.zoo("pull", "me/camel", HF_HUB_OFFLINE="1")) == (
        "me/camel: HF_HUB_OFFLINE is set and the cache has no copy of it. Unset it and try again\n"
    )
    assert hub.log == []
