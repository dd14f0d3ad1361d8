"""Entry points and versions of installed distributions, as far as they can be read.

What a broken installation left behind (a `*.dist-info` without METADATA, an entry_points.txt that is no text) spoils
nothing but itself. Python's own `entry_points()` reads all distributions or fails at the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from zoo.system.console import warn

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRY_POINTS = "entry_points.txt"


@dataclass(frozen=True)
class InstalledPoint:
    """An entry point, and the distribution that has it."""

    name: str
    distribution: str
    version: str
    point: metadata.EntryPoint | None
    problem: str = ""
    """Why it cannot be loaded, where that is known already."""

    def load(self) -> Any:
        """Return the module or object that it names.

        Raises:
            ImportError: the installation is damaged, or the entry point names nothing that could be imported.
            Exception: whatever the module raises.
        """
        if self.point is None or self.problem:
            raise ImportError(self.problem)
        if self.point.pattern.match(self.point.value) is None:
            raise ImportError(f"its entry point names {self.point.value!r}, which is no module")
        return self.point.load()


def entry_points(group: str) -> list[InstalledPoint]:
    """Return the entry points of a group, sorted by name: of several distributions of one name, those of the first.

    A distribution that cannot be read gives what is known of it, with its problem, unless another one of its name can.
    """
    found = [point for one in _distributions() for point in _points(one, group)]
    good = {canonical(point.distribution) for point in found if not point.problem}
    points: dict[tuple[str, str], InstalledPoint] = {}
    for point in found:
        owner = canonical(point.distribution)
        if not (point.problem and owner in good):
            points.setdefault((owner, point.name), point)
    return sorted(points.values(), key=lambda point: point.name)


def installed_version(distribution: str) -> str | None:
    """Return the version of an installed distribution; None where there is none, or nobody can say which."""
    try:
        found = [_identity(one) for one in metadata.distributions(name=distribution)]
    except Exception:  # finders of other people's, and names that are none
        return None
    return next((identity[1] for identity in found if identity is not None), None)


def _distributions() -> Iterator[metadata.Distribution]:
    found = iter(metadata.distributions())
    while True:
        try:
            one = next(found)
        except StopIteration:
            return
        except Exception as error:  # a finder of other people's
            warn(f"plugins: not all installed packages can be listed: {type(error).__name__}: {error}")
            return
        yield one


def _points(one: metadata.Distribution, group: str) -> Iterator[InstalledPoint]:
    """Yield a distribution's entry points of a group; nothing for one that another of its name hides."""
    name, version = _identity_of_folder(one)
    try:
        text = one.read_text(ENTRY_POINTS) or ""
        if f"[{group}]" not in text:
            return
        points = [point for point in one.entry_points if point.group == group]
    except Exception as error:
        # Other people's entry points are no matter of ours.
        if not isinstance(error, UnicodeDecodeError) or f"[{group}]".encode() in error.object:
            problem = f"its {ENTRY_POINTS} cannot be read ({type(error).__name__})"
            yield InstalledPoint(name, name, version, None, problem)
        return
    identity = _identity(one)
    if identity is None:
        problem = "its METADATA is missing or damaged, as after an installation that was broken off"
        yield from (InstalledPoint(point.name, name, version, None, problem) for point in points)
    elif _is_first(one, identity[0], text):
        yield from (InstalledPoint(point.name, *identity, point) for point in points)


def _identity(one: metadata.Distribution) -> tuple[str, str] | None:
    """Return a distribution's name and version, or None where its METADATA does not say both."""
    try:
        said = one.metadata
        name, version = (said[key] if key in said else None for key in ("Name", "Version"))  # noqa: SIM401
    except Exception:
        return None
    return (name, version) if name and version else None


def _identity_of_folder(one: metadata.Distribution) -> tuple[str, str]:
    """Return name and version as `zoo_foo-1.0.dist-info` is called."""
    folder = PurePath(str(getattr(one, "_path", type(one).__name__)))
    stem = folder.stem if folder.suffix in (".dist-info", ".egg-info") else folder.name
    name, _, version = stem.partition("-")
    return name.replace("_", "-"), version


def _is_first(one: metadata.Distribution, name: str, text: str) -> bool:
    """Whether of all distributions of a name this is the one that is imported: the first on the path."""
    there = (other for other in metadata.distributions(name=name) if _identity(other) is not None)
    first = next(there, one)
    return first is one or first.read_text(ENTRY_POINTS) == text


def canonical(name: str) -> str:
    """Return a distribution's name as pip compares it: `Zoo_Hinge` is `zoo-hinge`."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
