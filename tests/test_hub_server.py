"""The tests' own Hub, as people start it, and where it must be as strict as the real one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import pytest

if TYPE_CHECKING:
    from tests.hub_server.hub import Hub

pytest_plugins = ["tests.hub_fixtures"]

ROOT = Path(__file__).parent.parent
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# Without site-packages: strangers start it before they have installed anything.
START = [sys.executable, "-S", "-m", "tests.hub_server"]


def ask(url: str, **headers: str) -> tuple[int, bytes]:
    """Return status and body of a GET."""
    try:
        with DIRECT.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def test_it_starts_on_the_standard_library_and_prints_what_to_paste(tmp_path: Path) -> None:
    command = [*START, "--root", str(tmp_path), "--port", "0", "--user", "me:hf_me"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
        finally:
            process.terminate()
    url = lines[3].split()[1].removeprefix("HF_ENDPOINT=")
    assert url.startswith("http://127.0.0.1:")
    assert lines == [
        f"A Hub for 'me' is at {url}, kept in {tmp_path}. Ctrl-C stops it.\n",
        "In another terminal, paste:\n",
        "\n",
        f"export HF_ENDPOINT={url} HF_TOKEN=hf_me HF_HUB_DISABLE_XET=1\n",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--port", "{port}"], 1, "hub: port {port}: {taken}. Give another one with --port\n"),
        (["--user", "me"], 2, "hub: --user me: it has no token. Give NAME:TOKEN, as in me:hf_me\n"),
    ],
)
def test_what_is_wrong_with_the_command_is_one_line(
    hub: Hub, tmp_path: Path, arguments: list[str], code: int, line: str
) -> None:
    port = hub.url.rpartition(":")[2]
    filled = [argument.format(port=port) for argument in arguments]
    done = subprocess.run(
        [*START, "--root", str(tmp_path / "other"), *filled],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (
        code,
        line.format(port=port, taken=os.strerror(errno.EADDRINUSE)),
    )


def test_parts_of_a_file(hub: Hub) -> None:
    repo = hub.store.create("models", "me/camel", "me", private=False)
    hub.store.commit(repo, "main", {"text": hub.store.put(b"0123456789")}, "text", "", "me")
    url = f"{hub.url}/me/camel/resolve/main/text"
    assert ask(url) == (200, b"0123456789")
    assert ask(url, Range="bytes=3-5") == (206, b"345")
    assert ask(url, Range="bytes=7-") == (206, b"789")
    assert ask(url, Range="bytes=10-")[0] == 416


def test_the_content_network_takes_signed_addresses_only(hub: Hub) -> None:
    signed = hub.sign_address("get", "0" * 64)
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
