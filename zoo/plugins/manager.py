"""Finding and loading plugins: the zoo's own strictly, everybody else's one at a time and never fatally.

Two phases, so that people who only want pictures never wait for torch: the entry-point group `zoo.commands`
(commands, openers of generators) is loaded always, the group `zoo` (components, recipes) when a command needs it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pluggy

from zoo import hookspecs
from zoo.__about__ import DISTRIBUTION, __version__
from zoo.errors import did_you_mean, kind_and_reason
from zoo.plugins.installed import canonical, entry_points
from zoo.system.console import ErrorStream, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zoo.plugins.installed import InstalledPoint

Group = Literal["zoo.commands", "zoo"]

BUILTIN_PLUGINS: dict[Group, tuple[str, ...]] = {
    "zoo.commands": ("zoo_export.hooks", "zoo_hub.hooks"),
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
        "zoo_plugins.features.drawings",
        "zoo_plugins.features.efficientnet_lite0",
        "zoo_plugins.features.inception",
        "zoo_plugins.features.timm",
        "zoo_plugins.metrics.diversity",
        "zoo_plugins.metrics.energy",
        "zoo_plugins.metrics.fid",
        "zoo_plugins.metrics.kid",
        "zoo_plugins.metrics.memorisation",
        "zoo_plugins.metrics.prdc",
        "zoo_plugins.metrics.swd",
        "zoo_plugins.symptoms.critic_too_strong",
        "zoo_plugins.symptoms.critic_too_weak",
        "zoo_plugins.symptoms.divergence",
        "zoo_plugins.symptoms.lipschitz_bound",
        "zoo_plugins.symptoms.memorisation",
        "zoo_plugins.symptoms.mode_collapse",
        "zoo_plugins.symptoms.oscillating_loss",
        "zoo_plugins.symptoms.overfitted_critic",
        "zoo_plugins.symptoms.saturated_weights",
        "zoo_plugins.symptoms.short_training",
        "zoo_plugins.symptoms.uninformative_loss",
        "zoo_plugins.symptoms.vanishing_gradient",
        "zoo_plugins.trackers.tensorboard",
        "zoo_plugins.recipes",
    ),
}
DISABLE = "ZOO_DISABLE"
T = TypeVar("T")


@dataclass(frozen=True)
class PluginInfo:
    """A plugin and how loading it went."""

    name: str
    """Its module (built-in) or entry point."""
    distribution: str
    version: str
    group: Group
    status: Literal["loaded", "failed", "disabled"] = "loaded"
    reason: str = ""
    hooks: tuple[str, ...] = ()

    @property
    def builtin(self) -> bool:
        """Whether it is the zoo's own: what is left of another installation of the zoo is not."""
        return self.distribution == DISTRIBUTION and self.name in BUILTIN_PLUGINS[self.group]

    @property
    def key(self) -> str:
        """What the manager calls it: two distributions may give an entry point the same name."""
        return f"{self.distribution}:{self.group}:{self.name}"


class Plugins:
    """The plugin manager, and the story of each plugin."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager("zoo")
        self.manager.add_hookspecs(hookspecs)
        self.infos: dict[str, PluginInfo] = {}
        """By key, in the order of loading."""
        self._loaded: set[Group] = set()

    def load(self, group: Group, *, without_torch: bool = False) -> None:
        """Load one phase, once; `without_torch` leaves out those of the zoo's own plugins that import it."""
        if group in self._loaded:
            return
        for module in BUILTIN_PLUGINS[group]:
            info = PluginInfo(module, DISTRIBUTION, __version__, group)
            if info.key not in self.infos:
                with self._without_torch(info) if without_torch else contextlib.nullcontext():
                    self.register(importlib.import_module(module), info)
        for found in entry_points(group):
            if found.point is None or found.point.value not in BUILTIN_PLUGINS[group]:
                self._load_third_party(
                    found, PluginInfo(found.name, found.distribution, found.version, group)
                )
        self._loaded.add(group)

    def _load_third_party(self, found: InstalledPoint, info: PluginInfo) -> None:
        if {canonical(info.name), canonical(info.distribution)} & _disabled():
            self.infos[info.key] = replace(info, status="disabled", reason=f"{DISABLE} names it")
            return
        with self.tolerant(info):
            plugin = found.load()
            if not self.manager.is_registered(plugin):  # one module may serve both groups
                self.register(plugin, info)

    @contextlib.contextmanager
    def _without_torch(self, info: PluginInfo) -> Iterator[None]:
        """Let a plugin fail because torch is not there."""
        try:
            yield
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "torch":
                raise
            self.infos[info.key] = replace(info, status="failed", reason="torch is not installed")

    def register(self, plugin: Any, info: PluginInfo) -> None:
        """Take a plugin's hooks.

        Raises:
            TypeError: it has none, or one that there is not.
            PluginValidationError: a hook takes arguments that there are not.
        """
        options = {name: self.manager.parse_hookimpl_opts(plugin, name) for name in dir(plugin)}
        for name, found in options.items():
            if found is not None and not hasattr(hookspecs, found["specname"] or name):
                raise TypeError(f"there is no hook {name!r}. {did_you_mean(name, _hook_names())}")
        self.manager.register(plugin, name=info.key)
        hooks = sorted(caller.name for caller in self.manager.get_hookcallers(plugin) or [])
        if not hooks:
            raise TypeError("it has no hook. Mark its functions with `from zoo.hookspecs import hookimpl`")
        self.infos[info.key] = replace(info, hooks=tuple(hooks))

    def implementations(self, hook: str) -> Iterator[tuple[PluginInfo, Callable[..., Any]]]:
        """Yield each plugin that has a hook, and its function, which is called by keywords.

        The function may take fewer arguments than the hook has: it is given those that it takes.
        """
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            yield self.infos[implementation.plugin_name], partial(_call, implementation)

    def call(self, hook: str, take: Callable[[Any], T], /, **arguments: Any) -> Iterator[T]:
        """Call a hook of each plugin that has it, and yield what `take` makes of the results.

        A third party's plugin that fails in its hook, or returns what `take` fails at, is left out with a warning.
        """
        for plugin, function in self.implementations(hook):
            results: list[T] = []
            with self.tolerant(plugin):
                results.append(take(function(**arguments)))
            yield from results

    @contextlib.contextmanager
    def tolerant(self, info: PluginInfo) -> Iterator[None]:
        """Let a built-in's error through, and make anybody else's that plugin's own trouble, `sys.exit()` included."""
        try:
            with contextlib.redirect_stdout(ErrorStream()):
                yield
        except BaseException as error:
            if info.builtin or is_interruption(error):
                raise
            self._fail(info, error)

    def _fail(self, info: PluginInfo, error: BaseException) -> None:
        if self.manager.has_plugin(info.key):
            self.manager.unregister(name=info.key)
        reason = kind_and_reason(error)
        told = any(
            (one.distribution, one.reason) == (info.distribution, reason) for one in self.infos.values()
        )
        self.infos[info.key] = replace(info, status="failed", reason=reason, hooks=())
        if not told:  # one module may be named several times, and what it lacks is said once
            warn(
                f"plugin {info.name} of {info.distribution} {info.version} is left out: {reason.rstrip('.')}. "
                f"Mend it, uninstall it, or set {DISABLE}={info.distribution}"
            )


def is_interruption(error: BaseException) -> bool:
    """Whether an exception ends more than the plugin that it went through: Ctrl-C, SIGTERM, a generator's end."""
    return isinstance(error, KeyboardInterrupt | GeneratorExit)


def _call(implementation: pluggy.HookImpl, **arguments: Any) -> Any:
    return implementation.function(**{name: arguments[name] for name in implementation.argnames})


def _disabled() -> set[str]:
    return {canonical(word) for word in os.environ.get(DISABLE, "").split(",") if word.strip()}


def _hook_names() -> list[str]:
    return [name for name in vars(hookspecs) if name.startswith("zoo_")]


@cache
def plugins() -> Plugins:
    """Return this process's plugins, with the phase that needs no torch loaded."""
    loaded = Plugins()
    loaded.load("zoo.commands")
    return loaded
