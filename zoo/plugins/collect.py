"""What all plugins bring."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from zoo.generators.config import Provider
from zoo.plugins.manager import PluginInfo, Plugins, plugins
from zoo.plugins.registry import Registry

COMPONENT_HOOKS = {
    "zoo_register_architectures": "architecture",
    "zoo_register_losses": "loss",
    "zoo_register_regularizers": "regularizer",
    "zoo_register_augmentations": "augmentation",
    "zoo_register_datasets": "dataset",
    "zoo_register_metrics": "metric",
    "zoo_register_features": "features",
    "zoo_register_symptoms": "symptom",
    "zoo_register_trackers": "tracker",
}


@cache
def load_registry() -> Registry:
    """Return this process's components and recipes."""
    return collected(plugins())


def collected(brought: Plugins) -> Registry:
    """Return all components and recipes, loading the second phase when that has not happened.

    A plugin brings all it has or, where one of its hooks fails, nothing.
    """
    brought.load("zoo")
    return _collected(brought)


@cache
def load_torchless_registry() -> Registry:
    """Return what can be had of this process's components and recipes where torch is not installed."""
    brought = Plugins()
    brought.load("zoo.commands")
    brought.load("zoo", without_torch=True)
    return _collected(brought)


def _collected(brought: Plugins) -> Registry:
    registry = Registry()
    for info in list(brought.infos.values()):
        with brought.tolerant(info):
            registry.take(_brought_by(brought, info))
    return registry


def _brought_by(brought: Plugins, info: PluginInfo) -> Registry:
    provider = Provider(distribution=info.distribution, version=info.version)
    part = Registry()
    for hook in (*COMPONENT_HOOKS, "zoo_register_recipes"):
        for bringer, function in brought.implementations(hook):
            if bringer != info:
                continue
            things = function()
            if not isinstance(things, Iterable):
                raise TypeError(f"{hook} returned {things!r}, which is no list")
            for thing in things:
                if hook in COMPONENT_HOOKS:
                    part.add(COMPONENT_HOOKS[hook], thing, provider)
                else:
                    part.add_recipe(thing, provider)
    return part
