"""What people change on the Hub: repositories, branches and tags, and the way to upload large files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from zoo.naming import parse_hub_name
from zoo_hub.front_matter import parse_card
from zoo_hub.server.messages import Answer, RefusedError, text_of
from zoo_hub.server.store import LFS_SUFFIXES, resolve_revision

if TYPE_CHECKING:
    from zoo_hub.server.hub import LocalHub
    from zoo_hub.server.messages import Request

LFS_SIZE = 10 << 20
"""Bytes from which on a file is uploaded as a large one."""


def create_repo(hub: LocalHub, request: Request) -> Answer:
    """Answer `create_repo`."""
    user = hub.access.require_user(request)
    body = request.json()
    owner = text_of(body, "organization", user)
    hub.access.require_writer(request, owner, f"You cannot create a repo under the namespace {owner!r:.100}")
    repo_id, kind = f"{owner}/{text_of(body, 'name')}", text_of(body, "type", "model") + "s"
    with hub.store.lock:
        there = hub.store.load(kind, repo_id)
        url = page_of(request, kind, repo_id)
        if there:
            return Answer({"error": "You already created this repo", "url": url}, 409)
        hub.store.create(kind, repo_id, user, private=body.get("visibility") == "private")
    return Answer({"url": url, "name": repo_id, "id": repo_id})


def page_of(request: Request, kind: str, repo_id: str) -> str:
    """Return a repository's address."""
    return f"{request.base}/{'' if kind == 'models' else kind + '/'}{repo_id}"


def delete_repo(hub: LocalHub, request: Request) -> Answer:
    """Answer `delete_repo`."""
    user = hub.access.require_user(request)
    body = request.json()
    kind, owner = text_of(body, "type", "model") + "s", text_of(body, "organization", user)
    with hub.store.lock:
        hub.store.delete(hub.access.writable(request, kind, f"{owner}/{text_of(body, 'name')}"))
    return Answer({})


def settings(hub: LocalHub, request: Request, kind: str, repo_id: str) -> Answer:
    """Answer `update_repo_settings`: private, gated."""
    hub.access.writable(request, kind, repo_id)
    body = request.json()
    with hub.store.lock:
        repo = hub.access.writable(request, kind, repo_id)
        if "visibility" in body:
            repo["private"] = body["visibility"] == "private"
        repo["gated"] = bool(body.get("gated", repo["gated"]))
        hub.store.save(repo)
    return Answer({"private": repo["private"], "gated": repo["gated"]})


def reference(hub: LocalHub, request: Request, kind: str, repo_id: str, what: str, name: str) -> Answer:
    """Make or delete a branch (`name` is its own) or a tag (`name` is the revision it is put on)."""
    hub.access.writable(request, kind, repo_id)
    body = request.json()
    with hub.store.lock:
        repo = hub.access.writable(request, kind, repo_id)
        names = repo["branches" if what == "branch" else "tags"]
        if request.method == "DELETE":
            if name not in names or name == "main":
                raise RefusedError(404, f"Invalid rev id: {name!r:.200}", "RevisionNotFound")
            del names[name]
        else:
            start = text_of(body, "startingPoint", "main") if what == "branch" else name
            new = name if what == "branch" else text_of(body, "tag")
            _check_reference(new)
            if new in names:
                raise RefusedError(409, f"Reference already exists: {new}")
            names[new] = resolve_revision(repo, start)
        hub.store.save(repo)
    return Answer({})


def _check_reference(name: str) -> None:
    """Refuse what git would not take for a branch or tag, and what looks like a commit."""
    hub = parse_hub_name(f"a/b@{name}")
    if hub is None or re.fullmatch(r"[0-9a-f]{7,40}", name):
        raise RefusedError(400, f"Invalid name of a branch or tag: {name!r:.200}")


def preupload(hub: LocalHub, request: Request, kind: str, repo_id: str, revision: str) -> Answer:
    """Say which files go into the commit and which are uploaded as large files."""
    repo = hub.access.writable(request, kind, repo_id)
    sha = resolve_revision(repo, revision)
    rows: list[dict[str, Any]] = []
    for file in objects(request.json().get("files")):
        path, size = text_of(file, "path"), whole_number(file, "size")
        lfs = size >= LFS_SIZE or path.rpartition(".")[2] in LFS_SUFFIXES
        row = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        entry = repo["commits"][sha]["tree"].get(path)
        if entry:
            row["oid"] = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
        rows.append(row)
    return Answer({"files": rows, "commitOid": sha})


def lfs_batch(hub: LocalHub, request: Request, kind: str, repo_id: str) -> Answer:
    """Say where to put the large files that are not there yet."""
    hub.access.writable(request, kind, repo_id)
    body = request.json()
    if body.get("operation", "upload") != "upload":
        raise RefusedError(501, "large files are downloaded by their address in the repository")
    rows: list[dict[str, Any]] = []
    for item in objects(body.get("objects")):
        oid, size = text_of(item, "oid"), whole_number(item, "size")
        row: dict[str, Any] = {"oid": oid, "size": size}
        if not hub.store.lfs_path(oid).exists():
            row["actions"] = {
                "upload": {"href": hub.sign_address("put", oid, request.base), "header": {}},
                "verify": {"href": hub.sign_address("verify", oid, request.base), "header": {}},
            }
        rows.append(row)
    headers = {"Content-Type": "application/vnd.git-lfs+json"}
    return Answer({"transfer": "basic", "objects": rows}, headers=headers)


def validate_yaml(request: Request) -> Answer:
    """Answer whether a card's metadata can be read."""
    content = text_of(request.json(), "content")
    errors = []
    try:
        parse_card(content)
    except ValueError as error:
        errors = [{"message": str(error)}]
    return Answer({"errors": errors, "warnings": []}, 400 if errors else 200)


def objects(value: Any) -> list[dict[str, Any]]:
    """Return a list of JSON objects, or refuse."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RefusedError(400, "a list of objects is missing")
    return value


def whole_number(fields: dict[str, Any], name: str) -> int:
    """Return a field that must be a count, or refuse."""
    value = fields.get(name)
    if type(value) is not int or value < 0:
        raise RefusedError(400, f"the field {name!r} is missing or no count")
    return value
