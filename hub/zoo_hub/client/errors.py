"""Each error of the Hub's client as one sentence for people."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.errors import InputError, NetworkError, ResourceError, ZooError
from zoo.system.arguments import decimal_count
from zoo.system.terminal import only_printable
from zoo_hub.client.watch import LateError, endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub.errors import HfHubHTTPError

OWN_HUB = "X-Zoo-Hub"
"""The header by which `zoo hub serve` says, where it refuses a token, that it has no page that makes tokens."""
SENTENCES = {
    "gated": "only its owner can let you in. Ask at {hub}/{repo}, then set HF_TOKEN",
    "disabled": "the Hub has disabled it. Read why at {hub}/{repo}",
    "no repository": "{hub} has no such repository, or it is private. "
    "Check the name, or set HF_TOKEN to a token that may read it",
    "no revision": "it has no revision {revision!r}. Look at {hub}/{repo}/commits/main",
    "no file": "a file of it is missing. Look at {hub}/{repo}/tree/main",
    "not logged in": "you are not logged in (401). Set HF_TOKEN to a token from {tokens}",
    "wrong token": "the Hub does not know this token (401). Make a new one at {tokens} and set HF_TOKEN",
    "may not read": "this token may not read it (403). Make one that may at {tokens} and set HF_TOKEN",
    "may not write": "this token may not write there (403). Make one that may at {tokens} and set HF_TOKEN",
    "not logged in, own hub": "you are not logged in (401). Set HF_TOKEN to a token that this Hub was started with: "
    "`zoo hub serve --user {owner}:TOKEN`",
    "wrong token, own hub": "the Hub does not know this token (401). Set HF_TOKEN to one that it was started with: "
    "`zoo hub serve --user NAME:TOKEN`",
    "may not write, own hub": "this token may not write there (403), only {owner}'s may. Set HF_TOKEN to that, or "
    "start the Hub with one: `zoo hub serve --user {owner}:TOKEN`",
    "changed": "somebody changed it meanwhile (412). Look at {hub}/{repo}, then push again",
    "rate limit": "the Hub got too many requests (429). {later}",
    "out of order": "{hub} is out of order ({status}). {later}",
    "refused": "the Hub refused it ({status}): {message}. Look at {hub}/{repo}",
    "offline": "HF_HUB_OFFLINE is set and the cache has no copy of it. Unset it and try again",
    "unreachable": "{hub} cannot be reached ({reason}). Check the connection and HF_ENDPOINT",
    "no hub": "{hub} does not answer as a Hub does. Check HF_ENDPOINT and HTTPS_PROXY",
    "xet": "its Xet storage failed ({reason}). Set HF_HUB_DISABLE_XET=1 to do without it, and try again",
    "wrong length": "a file came with another length than announced, again and again. Try again later",
}
"""What people read after the repository's name, by the kind of error."""
KINDS = {
    # A gated repository counts as one not found too, so it comes first.
    "GatedRepoError": "gated",
    "DisabledRepoError": "disabled",
    "RepositoryNotFoundError": "no repository",
    "RevisionNotFoundError": "no revision",
    "EntryNotFoundError": "no file",
    "FileMetadataError": "no hub",
    "OfflineModeIsEnabled": "offline",
}
"""The kind of error that a class of the client stands for."""
STATUSES = {401: "wrong token", 403: "may not write", 412: "changed", 429: "rate limit"}
"""The kind of error by the answer's status."""
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the client, or code that reads an answer, raises where an answer is not the Hub's."""


@contextmanager
def hub_errors(repo: str, revision: str | None = None) -> Iterator[None]:
    """Turn what the client raises about `repo` into one line.

    Raises:
        InputError: it is no name that the client takes.
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
            raise InputError(bad_name_message(repo)) from error
        sentence = explain(error, repo, revision)
        if sentence:
            raise NetworkError(sentence) from error
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise ResourceError(
                f"{repo}: the cache cannot be written: {reason}. Free space or set HF_HOME"
            ) from error
        raise


def bad_name_message(name: str) -> str:
    """Return the sentence for what cannot be a name on the Hub."""
    return f"{name}: it is no name on the Hub. Give OWNER/NAME, for example me/camel-wgangp"


def malformed_answer(repo: str, found: str) -> NetworkError:
    """Return the error of an answer that no Hub gives; `found` says what is wrong with it."""
    return NetworkError(
        f"{repo}: {endpoint()} does not answer as a Hub does ({found}). Check HF_ENDPOINT and HTTPS_PROXY"
    )


def is_unreachable(error: BaseException) -> bool:
    """Whether the Hub itself gave no answer: offline, no connection, too late, or a server error (5xx)."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500
    return isinstance(error, OfflineModeIsEnabled | LateError) or is_transport(error)


def is_transport(error: BaseException) -> bool:
    """Whether the connection to the Hub failed: there is none, it was cut, or bytes were lost."""
    from huggingface_hub.errors import HfHubHTTPError

    # The base class of whichever transport this release of the client uses.
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # isort: skip

    if isinstance(error, HfHubHTTPError):
        return False
    return isinstance(error, HTTPError) or _is_wrong_length(error)


def is_of_xet(error: BaseException) -> bool:
    """Whether hf_xet, the client's library for large files, failed: it raises Python's own errors without an errno."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # isort: skip

    known = isinstance(error, ConnectionError | PermissionError | FileNotFoundError) and error.errno is None
    return known and not isinstance(error, HTTPError)


def root_cause(error: BaseException) -> BaseException:
    """Return the error that the client wrapped in another while it looked for a file or uploaded one."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    while isinstance(error, LocalEntryNotFoundError | RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def explain(error: BaseException, repo: str, revision: str | None) -> str | None:
    """Return the sentence for an error of the client; None for any other error."""
    from huggingface_hub.errors import HfHubHTTPError

    error = root_cause(error)
    kind = _sentence_for(error)
    if kind is None:
        return None
    hub = endpoint()
    facts: dict[str, object] = {
        "hub": hub,
        "repo": repo,
        "owner": repo.partition("/")[0],
        "revision": revision,
        "tokens": f"{hub}/settings/tokens",
    }
    if isinstance(error, HfHubHTTPError):
        wait = decimal_count(error.response.headers.get("Retry-After", ""))
        facts["later"] = "Try again later" if wait is None else f"Try again in {wait} seconds"
        facts["status"] = error.response.status_code
        facts["message"] = _one_line(error.server_message or "no reason given")
    facts["reason"] = _one_line(str(error)) or type(error).__name__
    return f"{repo}: {SENTENCES[kind].format(**facts)}"


def _sentence_for(error: BaseException) -> str | None:
    """Return the key of the sentence for an error; None where there is none."""
    from huggingface_hub import errors

    for name, kind in KINDS.items():
        if isinstance(error, getattr(errors, name)):
            return kind
    if isinstance(error, errors.HfHubHTTPError):
        return _sentence_for_status(error)
    if _is_wrong_length(error):
        return "wrong length"
    if is_of_xet(error):
        return "xet"
    return "unreachable" if is_transport(error) else None


def _sentence_for_status(error: HfHubHTTPError) -> str:
    """Return the key of the sentence for an answer of which only the status is known."""
    from huggingface_hub import get_token

    status = error.response.status_code
    if status == 401 and get_token() is None:
        return _by_hub("not logged in", error)
    if status == 403 and error.response.request.method in ("GET", "HEAD"):
        return "may not read"
    return "out of order" if status >= 500 else _by_hub(STATUSES.get(status, "refused"), error)


def _by_hub(kind: str, error: HfHubHTTPError) -> str:
    """Return the kind of sentence for the Hub that answered: one of `zoo hub serve` gets its tokens elsewhere."""
    own = f"{kind}, own hub"
    return own if OWN_HUB in error.response.headers and own in SENTENCES else kind


def _is_wrong_length(error: BaseException) -> bool:
    """Whether this is the client's error for a file's length, the only OSError that it raises without an errno."""
    return type(error) is OSError and error.errno is None


def _one_line(text: str) -> str:
    """Return a stranger's text as part of one line: no control characters, at most 200 characters."""
    return only_printable(" ".join(text.split()).rstrip(".")[:200])
