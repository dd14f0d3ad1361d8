"""The route for commits: a line of JSON for the header, then one for each operation; all are applied or none."""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo_hub.server.messages import Answer, Body, RefusedError, page_of, parse_object, text_of
from zoo_hub.server.repo import large_files

if TYPE_CHECKING:
    from zoo_hub.server.context import Context
    from zoo_hub.server.messages import Request
    from zoo_hub.server.repo import Tree
    from zoo_hub.server.store import Store

COMMIT_LIMIT = 64 << 20
"""Bytes of one commit's small files, as base64; large files are uploaded before."""
FILES_LIMIT = 10_000
"""Files in one repository."""
PATH_LIMIT, NAME_LIMIT = 1000, 255
TITLE_LIMIT, DESCRIPTION_LIMIT = 1000, 64 << 10
"""Characters of a commit's title and of what follows it, which every reader of the history is given."""


def commit(context: Context, request: Request, kind: str, repo_id: str, branch: str) -> Body:
    """Answer `create_commit`."""
    context.access.require_user(request)
    context.access.writable(request, kind, repo_id)
    if request.flag("create_pr"):
        raise RefusedError(501, "this Hub knows no pull requests; push to a branch")
    return Body(partial(_commit, context, request, kind, repo_id, branch), COMMIT_LIMIT)


def _commit(context: Context, request: Request, kind: str, repo_id: str, branch: str, body: bytes) -> Answer:
    user = context.access.require_user(request)
    head, operations = _parse(body)
    summary, message = (
        _bounded(head, "summary", TITLE_LIMIT),
        _bounded(head, "description", DESCRIPTION_LIMIT),
    )
    parent = text_of(head, "parentCommit", "")
    with context.store.lock:
        repo = context.access.writable(request, kind, repo_id)
        if branch not in repo["branches"]:
            raise RefusedError(404, f"Invalid rev id: {branch!r:.200}", "RevisionNotFound")
        before = repo["branches"][branch]
        if not before.startswith(parent):
            raise RefusedError(412, "A commit has happened since. Please refresh and try again.")
        tree, uploaded = dict(repo["commits"][before]["tree"]), large_files(repo)
        for key, value in operations:
            _apply(context.store, tree, key, value, uploaded)
        if len(tree) > FILES_LIMIT:
            raise RefusedError(413, f"a repository holds at most {FILES_LIMIT:,} files")
        sha = context.store.commit(repo, branch, tree, summary, message, user)
    url = f"{page_of(request, kind, repo_id)}/commit/{sha}"
    done = {"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": "", "pullRequestUrl": None}
    return Answer(done)


def _bounded(head: dict[str, Any], field: str, most: int) -> str:
    text = text_of(head, field, "")
    if len(text) > most:
        raise RefusedError(413, f"the {field} of a commit has at most {most:,} characters")
    return text


def _parse(body: bytes) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """Return the header and the operations."""
    operations: list[tuple[str, dict[str, Any]]] = []
    for line in body.splitlines():
        parsed = parse_object(line)
        value = parsed.get("value")
        if not isinstance(value, dict):
            raise RefusedError(400, "a line of the commit has no value")
        operations.append((text_of(parsed, "key"), value))
    if not operations or operations[0][0] != "header" or not operations[0][1].get("summary"):
        raise RefusedError(400, "a commit needs a summary")
    return operations[0][1], operations[1:]


def _apply(store: Store, tree: Tree, key: str, value: dict[str, Any], uploaded: set[str]) -> None:
    """Apply one operation to the tree; `uploaded` are the large files that belong to the repository."""
    path = text_of(value, "path")
    if key == "deletedFolder":
        inside = [name for name in tree if name.startswith(f"{path.rstrip('/')}/")]
        if not inside:
            raise RefusedError(404, f"There is no such folder: {path!r:.200}", "EntryNotFound")
        for name in inside:
            del tree[name]
        return
    if key == "deletedFile":
        if tree.pop(path, None) is None:
            raise RefusedError(404, f"A file with this name doesn't exist: {path!r:.200}", "EntryNotFound")
        return
    _check_path(path)
    if key == "file":
        tree[path] = store.put(_content(value))
    elif key == "lfsFile":
        oid = text_of(value, "oid")
        if not store.lfs_path(oid).exists() or oid not in uploaded:
            raise RefusedError(400, f"LFS pointer pointed to a file that does not exist: {path}")
        tree[path] = store.link(oid)
    else:
        raise RefusedError(501, f"this Hub knows no operation {key!r:.50} in a commit")


def _check_path(path: str) -> None:
    """Refuse names that some file system reads as another path, and names that cannot be displayed."""
    parts = path.split("/")
    odd = any(part in ("", ".", "..") or part.lower() == ".git" or len(part) > NAME_LIMIT for part in parts)
    if odd or "\\" in path or ":" in path or not path.isprintable() or len(path) > PATH_LIMIT:
        raise RefusedError(400, f"Invalid path: {path!r:.200}")


def _content(value: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(text_of(value, "content"), validate=True)
    except binascii.Error as error:
        raise RefusedError(400, "the content of a file is no base64") from error
