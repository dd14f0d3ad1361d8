"""From a request's method and path to the function that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.system.terminal import only_printable
from zoo_hub.server import content, read, write
from zoo_hub.server.commits import commit
from zoo_hub.server.messages import Answer, RefusedError
from zoo_hub.server.store import KINDS

if TYPE_CHECKING:
    from zoo_hub.server.context import Context
    from zoo_hub.server.messages import Request, Sink

UNKNOWN = "this Hub knows no {method} {path}"


def route(context: Context, request: Request) -> Answer | Sink:
    """Answer a request, or say where its body goes."""
    segments = request.segments
    if segments[0] == "api":
        return _api(context, request, segments[1:])
    if segments[0] == "x":
        return content.route(context, request)
    kind, rest = (segments[0], segments[1:]) if segments[0] in KINDS else ("models", segments)
    if len(rest) == 6 and rest[2:] == ["info", "lfs", "objects", "batch"] and request.method == "POST":
        return write.lfs_batch(context, request, kind, f"{rest[0]}/{rest[1].removesuffix('.git')}")
    if request.method not in ("GET", "HEAD"):
        raise _unknown(request)
    if len(rest) >= 5 and rest[2] == "resolve":
        repo = context.access.readable(request, kind, f"{rest[0]}/{rest[1]}")
        return read.file(context, request, repo, rest[3], "/".join(rest[4:]))
    if len(rest) == 2:
        return read.page(context.access.readable(request, kind, f"{rest[0]}/{rest[1]}"))
    raise RefusedError(404, "Sorry, we can't find the page you are looking for.")


def _api(context: Context, request: Request, segments: list[str]) -> Answer | Sink:
    match request.method, segments:
        case "GET", ["whoami-v2"]:
            user = context.access.require_user(request)
            return Answer({"type": "user", "id": user, "name": user, "fullname": user, "orgs": []})
        case "POST", ["validate-yaml"]:
            context.access.require_user(request)
            return write.validate_yaml()
        case "POST", ["repos", "create"]:
            return write.create_repo(context, request)
        case "DELETE", ["repos", "delete"]:
            return write.delete_repo(context, request)
        case "GET", [kind] if kind in KINDS:
            return read.listing(context, request, kind)
        case "GET", [kind, owner, name, *rest] if kind in KINDS:
            return _read(context, request, kind, f"{owner}/{name}", rest)
        case _, [kind, owner, name, *rest] if kind in KINDS:
            return _write(context, request, kind, f"{owner}/{name}", rest)
    raise _unknown(request)


def _read(context: Context, request: Request, kind: str, repo_id: str, rest: list[str]) -> Answer:
    repo = context.access.readable(request, kind, repo_id)
    match rest:
        case []:
            return read.info(context, request, repo, "main")
        case ["revision", *name]:
            return read.info(context, request, repo, "/".join(name))
        case ["tree", revision, *folder]:
            return read.tree(repo, revision, "/".join(folder))
        case ["refs"]:
            return read.refs(repo)
        case ["commits", *name]:
            return read.commits(repo, "/".join(name))
    raise _unknown(request)


def _write(context: Context, request: Request, kind: str, repo_id: str, rest: list[str]) -> Sink:
    match request.method, rest:
        case "PUT", ["settings"]:
            return write.settings(context, request, kind, repo_id)
        case "POST" | "DELETE", ["branch" | "tag" as what, *name]:
            return write.reference(context, request, kind, repo_id, what, "/".join(name))
        case "POST", ["preupload", *name]:
            return write.preupload(context, request, kind, repo_id, "/".join(name))
        case "POST", ["commit", *name]:
            return commit(context, request, kind, repo_id, "/".join(name))
    raise _unknown(request)


def _unknown(request: Request) -> RefusedError:
    """Return the refusal of a request that this Hub does not support; the real one may."""
    path = only_printable(request.path[:200])
    return RefusedError(501, UNKNOWN.format(method=request.method, path=path))
