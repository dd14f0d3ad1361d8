"""Names of generators on the Hub: OWNER/NAME[@REVISION]."""

from __future__ import annotations

import re
from typing import NamedTuple

from zoo.errors import InputError
from zoo.system.paths import given_name, refuse_address
from zoo_hub.client.errors import bad_name_message

_PART = r"\w(?:[\w.-]{0,94}\w)?"
# The characters that git accepts in a branch or tag, without the rarest: the name becomes a file's in the cache.
_WORD = r"[\w#=+,-][\w#=+,.-]*"
_REVISION = rf"(?=[^@]{{1,200}}$)(?!.*\.\.){_WORD}(?:/{_WORD})*"
_HUB = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>{_REVISION}))?")


class HubName(NamedTuple):
    """OWNER/NAME[@REVISION]."""

    repo: str
    revision: str | None


def parse_hub_name(name: str) -> HubName | None:
    """Return the parts of `OWNER/NAME[@REVISION]`; None where the Hub's client would not accept it."""
    match = _HUB.fullmatch(name)
    if not match or ".." in match["repo"] or "--" in match["repo"] or match["repo"].endswith(".git"):
        return None
    return HubName(match["repo"], match["revision"])


def hub_name(name: str) -> HubName:
    """Return the parts of OWNER/NAME[@REVISION].

    Raises:
        InputError: it is no name on the Hub; the message says what one looks like.
    """
    refuse_address(given_name(name, "OWNER/NAME", needed=True), "OWNER/NAME")
    hub = parse_hub_name(name)
    if hub is None:
        raise InputError(bad_name_message(name))
    return hub
