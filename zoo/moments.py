"""Telling plugins of a run's moments, one at a time: what goes wrong in one is its own trouble."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from zoo.console import warn
from zoo.plugins import plugins


def tell(hook: str, **facts: Any) -> None:
    """Call a hook of every plugin that has it; one that raises is named in a warning, and the others go on."""
    for implementation in getattr(plugins().manager.hook, hook).get_hookimpls():
        wanted = {name: facts[name] for name in implementation.argnames}
        try:
            with contextlib.redirect_stdout(sys.stderr):
                implementation.function(**wanted)
        except (Exception, SystemExit) as error:
            plugin = plugins().infos[implementation.plugin_name]
            warn(
                f"plugin {plugin.name} of {plugin.distribution} {plugin.version}: its {hook} failed: "
                f"{type(error).__name__}: {error}"
            )
