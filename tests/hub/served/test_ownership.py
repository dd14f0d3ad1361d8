"""A large file belongs to the repositories that uploaded it: who knows its sha256 learns and gets nothing."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest

from zoo_hub.server.hub import LocalHub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SECRET = b"weights that are mine " * 100
OID = hashlib.sha256(SECRET).hexdigest()
NOWHERE = "0" * 64
"""The sha256 of nothing that was ever uploaded."""
MISSING = "LFS pointer pointed to a file that does not exist: stolen.bin"


@dataclass(frozen=True)
class User:
    """Somebody with a token, who asks the Hub directly."""

    url: str
    token: str

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request and return status and body."""
        url = path if path.startswith("http") else self.url + path
        headers = {} if "/x/" in url else {"Authorization": f"Bearer {self.token}"}
        try:
            with DIRECT.open(urllib.request.Request(url, body or None, headers, method=method)) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def create(self, name: str, **fields: Any) -> None:
        """Create a repository of one's own."""
        assert self.ask("POST", "/api/repos/create", json.dumps({"name": name, **fields}).encode())[0] == 200

    def actions(self, repo: str, oid: str = OID, size: int = len(SECRET)) -> dict[str, str]:
        """Return the addresses to which the Hub wants the file uploaded; {} where it has it."""
        body = json.dumps({"operation": "upload", "objects": [{"oid": oid, "size": size}]}).encode()
        status, answer = self.ask("POST", f"/{repo}.git/info/lfs/objects/batch", body)
        assert status == 200
        (row,) = json.loads(answer)["objects"]
        return {name: action["href"] for name, action in row.get("actions", {}).items()}

    def commit(self, repo: str, oid: str = OID, kind: str = "models") -> tuple[int, bytes]:
        """Commit a pointer to a large file as stolen.bin."""
        file = {"path": "stolen.bin", "algo": "sha256", "oid": oid, "size": len(SECRET)}
        lines = [{"key": "header", "value": {"summary": "s"}}, {"key": "lfsFile", "value": file}]
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        return self.ask("POST", f"/api/{kind}/{repo}/commit/main", body)

    def upload(self, repo: str) -> None:
        """Upload the file to a repository and commit it."""
        where = self.actions(repo)
        assert self.ask("PUT", where["upload"], SECRET)[0] == 200
        size = json.dumps({"oid": OID, "size": len(SECRET)}).encode()
        assert self.ask("POST", where["verify"], size) == (200, b"{}")
        assert self.commit(repo)[0] == 200


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    """A Hub on which ann has a private repository with a large file, and eve an empty one."""
    with LocalHub(tmp_path / "hub", {"hf_ann": "ann", "hf_eve": "eve"}) as running:
        User(running.url, "hf_ann").create("secret", visibility="private")
        User(running.url, "hf_ann").upload("ann/secret")
        User(running.url, "hf_eve").create("own")
        yield running


@pytest.fixture
def ann(hub: LocalHub) -> User:
    return User(hub.url, "hf_ann")


@pytest.fixture
def eve(hub: LocalHub) -> User:
    return User(hub.url, "hf_eve")


def test_a_pointer_to_anothers_file_is_refused_as_one_to_nothing(eve: User) -> None:
    assert eve.commit("eve/own") == (400, json.dumps({"error": MISSING}).encode())
    assert eve.commit("eve/own", NOWHERE) == eve.commit("eve/own")
    assert eve.ask("GET", "/eve/own/resolve/main/stolen.bin")[0] == 404
    assert eve.ask("GET", "/ann/secret/resolve/main/stolen.bin")[0] == 404


def test_who_asks_whether_a_file_is_there_is_always_asked_for_it(eve: User) -> None:
    def shape(oid: str) -> dict[str, str]:
        found = eve.actions("eve/own", oid)
        return {name: re.sub(r"sig=\w+|exp=\d+", "", url.replace(oid, "OID")) for name, url in found.items()}

    assert shape(OID).keys() == {"upload", "verify"}
    assert shape(OID) == shape(NOWHERE)
    for oid in (OID, NOWHERE):
        size = json.dumps({"size": len(SECRET)}).encode()
        assert eve.ask("POST", eve.actions("eve/own", oid)["verify"], size) == (
            404,
            b'{"error": "LFS object was not uploaded"}',
        )


def test_an_upload_of_other_bytes_gives_no_right(eve: User) -> None:
    where = eve.actions("eve/own")["upload"]
    assert eve.ask("PUT", where, b"a guess")[0] == 400
    assert eve.ask("PUT", where)[0] == 400
    assert eve.commit("eve/own")[0] == 400


def test_an_address_for_one_repository_is_none_for_another(eve: User, ann: User) -> None:
    where = ann.actions("ann/secret", NOWHERE)["upload"]
    assert eve.ask("PUT", where.replace("ann%2Fsecret", "eve%2Fown"), b"x")[0] == 403
    assert eve.ask("PUT", where.replace("models%2Fann%2Fsecret", ""), b"x")[0] == 403
    assert eve.ask("PUT", re.sub(r"repo=[^&]*&", "", where), b"x")[0] == 403


def test_who_has_the_bytes_uploads_them_and_owns_them_too(eve: User, ann: User) -> None:
    eve.upload("eve/own")
    assert eve.actions("eve/own") == {}
    assert eve.ask("GET", "/eve/own/resolve/main/stolen.bin") == (200, SECRET)
    assert ann.ask("GET", "/ann/secret/resolve/main/stolen.bin") == (200, SECRET)


def test_a_right_ends_at_the_repository_even_for_its_owner(ann: User) -> None:
    ann.create("secret", type="dataset")
    ann.create("other")
    assert ann.commit("ann/secret", kind="datasets")[0] == 400
    assert ann.commit("ann/other")[0] == 400
    assert ann.ask("DELETE", "/api/repos/delete", b'{"name": "secret"}')[0] == 200
    ann.create("secret")
    assert ann.commit("ann/secret")[0] == 400
    assert ann.actions("ann/secret").keys() == {"upload", "verify"}


def test_an_upload_for_a_repository_that_was_deleted_meanwhile(ann: User) -> None:
    where = ann.actions("ann/secret", hashlib.sha256(b"late").hexdigest())
    ann.ask("DELETE", "/api/repos/delete", b'{"name": "secret"}')
    gone = (404, b'{"error": "the repository was deleted meanwhile"}')
    assert ann.ask("PUT", where["upload"], b"late") == gone
    assert ann.ask("POST", where["verify"], b'{"size": 4}') == gone


def test_what_was_uploaded_stays_uploaded_after_a_restart_and_once_it_is_removed(hub: LocalHub) -> None:
    ann = User(hub.url, "hf_ann")
    late = hashlib.sha256(b"late").hexdigest()
    assert ann.ask("PUT", ann.actions("ann/secret", late)["upload"], b"late")[0] == 200
    lines = [
        {"key": "header", "value": {"summary": "s"}},
        {"key": "deletedFile", "value": {"path": "stolen.bin"}},
    ]
    body = b"\n".join(json.dumps(line).encode() for line in lines)
    assert ann.ask("POST", "/api/models/ann/secret/commit/main", body)[0] == 200
    hub.__exit__()
    with LocalHub(hub.store.root, {"hf_ann": "ann"}) as again:
        ann = User(again.url, "hf_ann")
        assert ann.actions("ann/secret", late) == ann.actions("ann/secret") == {}
        assert ann.commit("ann/secret", late)[0] == 200


def test_a_folder_of_version_0_2_goes_on(hub: LocalHub, ann: User, eve: User) -> None:
    """Its repositories list no uploads: what their commits name belongs to them."""
    repo = hub.store.load("models", "ann/secret")
    assert repo is not None
    del repo["uploads"]
    hub.store.save(repo)
    assert ann.actions("ann/secret") == {}
    assert ann.commit("ann/secret")[0] == 200
    assert ann.ask("GET", "/ann/secret/resolve/main/stolen.bin") == (200, SECRET)
    assert eve.commit("eve/own")[0] == 400


REQUESTS = [
    ("GET", "/api/models/ann/{}", b""),
    ("GET", "/api/models/ann/{}/tree/main", b""),
    ("GET", "/api/models/ann/{}/refs", b""),
    ("GET", "/api/models/ann/{}/commits/main", b""),
    ("GET", "/ann/{}/resolve/main/stolen.bin", b""),
    ("GET", "/ann/{}", b""),
    ("POST", "/api/models/ann/{}/preupload/main", b'{"files": []}'),
    ("POST", "/api/models/ann/{}/commit/main", b'{"key": "header", "value": {"summary": "s"}}'),
    ("POST", "/api/models/ann/{}/tag/main", b'{"tag": "v1"}'),
    ("POST", "/api/models/ann/{}/branch/x", b"{}"),
    ("DELETE", "/api/models/ann/{}/tag/v1", b""),
    ("PUT", "/api/models/ann/{}/settings", b"{}"),
    ("POST", "/ann/{}.git/info/lfs/objects/batch", b'{"objects": []}'),
    ("DELETE", "/api/repos/delete", b'{"organization": "ann", "name": "{}"}'),
    ("POST", "/api/repos/create", b'{"organization": "ann", "name": "{}"}'),
]
"""All that can be asked of a repository by its name."""


@pytest.mark.parametrize("token", ["hf_eve", "hf_nobody"])
def test_anothers_private_repository_is_like_none(hub: LocalHub, token: str) -> None:
    user = User(hub.url, token)

    def told(name: str) -> list[tuple[int, bytes]]:
        asked = ((method, path.replace("{}", name), body.replace(b'"{}"', b'"%s"' % name.encode()))
                 for method, path, body in REQUESTS)  # fmt: skip
        return [user.ask(*request) for request in asked]

    answers = told("secret")
    assert {status for status, _ in answers} <= {401, 403, 404}
    assert [(status, body.replace(b"secret", b"nothing")) for status, body in answers] == told("nothing")


def test_lists_and_searches_name_no_private_repository_of_another(eve: User, ann: User) -> None:
    for query in ("", "?author=ann", "?search=secret"):
        assert b"secret" in ann.ask("GET", f"/api/models{query}")[1]
        assert b"secret" not in eve.ask("GET", f"/api/models{query}")[1]
