"""What a NAME on the command line can be, and what it calls a repository."""

from __future__ import annotations

import re
from typing import NamedTuple

from zoo.errors import UsageError
from zoo_hub.client.errors import bad_name_message

_PART = r"\w(?:[\w.-]{0,94}\w)?"
# What git takes for a branch or tag, less the rarest characters: it becomes a file's name in the cache.
_WORD = r"[\w#=+,-][\w#=+,.-]*"
_REVISION = rf"(?=[^@]{{1,200}}$)(?!.*\.\.){_WORD}(?:/{_WORD})*"
_HUB = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>{_REVISION}))?")


class HubName(NamedTuple):
    """OWNER/NAME[@REVISION]."""

    repo: str
    revision: str | None


def parse_hub_name(name: str) -> HubName | None:
    """Return the parts of `OWNER/NAME[@REVISION]`, or None when `name` is none that the Hub's client takes."""
    match = _HUB.fullmatch(name)
    if not match or ".." in match["repo"] or "--" in match["repo"] or match["repo"].endswith(".git"):
        return None
    return HubName(match["repo"], match["revision"])


def hub_name(name: str) -> HubName:
    """Return the parts of OWNER/NAME[@REVISION].

    Raises:
        UsageError: it is no name on the Hub; says what one looks like.
    """
    hub = parse_hub_name(name)
    if hub is None:
        raise UsageError(bad_name_message(name))
    return hub
