"""What the Hub tells: a repository, its files, its history, its references."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.hub_server.messages import Answer, RefusedError
from tests.hub_server.store import resolve_revision

if TYPE_CHECKING:
    from tests.hub_server.hub import Hub
    from tests.hub_server.messages import Request
    from tests.hub_server.store import Entry, Repo


def info(request: Request, repo: Repo, revision: str) -> Answer:
    """Answer `model_info` and `dataset_info`."""
    sha = resolve_revision(repo, revision)
    commit = repo["commits"][sha]
    blobs, files = request.flag("blobs"), sorted(commit["tree"].items())
    return Answer(
        {
            "_id": sha[:24],
            "id": repo["id"],
            "modelId": repo["id"],
            "author": repo["id"].split("/")[0],
            "sha": sha,
            "lastModified": commit["date"],
            "createdAt": repo["created"],
            "private": repo["private"],
            "gated": repo["gated"],
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": [_sibling(path, entry, blobs=blobs) for path, entry in files],
        }
    )


def _sibling(path: str, entry: Entry, *, blobs: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"rfilename": path}
    if blobs:
        row.update(size=entry["size"], blobId=entry["oid"])
        if "lfs" in entry:
            lfs = entry["lfs"]
            row["lfs"] = {"sha256": lfs["oid"], "size": lfs["size"], "pointerSize": lfs["pointerSize"]}
    return row


def tree(repo: Repo, revision: str, folder: str) -> Answer:
    """List a folder's files, those in its subfolders too."""
    sha = resolve_revision(repo, revision)
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    rows = [
        {"type": "file", "path": path, **entry}
        for path, entry in sorted(repo["commits"][sha]["tree"].items())
        if path.startswith(prefix)
    ]
    if folder and not rows:
        raise RefusedError(404, f"{folder} does not exist on {revision!r}", "EntryNotFound")
    return Answer(rows)


def refs(repo: Repo) -> Answer:
    """List branches and tags."""

    def rows(names: dict[str, str], prefix: str) -> list[dict[str, str]]:
        return [{"name": name, "ref": prefix + name, "targetCommit": sha} for name, sha in names.items()]

    branches, tags = rows(repo["branches"], "refs/heads/"), rows(repo["tags"], "refs/tags/")
    return Answer({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})


def commits(repo: Repo, revision: str) -> Answer:
    """List a revision's history, newest first."""
    rows: list[dict[str, Any]] = []
    sha: str | None = resolve_revision(repo, revision)
    while sha:
        commit = repo["commits"][sha]
        rows.append(
            {
                "id": sha,
                "title": commit["title"],
                "message": commit["message"],
                "date": commit["date"],
                "authors": [{"user": commit["author"]}],
            }
        )
        sha = commit["parent"]
    return Answer(rows, headers={"X-Total-Count": str(len(rows))})


def file(hub: Hub, request: Request, repo: Repo, revision: str, path: str) -> Answer:
    """Send a file; a large one's bytes come from the other address."""
    hub.access.check_gate(request, repo)
    sha = resolve_revision(repo, revision)
    entry = repo["commits"][sha]["tree"].get(path)
    if entry is None:
        raise RefusedError(404, "Entry not found", "EntryNotFound", X_Repo_Commit=sha)
    headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes", "ETag": f'"{entry["oid"]}"'}
    if "lfs" not in entry:
        return Answer(hub.store.path(entry), headers=headers)
    lfs = entry["lfs"]
    headers["X-Linked-Size"] = str(lfs["size"])
    headers["X-Linked-Etag"] = f'"{lfs["oid"]}"'
    headers["Location"] = hub.sign_address("get", lfs["oid"])
    return Answer(b"Found. Redirecting to the CDN", 302, headers)


def page(repo: Repo) -> Answer:
    """Show a repository's files to a browser."""
    sha = resolve_revision(repo, "main")
    rows = "".join(
        f'<li><a href="/{repo["id"]}/resolve/{sha}/{quote(path)}">{html.escape(path)}</a> {entry["size"]}'
        for path, entry in sorted(repo["commits"][sha]["tree"].items())
    )
    text = f"<!doctype html><title>{repo['id']}</title><h1>{repo['id']}</h1><p>{sha}</p><ul>{rows}</ul>"
    return Answer(text.encode(), headers={"Content-Type": "text/html; charset=utf-8"})
