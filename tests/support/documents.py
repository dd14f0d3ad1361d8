"""Every Markdown page of the repository, taken apart into code, links, anchors and commands."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file())
"""Of the repository."""
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A Markdown file.

    Attributes:
        path: relative to the repository, with slashes.
        text: all of it.
    """

    path: str
    text: str

    def blocks(self, language: str) -> list[str]:
        """Return the contents of the fenced blocks in a language; an empty one is a block without."""
        return [body for found, body in _FENCED.findall(self.text) if found == language]

    @cached_property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return _FENCED.sub("", self.text)

    @cached_property
    def spans(self) -> list[str]:
        """What stands between backticks, on one line or two; a table's escaped bars are plain ones."""
        found = re.findall(r"`([^`]+)`", self.prose)
        return [" ".join(span.replace("\\|", "|").split()) for span in found]

    @cached_property
    def tables(self) -> list[tuple[list[str], list[list[str]]]]:
        """The titles of each table, and the cells of its lines."""
        found = []
        for lines in re.findall(r"(?:^\|.*\n)+", self.prose + "\n", re.MULTILINE):
            rows = [
                [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines.splitlines()
            ]
            found.append((rows[0], rows[2:]))
        return found

    @cached_property
    def links(self) -> list[str]:
        """The targets of links and pictures that lie in the repository."""
        found = re.findall(r"\]\(([^)\s]+)\)", self.prose)
        return [target for target in found if not re.match(r"[a-z]+:", target)]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link's `#` may name: the headings, as GitHub spells them."""
        titles = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    def commands(self) -> Iterator[list[str]]:
        """Yield the words behind `zoo` of each command in a block of shell lines, with torchrun's too."""
        for line in "".join(self.blocks("sh")).splitlines():
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                if words[:1] == ["zoo"]:
                    yield words[1:]
                elif words[:1] == ["torchrun"]:
                    yield words[words.index("zoo") + 1 :]

    def modules(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each `python -m benchmarks.NAME` and the words behind it."""
        for name, rest in re.findall(r"python -m\s+(benchmarks[\w.]*\w)([^`\n]*)", self.text):
            yield name, rest.split()


def read_pages() -> dict[str, Page]:
    """Return every page by its path; folders that git ignores hold nobody's documentation."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()}
    pages = {}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in ignored and not name.startswith(".")]
        for name in sorted(files):
            if name.endswith(".md"):
                path = Path(folder, name)
                relative = path.relative_to(ROOT).as_posix()
                pages[relative] = Page(relative, path.read_text("utf-8"))
    return pages


PAGES = read_pages()
README = PAGES["README.md"]
EVERYTHING = "\n".join(page.text for page in PAGES.values())
