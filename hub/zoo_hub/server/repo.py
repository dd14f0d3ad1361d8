"""A repository as its JSON file holds it: commits with their trees, large files, and what a revision stands for."""

from __future__ import annotations

import re
from typing import NotRequired, TypedDict

from zoo_hub.server.messages import RefusedError


class Lfs(TypedDict):
    """A large file's pointer."""

    oid: str
    size: int
    pointerSize: int


class Entry(TypedDict):
    """A file in a commit's tree."""

    oid: str
    size: int
    lfs: NotRequired[Lfs]


Tree = dict[str, Entry]


class Commit(TypedDict):
    """A commit with its whole tree."""

    parent: str | None
    title: str
    message: str
    author: str
    date: str
    tree: Tree


class Repo(TypedDict):
    """A repository, as its JSON file holds it."""

    kind: str
    id: str
    private: bool
    gated: bool
    created: str
    branches: dict[str, str]
    tags: dict[str, str]
    commits: dict[str, Commit]
    uploads: NotRequired[list[str]]
    """The sha256 of every large file that was uploaded to it; repositories of version 0.2 have none."""


def check(repo: Repo) -> None:
    """Raise an error of some kind where this is no repository."""
    for ends in (repo["branches"], repo["tags"]):
        for commit in ends.values():
            if not isinstance(repo["commits"][commit]["tree"], dict):
                raise TypeError("a commit has no tree")
    if not all(isinstance(text, str) for text in (repo["id"], repo["created"])):
        raise TypeError("its name is no text")


def large_files(repo: Repo) -> set[str]:
    """Return the sha256 of every large file that belongs to a repository: uploaded to it, or in a commit of it.

    The bytes lie in the store once, whoever uploaded them. Only through a repository that they belong to may they be
    read, committed or asked for: who merely knows a hash learns nothing.
    """
    trees = (commit["tree"].values() for commit in repo["commits"].values())
    return {
        *repo.get("uploads", ()),
        *(entry["lfs"]["oid"] for tree in trees for entry in tree if "lfs" in entry),
    }


def resolve_revision(repo: Repo, revision: str) -> str:
    """Return the commit that a branch, tag, or (shortened) commit id stands for.

    Raises:
        RefusedError: there is no such revision, or several commits begin like this.
    """
    name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
    found = repo["branches"].get(name) or repo["tags"].get(name)
    if found:
        return found
    if re.fullmatch(r"[0-9a-f]{7,40}", name):
        matches = [sha for sha in repo["commits"] if sha.startswith(name)]
        if len(matches) == 1:
            return matches[0]
    raise RefusedError(404, f"Invalid rev id: {revision!r:.200}", "RevisionNotFound")
