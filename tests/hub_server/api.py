"""Which request is which: from a path to the function that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hub_server import read, write
from tests.hub_server.faults import Fault
from tests.hub_server.messages import Answer, RefusedError

if TYPE_CHECKING:
    from tests.hub_server.hub import Hub
    from tests.hub_server.messages import Request

KINDS = ("models", "datasets")


def route(hub: Hub, request: Request) -> Answer:
    """Answer a request to the Hub itself."""
    segments = request.segments
    if segments[0] == "api":
        return _api(hub, request, segments[1:])
    if segments[0] == "_hub":
        return _control(hub, request, segments[1:])
    kind, rest = (segments[0], segments[1:]) if segments[0] in KINDS else ("models", segments)
    if len(rest) == 6 and rest[2:] == ["info", "lfs", "objects", "batch"]:
        return write.lfs_batch(hub, request, kind, f"{rest[0]}/{rest[1].removesuffix('.git')}")
    if len(rest) >= 5 and rest[2] in ("resolve", "raw"):
        repo = hub.access.readable(request, kind, f"{rest[0]}/{rest[1]}")
        return read.file(hub, request, repo, rest[3], "/".join(rest[4:]))
    if len(rest) == 2:
        return read.page(hub.access.readable(request, kind, f"{rest[0]}/{rest[1]}"))
    raise RefusedError(404, "Sorry, we can't find the page you are looking for.")


def _api(hub: Hub, request: Request, segments: list[str]) -> Answer:
    if segments == ["whoami-v2"]:
        user = hub.access.require_user(request)
        return Answer({"type": "user", "id": user, "name": user, "fullname": user, "orgs": []})
    if segments == ["validate-yaml"]:
        return Answer({"errors": [], "warnings": []})
    if segments == ["repos", "create"]:
        return write.create_repo(hub, request)
    if segments == ["repos", "delete"]:
        return write.delete_repo(hub, request)
    if len(segments) < 3 or segments[0] not in KINDS:
        raise RefusedError(404, "no such API")
    kind, repo_id, rest = segments[0], f"{segments[1]}/{segments[2]}", segments[3:]
    if request.method != "GET":
        return _change(hub, request, kind, repo_id, rest)
    return _tell(hub, request, kind, repo_id, rest)


def _tell(hub: Hub, request: Request, kind: str, repo_id: str, rest: list[str]) -> Answer:
    repo = hub.access.readable(request, kind, repo_id)
    match rest:
        case []:
            return read.info(request, repo, "main")
        case ["revision", *name]:
            return read.info(request, repo, "/".join(name))
        case ["tree", revision, *folder]:
            return read.tree(repo, revision, "/".join(folder))
        case ["refs"]:
            return read.refs(repo)
        case ["commits", *name]:
            return read.commits(repo, "/".join(name))
    raise RefusedError(404, "no such API")


def _change(hub: Hub, request: Request, kind: str, repo_id: str, rest: list[str]) -> Answer:
    match rest:
        case ["settings"]:
            return write.settings(hub, request, kind, repo_id)
        case ["branch" | "tag" as what, *name]:
            return write.reference(hub, request, kind, repo_id, what, "/".join(name))
        case ["preupload", *name]:
            return write.preupload(hub, request, kind, repo_id, "/".join(name))
        case ["commit", *name]:
            return write.commit(hub, request, kind, repo_id, "/".join(name))
    raise RefusedError(404, "no such API")


def _control(hub: Hub, request: Request, segments: list[str]) -> Answer:
    """Let another process read the log and set faults: POST `/_hub/faults {"action": "lost"}`."""
    match request.method, segments:
        case "GET", ["log"]:
            return Answer([entry.__dict__ for entry in hub.log])
        case "POST", ["faults"]:
            hub.faults.add(Fault(**request.json()))
            return Answer({})
        case "DELETE", ["faults"]:
            hub.faults.clear()
            return Answer({})
    raise RefusedError(404, "no such control")
