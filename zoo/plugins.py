"""Finding and loading plugins: the zoo's own strictly, everybody else's one at a time and never fatally.

Two phases, so that people who only want pictures never wait for torch: the entry-point group `zoo.commands`
(commands, openers of generators) is loaded always, the group `zoo` (components, recipes) when a command needs it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from zoo import __version__, hookspecs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.registry import Registry

Group = Literal["zoo.commands", "zoo"]

BUILTIN_PLUGINS: dict[Group, tuple[str, ...]] = {
    "zoo.commands": ("zoo_export.commands", "zoo_hub.commands"),
    "zoo": (
        "zoo_plugins.architectures.dcgan",
        "zoo_plugins.losses.bce",
        "zoo_plugins.losses.wasserstein",
        "zoo_plugins.losses.gradient_penalty",
        "zoo_plugins.regularizers.weight_clipping",
        "zoo_plugins.augmentations.affine",
        "zoo_plugins.datasets.array",
        "zoo_plugins.datasets.celeba",
        "zoo_plugins.datasets.cifar10",
        "zoo_plugins.datasets.folder",
        "zoo_plugins.datasets.quickdraw",
        "zoo_plugins.metrics.swd",
        "zoo_plugins.recipes",
    ),
}
DISTRIBUTION = "gan-model-zoo"
DISABLE = "ZOO_DISABLE"
COMPONENT_HOOKS = {
    "zoo_register_architectures": "architecture",
    "zoo_register_losses": "loss",
    "zoo_register_regularizers": "regularizer",
    "zoo_register_augmentations": "augmentation",
    "zoo_register_datasets": "dataset",
    "zoo_register_metrics": "metric",
}


@dataclass(frozen=True)
class PluginInfo:
    """A plugin and how loading it went."""

    name: str
    """Its module (built-in) or entry point."""
    distribution: str
    version: str
    status: Literal["loaded", "failed", "disabled"] = "loaded"
    reason: str = ""
    hooks: tuple[str, ...] = ()


class Plugins:
    """The plugin manager, and the story of each plugin."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager("zoo")
        self.manager.add_hookspecs(hookspecs)
        self.infos: dict[str, PluginInfo] = {}
        self._loaded: set[Group] = set()

    def load(self, group: Group) -> None:
        """Load one phase, once."""
        if group in self._loaded:
            return
        self._loaded.add(group)
        for module in BUILTIN_PLUGINS[group]:
            info = PluginInfo(module, DISTRIBUTION, __version__)
            self._register(importlib.import_module(module), info)
        for point in sorted(metadata.entry_points(group=group), key=lambda point: point.name):
            if point.dist is not None and point.value not in BUILTIN_PLUGINS[group]:
                self._load_third_party(point, PluginInfo(point.name, point.dist.name, point.dist.version))

    def _load_third_party(self, point: metadata.EntryPoint, info: PluginInfo) -> None:
        disabled = {word.strip() for word in os.environ.get(DISABLE, "").split(",")}
        if disabled & {info.name, info.distribution}:
            self.infos[info.name] = replace(info, status="disabled", reason=f"{DISABLE} names it")
            return
        try:
            with contextlib.redirect_stdout(sys.stderr):
                plugin = point.load()
            self._register(plugin, info)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin's sys.exit() must not end the program either
            self._fail(info, error)

    def _register(self, plugin: Any, info: PluginInfo) -> None:
        self.manager.register(plugin, name=info.name)
        misspelt = [
            name
            for name in dir(plugin)
            if self.manager.parse_hookimpl_opts(plugin, name) is not None and not hasattr(hookspecs, name)
        ]
        if misspelt:
            raise TypeError(f"there is no hook {misspelt[0]!r}")
        callers = self.manager.get_hookcallers(plugin) or []
        self.infos[info.name] = replace(info, hooks=tuple(sorted(caller.name for caller in callers)))

    def _fail(self, info: PluginInfo, error: BaseException) -> None:
        if self.manager.has_plugin(info.name):
            self.manager.unregister(name=info.name)
        reason = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
        self.infos[info.name] = replace(info, status="failed", reason=reason, hooks=())
        from zoo.console import warn

        warn(f"plugin {info.name} of {info.distribution} {info.version} is left out: {reason}")

    def calls(self, hook: str) -> Iterator[tuple[PluginInfo, Any]]:
        """Yield each plugin that implements a hook, and its function."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            yield self.infos[implementation.plugin_name], implementation.function

    def registry(self) -> Registry:
        """Return all components and recipes, loading the second phase when that has not happened."""
        self.load("zoo")
        from zoo.generator_folder import Provider
        from zoo.registry import Registry

        registry = Registry()
        for hook, kind in COMPONENT_HOOKS.items():
            for info, function in list(self.calls(hook)):
                provider = Provider(distribution=info.distribution, version=info.version)
                with self.tolerant(info):
                    for component in list(function()):
                        registry.add(kind, component, provider)
        for info, function in list(self.calls("zoo_register_recipes")):
            with self.tolerant(info):
                for path in list(function()):
                    registry.add_recipe(path, Provider(distribution=info.distribution, version=info.version))
        return registry

    @contextlib.contextmanager
    def tolerant(self, info: PluginInfo) -> Iterator[None]:
        """Let a built-in's error through, and make anybody else's that plugin's own trouble."""
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except Exception as error:
            if info.distribution == DISTRIBUTION:
                raise
            self._fail(info, error)


@cache
def plugins() -> Plugins:
    """Return this process's plugins, with the phase that needs no torch loaded."""
    loaded = Plugins()
    loaded.load("zoo.commands")
    return loaded


@cache
def load_registry() -> Registry:
    """Return this process's components and recipes."""
    return plugins().registry()
