"""Which file imports which: circles, arrows that point back up, and folders that hold too much.

Imports inside functions and under TYPE_CHECKING count: whoever reads the one file has to know the other.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    Floors = Sequence[frozenset[str]]
    """From the ground up. A room is a module's dotted name or its package's, and imports rooms below it only."""


@dataclass(frozen=True)
class Import:
    """A line that imports a module."""

    importer: str
    imported: str
    where: str
    """File and line, as editors open them."""

    def __str__(self) -> str:
        return f"{self.where} imports {self.imported}"


def modules_of(package: Path) -> dict[str, Path]:
    """Return the files of a package by the dotted names of their modules."""
    found: dict[str, Path] = {}
    for path in sorted(package.rglob("*.py")):
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(modules: Mapping[str, Path]) -> list[Import]:
    """Return every import of one of the modules by another, the first line of each."""
    found: dict[tuple[str, str], Import] = {}
    for importer, path in modules.items():
        for line, imported in sorted(_imported(ast.parse(path.read_text("utf-8")), modules)):
            if imported != importer:
                found.setdefault((importer, imported), Import(importer, imported, f"{path}:{line}"))
    return list(found.values())


def _imported(tree: ast.AST, modules: Mapping[str, Path]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names if name.name in modules)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would hide an arrow"
            names = {f"{node.module}.{name.name}" for name in node.names}
            # A name is either a module itself or a definition in the one it is imported from.
            yield from ((node.lineno, name) for name in names & modules.keys())
            if names - modules.keys() and node.module in modules:
                yield node.lineno, str(node.module)


def circles(imports: Sequence[Import]) -> list[str]:
    """Return each circle that a walk along the imports runs into, as the lines that make it up."""
    outgoing: dict[str, list[Import]] = {}
    for line in imports:
        outgoing.setdefault(line.importer, []).append(line)
    found, done = [], set[str]()

    def walk(module: str, way: tuple[Import, ...]) -> None:
        passed = [line.importer for line in way]
        if module in passed:
            found.append("a circle: " + ", ".join(map(str, way[passed.index(module) :])))
        elif module not in done:
            for line in outgoing.get(module, ()):
                walk(line.imported, (*way, line))
            done.add(module)

    for start in list(outgoing):
        walk(start, ())
    return found


def room_of(module: str, floors: Floors) -> str | None:
    """Return the room that a module is or lies in; a top package is a room for its `__init__` only."""
    rooms = frozenset().union(*floors)
    parts = module.split(".")
    names = [module, *(".".join(parts[:length]) for length in range(len(parts) - 1, 1, -1))]
    return next((name for name in names if name in rooms), None)


def arrows_up(imports: Sequence[Import], floors: Floors) -> list[str]:
    """Return the imports of another room that lies no lower."""
    height = {room: index for index, floor in enumerate(floors) for room in floor}
    found = []
    for line in imports:
        here, there = room_of(line.importer, floors), room_of(line.imported, floors)
        if here and there and here != there and height[here] <= height[there]:
            found.append(f"an arrow up: {line}, and {there} is not below {here}")
    return found


def homeless(modules: Mapping[str, Path], floors: Floors) -> list[str]:
    """Return the modules that lie in no room."""
    return [f"in no room: {path}" for module, path in modules.items() if room_of(module, floors) is None]


def crowded(modules: Mapping[str, Path], most: int) -> list[str]:
    """Return the folders with more than `most` modules, `__init__` not counted."""
    count: dict[Path, int] = {}
    for path in modules.values():
        if path.name != "__init__.py":
            count[path.parent] = count.get(path.parent, 0) + 1
    return [f"crowded: {folder} has {number} modules" for folder, number in count.items() if number > most]
