"""What people change on the Hub: repositories, references, commits, and the way to upload large files."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from tests.hub_server.messages import Answer, RefusedError
from tests.hub_server.store import LFS_SUFFIXES, resolve_revision

if TYPE_CHECKING:
    from tests.hub_server.hub import Hub
    from tests.hub_server.messages import Request
    from tests.hub_server.store import Store, Tree

LFS_SIZE = 10 << 20


def create_repo(hub: Hub, request: Request) -> Answer:
    """Answer `create_repo`."""
    body = request.json()
    owner = body.get("organization") or hub.access.require_user(request)
    user = hub.access.require_writer(
        request, owner, f"You cannot create a repo under the namespace {owner!r}"
    )
    repo_id, kind = f"{owner}/{body['name']}", body.get("type", "model") + "s"
    url = f"{hub.url}/{'' if kind == 'models' else kind + '/'}{repo_id}"
    with hub.store.lock:
        if hub.store.load(kind, repo_id):
            return Answer({"error": "You already created this repo", "url": url}, 409)
        hub.store.create(kind, repo_id, user, private=body.get("visibility") == "private")
    return Answer({"url": url, "name": repo_id, "id": repo_id})


def delete_repo(hub: Hub, request: Request) -> Answer:
    """Answer `delete_repo`."""
    body = request.json()
    owner = body.get("organization") or hub.access.require_user(request)
    hub.store.delete(hub.access.writable(request, body.get("type", "model") + "s", f"{owner}/{body['name']}"))
    return Answer({})


def settings(hub: Hub, request: Request, kind: str, repo_id: str) -> Answer:
    """Answer `update_repo_settings`: private, gated."""
    body = request.json()
    with hub.store.lock:
        repo = hub.access.writable(request, kind, repo_id)
        if "visibility" in body:
            repo["private"] = body["visibility"] == "private"
        repo["gated"] = bool(body.get("gated", repo["gated"]))
        hub.store.save(repo)
    return Answer({"private": repo["private"], "gated": repo["gated"]})


def reference(hub: Hub, request: Request, kind: str, repo_id: str, what: str, name: str) -> Answer:
    """Make or delete a branch (`name` is its own) or a tag (`name` is the revision it is put on)."""
    with hub.store.lock:
        repo = hub.access.writable(request, kind, repo_id)
        names = repo["branches" if what == "branch" else "tags"]
        if request.method == "DELETE":
            if name not in names or name == "main":
                raise RefusedError(404, f"Invalid rev id: {name}", "RevisionNotFound")
            del names[name]
        else:
            body = request.json()
            start = body.get("startingPoint") or "main" if what == "branch" else name
            new = name if what == "branch" else body["tag"]
            if new in names:
                raise RefusedError(409, f"Reference already exists: {new}")
            names[new] = resolve_revision(repo, start)
        hub.store.save(repo)
    return Answer({})


def preupload(hub: Hub, request: Request, kind: str, repo_id: str, revision: str) -> Answer:
    """Say which files go into the commit and which are uploaded as large files."""
    repo = hub.access.writable(request, kind, repo_id)
    sha = resolve_revision(repo, revision)
    rows: list[dict[str, Any]] = []
    for file in request.json()["files"]:
        path = file["path"]
        lfs = file["size"] >= LFS_SIZE or path.rpartition(".")[2] in LFS_SUFFIXES
        row = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        entry = repo["commits"][sha]["tree"].get(path)
        if entry:
            row["oid"] = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
        rows.append(row)
    return Answer({"files": rows, "commitOid": sha})


def lfs_batch(hub: Hub, request: Request, kind: str, repo_id: str) -> Answer:
    """Say where to put the large files that are not there yet."""
    hub.access.writable(request, kind, repo_id)
    rows: list[dict[str, Any]] = []
    for item in request.json()["objects"]:
        oid = item["oid"]
        row: dict[str, Any] = {"oid": oid, "size": item["size"]}
        if not re.fullmatch(r"[0-9a-f]{64}", oid):
            row["error"] = {"code": 422, "message": "not a sha256"}
        elif not hub.store.lfs_path(oid).exists():
            row["actions"] = {
                "upload": {"href": hub.sign_address("put", oid), "header": {}},
                "verify": {"href": hub.sign_address("verify", oid), "header": {}},
            }
        rows.append(row)
    headers = {"Content-Type": "application/vnd.git-lfs+json"}
    return Answer({"transfer": "basic", "objects": rows}, headers=headers)


def commit(hub: Hub, request: Request, kind: str, repo_id: str, branch: str) -> Answer:
    """Take a commit: a line of JSON for its header, then one a file."""
    user = hub.access.require_user(request)
    lines = [json.loads(line) for line in request.body.splitlines()]
    head: dict[str, Any] = next((line["value"] for line in lines if line["key"] == "header"), {})
    if not head.get("summary"):
        raise RefusedError(400, "a commit needs a summary")
    with hub.store.lock:
        repo = hub.access.writable(request, kind, repo_id)
        if branch not in repo["branches"]:
            raise RefusedError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        parent = repo["branches"][branch]
        if not parent.startswith(head.get("parentCommit") or ""):
            raise RefusedError(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(repo["commits"][parent]["tree"])
        for line in lines:
            if line["key"] != "header":
                _apply(hub.store, tree, line["key"], line["value"])
        sha = hub.store.commit(repo, branch, tree, head["summary"], head.get("description") or "", user)
    url = f"{hub.url}/{'' if kind == 'models' else kind + '/'}{repo_id}/commit/{sha}"
    done = {"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": "", "pullRequestUrl": None}
    return Answer(done)


def _apply(store: Store, tree: Tree, key: str, value: dict[str, Any]) -> None:
    """Change the tree by one operation."""
    path = value["path"]
    if path.startswith("/") or any(part in ("", ".", "..", ".git") for part in path.split("/")):
        raise RefusedError(400, f"Invalid path: {path}")
    if key == "file":
        tree[path] = store.put(base64.b64decode(value["content"]))
    elif key == "lfsFile":
        if not store.lfs_path(value["oid"]).exists():
            raise RefusedError(400, f"LFS pointer pointed to a file that does not exist: {path}")
        tree[path] = store.link(value["oid"])
    elif key == "deletedFile":
        if tree.pop(path, None) is None:
            raise RefusedError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    else:
        raise RefusedError(400, f"unknown operation {key}")
