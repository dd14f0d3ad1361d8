"""Who sends a request, and what they may read and change."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from zoo_hub.client.errors import OWN_HUB
from zoo_hub.server.messages import RefusedError

if TYPE_CHECKING:
    from zoo_hub.server.messages import Request
    from zoo_hub.server.repo import Repo
    from zoo_hub.server.store import Store


class Access:
    """The users by their tokens, and the rules of who may do what."""

    def __init__(self, store: Store, users: dict[str, str]) -> None:
        self._store = store
        self._users = users

    def name_of(self, token: str) -> str | None:
        """Return the user with this token; None where there is none."""
        # Compared in the same time however much of a token is right; the names are no secret.
        given = token.encode()
        found = [name for known, name in self._users.items() if hmac.compare_digest(known.encode(), given)]
        return found[0] if found else None

    def may_write(self, token: str) -> bool:
        """Whether a token allows changes."""
        return self.name_of(token) is not None

    def user(self, request: Request) -> str | None:
        """Return the user who sent a request, None for one without a token; a wrong token is refused."""
        if request.token is None:
            return None
        name = self.name_of(request.token)
        if name is None:
            raise _refused(401, "Invalid credentials in Authorization header")
        return name

    def require_user(self, request: Request) -> str:
        """Return the user who sent a request; one without a token is refused."""
        user = self.user(request)
        if user is None:
            raise _refused(401, "Invalid username or password.")
        return user

    def require_writer(self, request: Request, owner: str, refusal: str) -> str:
        """Return the user who sent a request; refused if they may not write to this owner's repositories."""
        user = self.require_user(request)
        if user != owner or not self.may_write(request.token or ""):
            raise _refused(403, refusal)
        return user

    def may_see(self, user: str | None, repo: Repo) -> bool:
        """Whether a user, or None for anybody, may know that a repository exists."""
        return not repo["private"] or user == repo["id"].split("/")[0]

    def readable(self, request: Request, kind: str, repo_id: str) -> Repo:
        """Return a repository; refused where the request's user may not see it."""
        user = self.user(request)
        repo = self._store.load(kind, repo_id)
        if repo is None or not self.may_see(user, repo):
            # Without a token the Hub answers 401, so that a missing repository cannot be told from a private one.
            # The client understands that for https addresses only; on plain http the error code has to say it.
            if user is None:
                raise RefusedError(401, "Invalid username or password.", "RepoNotFound")
            raise RefusedError(404, "Repository not found", "RepoNotFound")
        return repo

    def writable(self, request: Request, kind: str, repo_id: str) -> Repo:
        """Return a repository; refused where the request's user may not change it."""
        repo = self.readable(request, kind, repo_id)
        self.require_writer(request, repo_id.split("/")[0], "Forbidden: this token cannot write here")
        return repo

    def check_gate(self, request: Request, repo: Repo) -> None:
        """Refuse the files of a gated repository to everybody except its owner."""
        user = self.user(request)
        if repo["gated"] and user != repo["id"].split("/")[0]:
            status = 401 if user is None else 403
            raise RefusedError(status, f"Access to model {repo['id']} is restricted.", "GatedRepo")


def _refused(status: int, message: str) -> RefusedError:
    """Return the refusal of a token, with the header that says whose tokens these are."""
    return RefusedError(status, message, **{OWN_HUB: "1"})
