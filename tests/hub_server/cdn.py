"""The other address, where large files' bytes lie: signed addresses only, and no token is wanted there."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from tests.hub_server.messages import Answer, RefusedError
from tests.hub_server.store import write_whole

if TYPE_CHECKING:
    from tests.hub_server.hub import Hub
    from tests.hub_server.messages import Request


def route(hub: Hub, request: Request) -> Answer:
    """Answer `/x/<get|put|verify>/<sha256>?exp=...&sig=...`."""
    if len(request.segments) != 3 or request.segments[0] != "x":
        raise RefusedError(404, "NoSuchKey")
    _, what, oid = request.segments
    expires = request.query.get("exp", "0")
    signed = hmac.compare_digest(request.query.get("sig", ""), hub.signature(what, oid, expires))
    if not signed or time.time() > float(expires):
        raise RefusedError(403, "SignatureDoesNotMatch or expired")
    if request.token and what != "verify":
        hub.leaked_tokens += 1
    path = hub.store.lfs_path(oid)
    if what == "get" and request.method in ("GET", "HEAD"):
        return Answer(path, headers={"ETag": f'"{oid}"'})
    if what == "put" and request.method == "PUT":
        if hashlib.sha256(request.body).hexdigest() != oid:
            raise RefusedError(400, "content does not match its sha256")
        write_whole(path, request.body)
        return Answer(b"")
    if what == "verify" and request.method == "POST":
        if not path.exists() or path.stat().st_size != request.json()["size"]:
            raise RefusedError(404, "LFS object was not uploaded")
        return Answer({})
    raise RefusedError(405, "MethodNotAllowed")
