"""What a NAME on the command line can be."""

from __future__ import annotations

import re
from typing import NamedTuple


class HubName(NamedTuple):
    """OWNER/NAME[@REVISION]."""

    repo: str
    revision: str | None


_PART = r"\w(?:[\w.-]{0,94}\w)?"
# What git takes for a branch or tag, less the rarest characters: it becomes a file's name in the cache.
_WORD = r"[\w#=+,-][\w#=+,.-]*"
_REVISION = rf"(?=[^@]{{1,200}}$)(?!.*\.\.){_WORD}(?:/{_WORD})*"
_HUB = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>{_REVISION}))?")


def parse_hub_name(name: str) -> HubName | None:
    """Return the parts of `OWNER/NAME[@REVISION]`, or None when `name` is none that the Hub's client takes."""
    match = _HUB.fullmatch(name)
    if not match or ".." in match["repo"] or "--" in match["repo"] or match["repo"].endswith(".git"):
        return None
    return HubName(match["repo"], match["revision"])
