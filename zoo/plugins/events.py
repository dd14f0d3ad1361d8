"""Whom a run tells what becomes of it: every plugin that has its hooks, and the trackers that were asked for."""

from __future__ import annotations

import contextlib
import sys
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pluggy import PluginValidationError

from zoo.errors import InputError, did_you_mean, kind_and_reason
from zoo.hookspecs import hookimpl
from zoo.plugins.collect import load_registry
from zoo.plugins.manager import PluginInfo, Plugins, is_interruption, plugins
from zoo.system.console import ErrorStream, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.components import Component, Tracker

RUN_HOOKS = (
    "zoo_run_started",
    "zoo_step_logged",
    "zoo_run_evaluated",
    "zoo_samples_drawn",
    "zoo_checkpoint_saved",
    "zoo_run_rolled_back",
    "zoo_run_finished",
)


class Events:
    """Tells what becomes of one run, on the training's own thread; whoever fails is told nothing more of it.

    Args:
        trackers: names of trackers that follow it, beside the plugins that follow every run.

    Raises:
        UsageError: there is no tracker of a name, or several plugins bring one.
        InputError: a tracker needs a package that is not installed, or cannot be made.
    """

    def __init__(self, trackers: Sequence[str] = ()) -> None:
        self._trackers = Plugins()
        for name in dict.fromkeys(trackers):
            _add_tracker(self._trackers, name)
        self._left_out: set[str] = set()

    def has(self, hook: str) -> bool:
        """Whether anybody would be told of a hook."""
        brought = (plugins(), self._trackers)
        keys = (plugin.key for one in brought for plugin, _ in one.implementations(hook))
        return any(key not in self._left_out for key in keys)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call a hook of all who have it; one that raises is named in a warning and left out from then on."""
        for told in (plugins(), self._trackers):
            for plugin, function in told.implementations(hook):
                if plugin.key in self._left_out:
                    continue
                try:
                    with contextlib.redirect_stdout(ErrorStream()):
                        function(**arguments)
                except BaseException as error:
                    if is_interruption(error):
                        raise
                    self._left_out.add(plugin.key)
                    warn(
                        f"plugin {plugin.name} of {plugin.distribution} {plugin.version}: its {hook} failed: "
                        f"{kind_and_reason(error).rstrip('.')}. It is told nothing more of this run"
                    )


def _add_tracker(trackers: Plugins, name: str) -> None:
    """Make a tracker and take its hooks."""
    registry = load_registry()
    entry = registry.entry("tracker", name)
    kind: type[Tracker] = entry.component  # type: ignore[assignment]
    for module, package in kind.needs.items():
        if sys.modules.get(module) is None and find_spec(module) is None:
            raise InputError(
                f"tracker {name}: it needs {module}, which is not installed. Install it with "
                f"pip install {package!r}, or train without --tracker {name}"
            )
    provider = entry.provider
    tracker = registry.make("tracker", {"name": name}, f"tracker {name}")
    try:
        hooks = _hooks_of(tracker)
        trackers.register(
            SimpleNamespace(**hooks), PluginInfo(name, provider.distribution, provider.version, "zoo")
        )
    except (TypeError, AttributeError, PluginValidationError) as error:
        raise InputError(
            f"tracker {name} of {provider.distribution}: {kind_and_reason(error)}. Train without --tracker {name}"
        ) from error


def _hooks_of(tracker: Component) -> dict[str, Callable[..., Any]]:
    """Return a tracker's methods that are hooks of a run, marked as such.

    Raises:
        TypeError: there is none, or a method is named like a hook and is none of a run.
    """
    names = [name for name in dir(type(tracker)) if name.startswith("zoo_")]
    if not names:
        raise TypeError(f"it has no hook: no method is called {RUN_HOOKS[1]} or like another event of a run")
    for name in names:
        if name not in RUN_HOOKS:
            raise TypeError(f"there is no hook {name!r} of a run. {did_you_mean(name, RUN_HOOKS)}")
        function = getattr(type(tracker), name)
        if not callable(function):
            raise TypeError(f"its {name} is no method")
        if not hasattr(function, "zoo_impl"):
            hookimpl(function)
    return {name: getattr(tracker, name) for name in names}
