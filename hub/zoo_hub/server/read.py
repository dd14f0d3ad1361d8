"""Routes that read: a repository, its files, its history, its branches and tags."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zoo.system.arguments import decimal_count
from zoo_hub.server.cards import card_of, tags_of
from zoo_hub.server.messages import Answer, RefusedError
from zoo_hub.server.repo import resolve_revision

if TYPE_CHECKING:
    from zoo_hub.server.context import Context
    from zoo_hub.server.messages import Request
    from zoo_hub.server.repo import Entry, Repo

ROWS_LIMIT = 1000
"""Repositories in one list."""


def info(context: Context, request: Request, repo: Repo, revision: str) -> Answer:
    """Answer `model_info` and `dataset_info`."""
    sha = resolve_revision(repo, revision)
    blobs, files = request.flag("blobs"), sorted(repo["commits"][sha]["tree"].items())
    row = _row(context, repo, sha)
    row["siblings"] = [_sibling(path, entry, blobs=blobs) for path, entry in files]
    return Answer(row)


def listing(context: Context, request: Request, kind: str) -> Answer:
    """Answer `list_models` and `list_datasets`: by author, words of the name, and tags."""
    user = context.access.user(request)
    author, words = request.query.get("author"), request.query.get("search", "").lower().split()
    tags = set(request.queries.get("filter", []))
    limit = request.query.get("limit", "")[:9]
    rows: list[dict[str, Any]] = []
    for repo in context.store.every(kind):
        found = author in (None, repo["id"].split("/")[0]) and all(
            word in repo["id"].lower() for word in words
        )
        if not found or not context.access.may_see(user, repo):
            continue
        row = _row(context, repo, repo["branches"]["main"])
        if tags <= set(row["tags"]):
            rows.append(row)
    rows.sort(key=lambda row: row["lastModified"], reverse=True)
    most = decimal_count(limit)
    return Answer(rows[: ROWS_LIMIT if most is None else min(most, ROWS_LIMIT)])


def _row(context: Context, repo: Repo, sha: str) -> dict[str, Any]:
    """Return the facts about a repository at a commit. Downloads are not counted, so no number is given."""
    card = card_of(context.store, repo, sha)
    row: dict[str, Any] = {
        "_id": sha[:24],
        "id": repo["id"],
        "modelId": repo["id"],
        "author": repo["id"].split("/")[0],
        "sha": sha,
        "lastModified": repo["commits"][sha]["date"],
        "createdAt": repo["created"],
        "private": repo["private"],
        "gated": repo["gated"],
        "disabled": False,
        "tags": tags_of(card),
        "cardData": card,
    }
    row.update(
        (name, card[name]) for name in ("library_name", "pipeline_tag", "model-index", "sdk") if name in card
    )
    return row


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
        raise RefusedError(404, f"{folder!r:.200} does not exist on {revision!r:.200}", "EntryNotFound")
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


def file(context: Context, request: Request, repo: Repo, revision: str, path: str) -> Answer:
    """Send a file; for a large file, redirect where large files have an address of their own."""
    context.access.check_gate(request, repo)
    sha = resolve_revision(repo, revision)
    entry = repo["commits"][sha]["tree"].get(path)
    if entry is None:
        raise RefusedError(404, "Entry not found", "EntryNotFound", X_Repo_Commit=sha)
    headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes", "ETag": f'"{entry["oid"]}"'}
    if "lfs" not in entry:
        return Answer(context.store.path(entry), headers=headers)
    lfs = entry["lfs"]
    headers["X-Linked-Size"] = str(lfs["size"])
    headers["X-Linked-Etag"] = f'"{lfs["oid"]}"'
    download_address = context.download_address(lfs["oid"])
    if download_address is None:
        return Answer(context.store.path(entry), headers=headers)
    return Answer(b"Found. Redirecting to the CDN", 302, {**headers, "Location": download_address})


def page(repo: Repo) -> Answer:
    """Show a repository's files to a browser."""
    sha = resolve_revision(repo, "main")
    kind = "" if repo["kind"] == "models" else f"{repo['kind']}/"
    rows = "".join(
        f'<li><a href="/{kind}{repo["id"]}/resolve/{sha}/{quote(path)}">{html.escape(path)}</a> {entry["size"]}'
        for path, entry in sorted(repo["commits"][sha]["tree"].items())
    )
    text = f"<!doctype html><title>{repo['id']}</title><h1>{repo['id']}</h1><p>{sha}</p><ul>{rows}</ul>"
    return Answer(text.encode(), headers={"Content-Type": "text/html; charset=utf-8"})
