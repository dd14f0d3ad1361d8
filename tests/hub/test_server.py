"""The tests' own Hub, as people start it, and where it must be as strict as the real one."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError

if TYPE_CHECKING:
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]

ROOT = Path(__file__).parents[2]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
START = [sys.executable, "-m", "tests.support.hub.run", "hub", "serve"]


def ask(url: str, **headers: str) -> tuple[int, bytes]:
    """Return status and body of a GET."""
    try:
        with DIRECT.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def test_parts_of_a_file(hub: Hub) -> None:
    repo = hub.store.create("models", "me/camel", "me", private=False)
    hub.store.commit(repo, "main", {"text": hub.store.put(b"0123456789")}, "text", "", "me")
    url = f"{hub.url}/me/camel/resolve/main/text"
    assert ask(url) == (200, b"0123456789")
    assert ask(url, Range="bytes=3-5") == (206, b"345")
    assert ask(url, Range="bytes=7-") == (206, b"789")
    assert ask(url, Range="bytes=7-99") == (206, b"789")
    assert ask(url, Range="bytes=-3") == (206, b"789")
    assert ask(url, Range="bytes=10-")[0] == 416
    assert ask(url, Range="bytes=5-3")[0] == 400
    assert ask(url, Range="lines=1-2")[0] == 400


def test_the_content_network_takes_signed_addresses_only(hub: Hub) -> None:
    signed = hub.context.sign_address("get", "0" * 64, hub.url)
    assert ask(signed.replace("/get/", "/put/"))[0] == 403
    assert ask(signed.replace("sig=", "sig=0"))[0] == 403
    assert ask(signed.replace("exp=", "exp=9"))[0] == 403


def test_private_is_hidden_from_others(hub: Hub) -> None:
    hub.store.create("models", "me/camel", "me", private=True)
    url = f"{hub.url}/api/models/me/camel"
    assert ask(url, Authorization="Bearer hf_me")[0] == 200
    assert ask(url, Authorization="Bearer hf_you")[0] == 404
    assert ask(url)[0] == 401
    assert ask(url, Authorization="Bearer hf_nobody")[0] == 401
