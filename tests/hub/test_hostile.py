"""Requests that nobody's client makes: refused with a status, and nothing outside the folder is read or written."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

from zoo_hub.server.commits import COMMIT_LIMIT
from zoo_hub.server.hub import LocalHub
from zoo_hub.server.messages import BODY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ME = "Authorization: Bearer hf_me\r\n"


@dataclass
class Raw:
    """A Hub that is asked byte by byte."""

    hub: LocalHub

    def __call__(self, request: bytes) -> tuple[int, Any]:
        """Send bytes as they are; return the status and what the JSON says."""
        address = urlsplit(self.hub.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(request)
            answer = HTTPResponse(connection)
            answer.begin()
            body = answer.read().decode()
        return answer.status, json.loads(body)["error"] if body.startswith("{") else body

    def ask(self, method: str, path: str, body: bytes = b"", head: str = ME) -> tuple[int, Any]:
        """Send a request with a body."""
        lines = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n"
        return self(lines.encode("latin-1") + body)

    def commit(self, *operations: dict[str, Any]) -> tuple[int, Any]:
        """Send a commit to me/camel."""
        lines = [{"key": "header", "value": {"summary": "s"}}, *operations]
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        return self.ask("POST", "/api/models/me/camel/commit/main", body)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raw]:
    root = tmp_path_factory.mktemp("hostile")
    (root / "outside").write_text("mine")
    with LocalHub(root / "hub", {"hf_me": "me"}) as hub:
        hub.store.create("models", "me/camel", "me", private=False)
        yield Raw(hub)


@pytest.fixture(autouse=True)
def nothing_happened(raw: Raw) -> Iterator[None]:
    """Assert that nothing inside or outside the folder is another afterwards."""
    root = raw.hub.store.root.parent

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    before = files()
    yield
    assert files() == before


@pytest.mark.parametrize(
    "path",
    [
        "../../outside",
        "/etc/passwd",
        "a/../b",
        "a//b",
        ".git/config",
        "a/.GIT/x",
        "C:\\x",
        "a\\b",
        "a\x1bb",
        "a" * 256,
        "",
    ],
)
def test_names_that_leave_the_repository(raw: Raw, path: str) -> None:
    file = {"key": "file", "value": {"path": path, "content": ""}}
    assert raw.commit(file) == (400, f"Invalid path: {path!r:.200}")


@pytest.mark.parametrize("repo", ["../x", "me/..", "me/a..b", "me/a%2F..%2Fb", "%2Fetc/passwd", "me/a\x00"])
def test_repositories_that_leave_the_folder(raw: Raw, repo: str) -> None:
    status, error = raw.ask("GET", f"/api/models/{quote(repo, safe='/%')}")
    assert status == 400
    assert error.startswith("Invalid repo name: ")


@pytest.mark.parametrize(
    "body", [{"name": "../../x"}, {"name": "x", "type": "../../model"}, {"name": "x", "type": "kernel"}]
)
def test_a_new_repository_elsewhere(raw: Raw, body: dict[str, str]) -> None:
    status, error = raw.ask("POST", "/api/repos/create", json.dumps(body).encode())
    assert (status, error[:18]) == (400, "Invalid repo name:")


def test_a_large_file_by_another_files_name(raw: Raw) -> None:
    file = {"key": "lfsFile", "value": {"path": "a", "oid": "../../../outside", "size": 4}}
    assert raw.commit(file) == (422, "not a sha256")
    missing = {"key": "lfsFile", "value": {"path": "a", "oid": "0" * 64, "size": 4}}
    assert raw.commit(missing) == (400, "LFS pointer pointed to a file that does not exist: a")


def test_one_wrong_operation_and_none_is_done(raw: Raw) -> None:
    good = {"key": "file", "value": {"path": "a", "content": ""}}
    before = raw.hub.store.load("models", "me/camel")
    # An empty file's blob may be kept; that a commit names it may not.
    (raw.hub.store.root / "blobs" / "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").touch()
    try:
        assert raw.commit(good, {"key": "copyFile", "value": {"path": "b"}}) == (
            501,
            "this Hub knows no operation 'copyFile' in a commit",
        )
        assert raw.commit(good, {"key": "deletedFile", "value": {"path": "b"}})[0] == 404
        assert raw.commit({"key": "file", "value": {"path": "a", "content": "%"}})[0] == 400
        assert raw.hub.store.load("models", "me/camel") == before
    finally:
        (raw.hub.store.root / "blobs" / "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").unlink()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"[" * 100_000, "the body is no JSON"),
        (b"[1]", "the body is no JSON object"),
        (b"\xff", "the body is no JSON"),
        (b"{}", "the field 'name' is missing or no text"),
        (b'{"name": 1}', "the field 'name' is missing or no text"),
    ],
)
def test_bodies_that_say_nothing(raw: Raw, body: bytes, error: str) -> None:
    assert raw.ask("POST", "/api/repos/create", body) == (400, error)


def test_more_than_fits_into_memory_is_not_read(raw: Raw) -> None:
    long = b" " * (BODY_LIMIT + 1)
    refusal = (413, f"the request is longer than {BODY_LIMIT:,} bytes")
    assert raw.ask("POST", "/api/repos/create", long) == refusal
    chunk = b"%x\r\n%s\r\n" % (len(long), long)
    head = f"POST /api/repos/create HTTP/1.1\r\nHost: x\r\n{ME}Transfer-Encoding: chunked\r\n\r\n"
    assert raw(head.encode() + chunk) == refusal
    assert COMMIT_LIMIT > BODY_LIMIT
    assert raw.ask("POST", "/api/repos/create", long, head="")[0] == 401


@pytest.mark.parametrize("length", ["-1", "x", "1e3"])
def test_lengths_that_are_none(raw: Raw, length: str) -> None:
    head = f"POST /api/repos/create HTTP/1.1\r\nHost: x\r\n{ME}Content-Length: {length}\r\n\r\n"
    assert raw(head.encode()) == (400, "Invalid HTTP request received.")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/collections"),
        ("POST", "/api/models/me/camel/discussions"),
        ("PUT", "/me/camel/resolve/main/x"),
        ("GET", "/api/models/me/camel/xet-write-token/main"),
    ],
)
def test_what_it_does_not_know_it_says(raw: Raw, method: str, path: str) -> None:
    assert raw.ask(method, path) == (501, f"this Hub knows no {method} {path}")


def test_queries_that_are_too_long(raw: Raw) -> None:
    assert raw.ask("GET", f"/api/models?{'&'.join(['a=1'] * 200)}") == (
        400,
        "the query has more than 100 fields",
    )
    status, text = raw.ask("GET", f"/api/models?limit={'9' * 5000}")
    assert status == 200
    assert [row["id"] for row in json.loads(text)] == ["me/camel"]


def test_pull_requests_are_refused(raw: Raw) -> None:
    path = "/api/models/me/camel/commit/main?create_pr=1"
    assert raw.ask("POST", path) == (501, "this Hub knows no pull requests; push to a branch")


@pytest.mark.parametrize("name", ["a..b", "a b", "0123456", "x" * 300])
def test_names_of_tags_that_cannot_be(raw: Raw, name: str) -> None:
    status, error = raw.ask("POST", "/api/models/me/camel/tag/main", json.dumps({"tag": name}).encode())
    assert (status, error) == (400, f"Invalid name of a branch or tag: {name!r:.200}")


def test_others_cannot_write(raw: Raw) -> None:
    commit = "/api/models/me/camel/commit/main"
    assert raw.ask("POST", commit, head="") == (401, "Invalid username or password.")
    assert raw.ask("POST", commit, head="Authorization: Bearer hf_x\r\n")[0] == 401
    signed = "/x/put/" + "0" * 64 + "?exp=99999999999&sig=" + "0" * 64
    assert raw.ask("PUT", signed, b"x") == (403, "SignatureDoesNotMatch or expired")
