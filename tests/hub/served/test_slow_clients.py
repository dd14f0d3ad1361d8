"""Clients that keep the served Hub waiting: they are cut off, and the others are served meanwhile."""

from __future__ import annotations

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from benchmarks.served.crowd import SLOW_HEAD, Crowd, ask
from zoo_hub.server.http import app, connections
from zoo_hub.server.hub import LocalHub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = 8 << 20
PATH = "/me/camel/resolve/main/"
HEAD = b"GET /api/models HTTP/1.1\r\nHost: x\r\n"
BODY = (
    b"POST /api/models/me/camel/commit/main HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hf_me\r\n"
    b"Content-Length: 9999\r\n\r\n"
)
REFUSED_BODY = BODY.replace(b"hf_me", b"hf_no")
CHUNKED = BODY.replace(b"Content-Length: 9999", b"Transfer-Encoding: chunked") + b"1\r\nx\r\n"
DOWNLOAD = f"GET {PATH}large HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub", {"hf_me": "me"}) as running:
        repo = running.store.create("models", "me/camel", "me", private=False)
        tree = {"file": running.store.put(b"a camel"), "large": running.store.put(bytes(LARGE))}
        running.store.commit(repo, "main", tree, "files", "", "me")
        yield running


def connect(hub: LocalHub) -> socket.socket:
    address = urlsplit(hub.url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20)


def answer(opened: socket.socket) -> bytes:
    """Return the status of the next answer, which is read to its end."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += opened.recv(1 << 16) or b"closed\r\n\r\n"
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += opened.recv(1 << 16)
    return head.partition(b" ")[2][:3]


def seconds_to_end(opened: socket.socket, drip: bytes = b"") -> float:
    """Return after how long the server closes a connection on which `drip` is sent now and then."""
    began = time.monotonic()
    opened.settimeout(0.2)
    while time.monotonic() < began + 20:
        try:
            if drip:
                opened.send(drip)
            if opened.recv(1 << 16) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
        time.sleep(0.1)
    return time.monotonic() - began


@contextmanager
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have every deadline be over soon."""
    with monkeypatch.context() as patched:
        patched.setattr(connections, "HEAD_SECONDS", 1.0)
        patched.setattr(connections, "IDLE_SECONDS", 1)
        patched.setattr(connections, "QUIET_SECONDS", 1.5)
        yield


WAITING = {
    "nothing": (b"", b""),
    "half a head": (HEAD, b""),
    "a slow head": (HEAD + b"X-Slow: ", b"x"),
    "a slow method": (b"GET", b"x"),
    "idle": (HEAD + b"\r\n", b""),
    "a slow second head": (HEAD + b"\r\n" + HEAD + b"X-Slow: ", b"x"),
    "no body": (BODY, b""),
    "a slow body": (BODY, b"x"),
    "slow chunks": (CHUNKED, b"1\r\nx\r\n"),
    "a slow body that was refused": (REFUSED_BODY, b"x"),
}


def test_who_keeps_it_waiting_is_cut_off(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(start: bytes, drip: bytes) -> float:
        with connect(hub) as opened:
            opened.sendall(start)
            return seconds_to_end(opened, drip)

    with patience(monkeypatch), ThreadPoolExecutor(len(WAITING)) as pool:
        ended = dict(zip(WAITING, pool.map(seconds, *zip(*WAITING.values(), strict=True)), strict=True))
    assert {name for name, after in ended.items() if not 0.5 < after < 10} == set()
    assert ask(hub.url, f"{PATH}file", b"a camel", 1, 1).seconds


def test_who_asks_for_a_file_and_does_not_read_it_is_cut_off(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with patience(monkeypatch), connect(hub) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        opened.sendall(DOWNLOAD)
        time.sleep(4)
        got = 0
        try:
            while piece := opened.recv(1 << 16):
                got += len(piece)
        except OSError:
            pass
    assert got < LARGE


def test_a_slow_but_steady_client_may_take_its_time(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends less than a whole body in any of the deadlines, at more than the slowest rate."""
    body = b'{"files": []}' + b" " * 9000
    head = BODY.replace(b"commit", b"preupload").replace(b"9999", b"%d" % len(body))
    with patience(monkeypatch), connect(hub) as opened:
        opened.sendall(head)
        for start in range(0, len(body), 450):
            opened.sendall(body[start : start + 450])
            time.sleep(0.1)
        assert answer(opened) == b"200"


def test_a_download_at_a_few_hundred_kilobytes_a_second(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with patience(monkeypatch), connect(hub) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        opened.sendall(DOWNLOAD.replace(b"Host: x", b"Host: x\r\nRange: bytes=0-999999"))
        got = 0
        while piece := opened.recv(1 << 16):
            got += len(piece)
            time.sleep(len(piece) / 400_000)
            if got > 1_000_000:
                break
    assert got > 1_000_000


def test_honest_clients_beside_idle_and_slow_ones(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small form of `python -m benchmarks.served`, with more connections than one address may keep."""
    monkeypatch.setattr(connections, "PER_ADDRESS", 60)
    starts = [SLOW_HEAD, BODY, DOWNLOAD]
    with Crowd(hub.url, 100, 20, starts, drip_seconds=0.5) as crowd:
        served = ask(hub.url, f"{PATH}file", b"a camel", clients=10, requests=10, pause=0.2)
    assert crowd.reopened > 0
    assert len(served.seconds) == served.asked == 100
    assert served.percentile(0.95) < 1


def test_who_has_asked_something_keeps_its_place_before_those_who_never_did(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PER_ADDRESS", 5)
    with ExitStack() as stack:
        honest = [stack.enter_context(connect(hub)) for _ in range(3)]
        for one in honest:
            one.sendall(HEAD + b"\r\n")
            assert answer(one) == b"200"
        idle = [stack.enter_context(connect(hub)) for _ in range(10)]
        time.sleep(2.5)
        for one in honest:
            one.sendall(HEAD + b"\r\n")
            assert answer(one) == b"200"
        closed = 0
        for one in idle:
            one.settimeout(0.05)
            try:
                closed += one.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed += 1
        assert closed == 8


def test_beyond_all_places_the_new_one_takes_that_of_the_oldest(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections.ClientConnection, "total", 20)
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(hub)) for _ in range(40)]
        assert ask(hub.url, f"{PATH}file", b"a camel", 5, 5).seconds
        assert seconds_to_end(idle[0]) < 1
        idle[-1].sendall(HEAD + b"\r\n")
        assert answer(idle[-1]) == b"200"


def test_uploads_that_stall_hold_no_thread(hub: LocalHub) -> None:
    assert app.WRITING_THREADS < 40
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(connect(hub)).sendall(BODY + b"{")
        with connect(hub) as opened:
            body = b'{"files": []}'
            opened.sendall(BODY.replace(b"commit", b"preupload").replace(b"9999", b"%d" % len(body)) + body)
            assert answer(opened) == b"200"


def test_commits_that_wait_for_a_slow_disk_stop_no_reader(hub: LocalHub) -> None:
    with hub.store.lock:  # as a commit holds it whose fsync takes long
        line = b'{"key": "header", "value": {"summary": "s"}}'
        commit = BODY.replace(b"9999", b"%d" % len(line)) + line
        with ExitStack() as stack:
            writers = [stack.enter_context(connect(hub)) for _ in range(2 * app.WRITING_THREADS)]
            for writer in writers:
                writer.sendall(commit)
            served = ask(hub.url, f"{PATH}file", b"a camel", 5, 5)
            assert len(served.seconds) == 25
