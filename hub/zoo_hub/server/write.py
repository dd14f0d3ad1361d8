"""Routes that write: repositories, branches and tags, and where to upload large files."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo_hub.card.front_matter import parse_card
from zoo_hub.names import parse_hub_name
from zoo_hub.server.messages import (
    Answer,
    Body,
    RefusedError,
    json_body,
    objects,
    page_of,
    text_of,
    whole_number,
)
from zoo_hub.server.repo import large_files, resolve_revision
from zoo_hub.server.store import LFS_SUFFIXES

if TYPE_CHECKING:
    from zoo_hub.server.context import Context
    from zoo_hub.server.messages import Request
    from zoo_hub.server.repo import Repo

LFS_SIZE = 10 << 20
"""Bytes from which on a file counts as large (Git LFS)."""


def create_repo(context: Context, request: Request) -> Body:
    """Answer `create_repo`."""
    user = context.access.require_user(request)
    return json_body(partial(_create_repo, context, request, user))


def _create_repo(context: Context, request: Request, user: str, body: dict[str, Any]) -> Answer:
    owner = text_of(body, "organization", user)
    context.access.require_writer(
        request, owner, f"You cannot create a repo under the namespace {owner!r:.100}"
    )
    repo_id, kind = f"{owner}/{text_of(body, 'name')}", text_of(body, "type", "model") + "s"
    with context.store.lock:
        existing = context.store.load(kind, repo_id)
        url = page_of(request, kind, repo_id)
        if existing:
            return Answer({"error": "You already created this repo", "url": url}, 409)
        context.store.create(kind, repo_id, user, private=body.get("visibility") == "private")
    return Answer({"url": url, "name": repo_id, "id": repo_id})


def delete_repo(context: Context, request: Request) -> Body:
    """Answer `delete_repo`."""
    user = context.access.require_user(request)
    return json_body(partial(_delete_repo, context, request, user))


def _delete_repo(context: Context, request: Request, user: str, body: dict[str, Any]) -> Answer:
    kind, owner = text_of(body, "type", "model") + "s", text_of(body, "organization", user)
    with context.store.lock:
        context.store.delete(context.access.writable(request, kind, f"{owner}/{text_of(body, 'name')}"))
    return Answer({})


def settings(context: Context, request: Request, kind: str, repo_id: str) -> Body:
    """Answer `update_repo_settings`: private, gated."""
    context.access.writable(request, kind, repo_id)
    return json_body(partial(_settings, context, request, kind, repo_id))


def _settings(context: Context, request: Request, kind: str, repo_id: str, body: dict[str, Any]) -> Answer:
    with context.store.lock:
        repo = context.access.writable(request, kind, repo_id)
        if "visibility" in body:
            repo["private"] = body["visibility"] == "private"
        repo["gated"] = bool(body.get("gated", repo["gated"]))
        context.store.save(repo)
    return Answer({"private": repo["private"], "gated": repo["gated"]})


def reference(context: Context, request: Request, kind: str, repo_id: str, what: str, name: str) -> Body:
    """Create or delete a branch or a tag.

    `name` is the branch's or tag's own, but for a new tag the revision that it is put on.
    """
    context.access.writable(request, kind, repo_id)

    def change(body: dict[str, Any]) -> Answer:
        with context.store.lock:
            repo = context.access.writable(request, kind, repo_id)
            _change_reference(repo, request.method, what, name, body)
            context.store.save(repo)
        return Answer({})

    return json_body(change)


def _change_reference(repo: Repo, method: str, what: str, name: str, body: dict[str, Any]) -> None:
    names = repo["branches" if what == "branch" else "tags"]
    if method == "DELETE":
        if name not in names or name == "main":
            raise RefusedError(404, f"Invalid rev id: {name!r:.200}", "RevisionNotFound")
        del names[name]
        return
    start = text_of(body, "startingPoint", "main") if what == "branch" else name
    new = name if what == "branch" else text_of(body, "tag")
    _check_reference(new)
    if new in names:
        raise RefusedError(409, f"Reference already exists: {new}")
    names[new] = resolve_revision(repo, start)


def _check_reference(name: str) -> None:
    """Refuse what git would not take for a branch or tag, and what looks like a commit."""
    hub = parse_hub_name(f"a/b@{name}")
    if hub is None or re.fullmatch(r"[0-9a-f]{7,40}", name):
        raise RefusedError(400, f"Invalid name of a branch or tag: {name!r:.200}")


def preupload(context: Context, request: Request, kind: str, repo_id: str, revision: str) -> Body:
    """Say which files go into the commit and which are uploaded as large files."""
    repo = context.access.writable(request, kind, repo_id)
    return json_body(partial(_upload_modes, repo, resolve_revision(repo, revision)))


def _upload_modes(repo: Repo, sha: str, body: dict[str, Any]) -> Answer:
    rows: list[dict[str, Any]] = []
    for file in objects(body.get("files")):
        path, size = text_of(file, "path"), whole_number(file, "size")
        lfs = size >= LFS_SIZE or path.rpartition(".")[2] in LFS_SUFFIXES
        row = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        entry = repo["commits"][sha]["tree"].get(path)
        if entry:
            row["oid"] = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
        rows.append(row)
    return Answer({"files": rows, "commitOid": sha})


def lfs_batch(context: Context, request: Request, kind: str, repo_id: str) -> Body:
    """Say where to put the large files that were not uploaded to this repository yet."""
    uploaded = large_files(context.access.writable(request, kind, repo_id))
    name = f"{kind}/{repo_id}"
    return json_body(partial(_lfs_batch, context, request.base, name, uploaded))


def _lfs_batch(
    context: Context, base: str, repo_name: str, uploaded: set[str], body: dict[str, Any]
) -> Answer:
    if body.get("operation", "upload") != "upload":
        raise RefusedError(501, "large files are downloaded by their address in the repository")
    rows: list[dict[str, Any]] = []
    for item in objects(body.get("objects")):
        oid, size = text_of(item, "oid"), whole_number(item, "size")
        row: dict[str, Any] = {"oid": oid, "size": size}
        if not context.store.lfs_path(oid).exists() or oid not in uploaded:
            row["actions"] = {
                action: {
                    "href": context.sign_address(what, oid, base, repo_name),
                    "header": {},
                }
                for action, what in (("upload", "put"), ("verify", "verify"))
            }
        rows.append(row)
    headers = {"Content-Type": "application/vnd.git-lfs+json"}
    return Answer({"transfer": "basic", "objects": rows}, headers=headers)


def validate_yaml() -> Body:
    """Answer whether a card's metadata can be read."""
    return json_body(_validate_yaml)


def _validate_yaml(body: dict[str, Any]) -> Answer:
    content = text_of(body, "content")
    errors = []
    try:
        parse_card(content)
    except ValueError as error:
        errors = [{"message": str(error)}]
    return Answer({"errors": errors, "warnings": []}, 400 if errors else 200)
