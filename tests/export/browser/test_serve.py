"""`zoo demo --serve`: its own files, to this machine, until Ctrl-C."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.handmade import build
from zoo_export.browser.page import make_page
from zoo_export.browser.server import CONNECTIONS_LIMIT, PageServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]


@pytest.fixture(autouse=True)
def _model() -> None:
    Path("hand.onnx").write_bytes(build().SerializeToString())


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a running `zoo demo --serve` and the address it prints."""
    with subprocess.Popen(
        [sys.executable, "-m", "zoo", "demo", "hand.onnx", "--serve", "--port", "0", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def served() -> Iterator[str]:
    """Serve a page in this process and give HOST:PORT."""
    with PageServer(make_page(["hand.onnx"]), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield urlsplit(server.url).netloc
        server.shutdown()
        thread.join()


def ask(where: str, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Ask for a path exactly as it is written."""
    connection = http.client.HTTPConnection(where, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=False)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_prints_one_line_and_stops_tidily(number: signal.Signals, code: int) -> None:
    with serving() as (process, url):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        status, _, body = ask(urlsplit(url).netloc, "/")
        assert (status, body[:15]) == (200, b"<!doctype html>")
        process.send_signal(number)
        out, said = process.communicate(timeout=20)
    assert out == ""
    assert said.splitlines()[-1] == "Stopped."
    assert "zoo: error" not in said
    assert process.returncode == code
    assert [path.name for path in Path().iterdir()] == ["hand.onnx"], "it writes nothing"


def test_it_answers_every_file_of_the_page(served: str) -> None:
    for name, data in make_page(["hand.onnx"]).items():
        status, headers, body = ask(served, f"/{name}?version=1")
        assert (status, body) == (200, data)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-type"].startswith("text/javascript") == name.endswith(".js")
        status, headers, body = ask(served, f"/{name}", "HEAD")
        assert (status, headers["content-length"], body) == (200, str(len(data)), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/hand.onnx",
        "/../hand.onnx",
        "/%2e%2e/hand.onnx",
        "/models/",
        "/models/../../hand.onnx",
        "//etc/passwd",
        "/js/..%2f..%2fpage.json",
        "/\\..\\hand.onnx",
        "/index.html/",
        "/page.json%00",
        "/favicon.ico",
    ],
)
def test_it_answers_nothing_else(served: str, path: str) -> None:
    status, headers, body = ask(served, path)

    assert (status, body) == (404, b"There is no such file.\n")
    assert headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_takes_nothing(served: str, method: str) -> None:
    assert ask(served, "/", method)[0] == 501


def test_a_browser_that_hangs_up_ends_nothing(served: str, capfd: pytest.CaptureFixture[str]) -> None:
    host, port = served.split(":")
    for sent in (b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01rubbish\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(sent)
    assert ask(served, "/")[0] == 200
    assert capfd.readouterr().err == ""


def test_whoever_opens_it_to_the_network_is_told() -> None:
    with serving("--host", "0.0.0.0") as (process, url):
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert f"zoo: warning: anyone in the network can reach {url}, generators included\n" in said


def test_a_port_that_is_taken_is_said_before_anything_else(zoo: Zoo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = zoo("demo", "hand.onnx", "--serve", "--port", str(port))

    assert ran.code == 6
    assert ran.error == f"127.0.0.1:{port}: Address already in use. Give another --port, or another --host"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--serve", "--out", "page"],
            "--serve: it writes nothing, so --out has no use. Leave one of them out",
        ),
        (["--port", "1"], "--host, --port: they say where to --serve. Add it, or leave them out"),
        (["--host", "::1"], "--host, --port: they say where to --serve. Add it, or leave them out"),
    ],
)
def test_options_that_contradict_each_other(arguments: list[str], says: str, zoo: Zoo) -> None:
    ran = zoo("demo", "hand.onnx", *arguments)

    assert (ran.code, ran.error) == (2, says)
    assert [path.name for path in Path().iterdir()] == ["hand.onnx"]


def test_others_are_answered_beside_slow_and_idle_connections(served: str) -> None:
    host, _, port = served.partition(":")
    crowd = [socket.create_connection((host, int(port)), timeout=10) for _ in range(2 * CONNECTIONS_LIMIT)]
    for slow in crowd[::2]:
        with suppress(OSError):  # the oldest are closed by now
            slow.send(b"G")
    began = time.monotonic()
    for _ in range(5):
        connection = http.client.HTTPConnection(served, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
    assert time.monotonic() - began < 10, "below a second on a machine that nobody else uses"
    for one in crowd:
        one.close()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise there")
def test_ctrl_c_ends_it_beside_open_connections() -> None:
    with serving() as (process, url):
        place = urlsplit(url)
        assert place.hostname is not None
        crowd = [socket.create_connection((place.hostname, place.port or 0)) for _ in range(50)]
        for slow in crowd:
            slow.send(b"GET / HT")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) in (0, 130)
        for one in crowd:
            one.close()
