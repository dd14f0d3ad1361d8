"""From what the client raises to one sentence for people."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.errors import NetworkError, ResourceError, UsageError, ZooError
from zoo_hub.client import endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub.errors import HfHubHTTPError

TRY_LATER = "Try again later"


@contextmanager
def hub_errors(repo: str, revision: str | None = None) -> Iterator[None]:
    """Turn what the client raises about `repo` into one line.

    Raises:
        UsageError: it is no name that the client takes.
        NetworkError: the Hub or the way to it did not give what was asked for.
        ResourceError: the cache cannot be written.
    """
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        from huggingface_hub.errors import HFValidationError

        if isinstance(error, HFValidationError):
            raise UsageError(no_hub_name(repo)) from error
        sentence = explain(error, repo, revision)
        if sentence:
            raise NetworkError(sentence) from error
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise ResourceError(
                f"{repo}: the cache cannot be written: {reason}. Free space or set HF_HOME"
            ) from error
        raise


def no_hub_name(name: str) -> str:
    """Return the sentence for what cannot be a name on the Hub."""
    return f"{name}: it is no name on the Hub. Give OWNER/NAME, for example me/camel-wgangp"


def is_unreachable(error: Exception) -> bool:
    """Whether the Hub gave no answer of its own: offline, no connection, or broken down (5xx)."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    # The base class of whichever transport this release of the client uses.
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # isort: skip

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500
    return isinstance(error, OfflineModeIsEnabled | HTTPError)


def explain(error: BaseException, repo: str, revision: str | None) -> str | None:
    """Return the sentence for an error of the client, or None when it is none."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(error, LocalEntryNotFoundError | RuntimeError) and error.__cause__ is not None:
        # So the client wraps what went wrong while it looked for a file, or uploaded a large one.
        return explain(error.__cause__, repo, revision)
    if isinstance(error, OfflineModeIsEnabled):
        return f"{repo}: HF_HUB_OFFLINE is set and the cache has no copy of it. Unset it and try again"
    if isinstance(error, HfHubHTTPError):
        return _explain_kind(error, repo, revision) or _explain_status(error, repo)
    if isinstance(error, Exception) and is_unreachable(error):
        reason = str(error) or type(error).__name__
        return f"{repo}: {endpoint()} cannot be reached ({reason}). Check the connection and HF_ENDPOINT"
    return None


def _explain_kind(error: HfHubHTTPError, repo: str, revision: str | None) -> str | None:
    """Return the sentence for what the client has a class for."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub = endpoint()
    sentences: dict[type[Exception], str] = {
        # A gated repository counts as one not found too, so it comes first.
        GatedRepoError: f"{repo}: only its owner can let you in. Ask at {hub}/{repo}, then set HF_TOKEN",
        RepositoryNotFoundError: f"{repo}: {hub} has no such repository, or it is private. "
        "Check the name, or set HF_TOKEN to a token that may read it",
        RevisionNotFoundError: f"{repo}: it has no revision {revision!r}. Look at {hub}/{repo}/commits/main",
        EntryNotFoundError: f"{repo}: a file of it is missing. Look at {hub}/{repo}/tree/main",
    }
    return next((sentence for kind, sentence in sentences.items() if isinstance(error, kind)), None)


def _explain_status(error: HfHubHTTPError, repo: str) -> str:
    """Return the sentence for an answer that is told by its number only."""
    from huggingface_hub import get_token

    status, hub = error.response.status_code, endpoint()
    tokens = f"{hub}/settings/tokens"
    if status == 401 and get_token() is None:
        return f"{repo}: you are not logged in (401). Set HF_TOKEN to a token from {tokens}"
    if status >= 500:
        return f"{repo}: {hub} is out of order ({status}). {TRY_LATER}"
    wait = error.response.headers.get("Retry-After", "")
    later = f"Try again in {wait} seconds" if wait.isdigit() else TRY_LATER
    sentences = {
        401: f"{repo}: the Hub does not know this token (401). Make a new one at {tokens} and set HF_TOKEN",
        403: f"{repo}: this token may not write there (403). Make one that may at {tokens} and set HF_TOKEN",
        412: f"{repo}: somebody changed it meanwhile (412). Look at {hub}/{repo}, then push again",
        429: f"{repo}: the Hub got too many requests (429). {later}",
    }
    said = " ".join((error.server_message or "no reason given").split()).rstrip(".")
    return sentences.get(status) or f"{repo}: the Hub refused it ({status}): {said}. Look at {hub}/{repo}"
