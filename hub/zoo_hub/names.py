"""What the command line calls a repository."""

from __future__ import annotations

from zoo.errors import UsageError
from zoo.naming import HubName, parse_hub_name
from zoo_hub.errors import no_hub_name


def hub_name(name: str) -> HubName:
    """Return the parts of OWNER/NAME[@REVISION].

    Raises:
        UsageError: it is no name on the Hub; says what one looks like.
    """
    hub = parse_hub_name(name)
    if hub is None:
        raise UsageError(no_hub_name(name))
    return hub
