"""What a NAME on the command line can be."""

from __future__ import annotations

import re
from typing import NamedTuple


class HubName(NamedTuple):
    """OWNER/NAME[@REVISION]."""

    repo: str
    revision: str | None


_HUB = re.compile(r"(?P<repo>[\w][\w.-]{0,95}/[\w][\w.-]{0,95})(?:@(?P<revision>[^@\s]{1,200}))?")


def parse_hub_name(name: str) -> HubName | None:
    """Return the parts of `OWNER/NAME[@REVISION]`, or None when `name` has another form."""
    match = _HUB.fullmatch(name)
    if not match or ".." in match["repo"] or "--" in match["repo"]:
        return None
    return HubName(match["repo"], match["revision"])
