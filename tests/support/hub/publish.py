"""A generator on the Hub without a push: its files straight into the store."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.support.hub.server.store import write_synced

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.server.hub import Hub
    from tests.support.hub.server.store import Repo

PULLED = ["README.md", "config.json", "onnx/model.onnx", "samples.png"]
WITH_WEIGHTS = [*PULLED, "model.safetensors"]
WHOLE = [*WITH_WEIGHTS, "onnx/report.json"]
"""What a pull with --to brings."""


def contents(folder: Path, names: list[str] | None = None) -> dict[str, bytes]:
    """Return a folder's files, or those named."""
    there = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return {name: (folder / name).read_bytes() for name in names or there}


def publish(hub: Hub, folder: Path) -> None:
    """Publish a generator folder as me/camel, with a card."""
    (folder / "README.md").write_text("A camel.\n")
    put(hub, contents(folder, WHOLE))


def put(hub: Hub, files: dict[str, bytes]) -> None:
    """Commit files to me/camel as another program might; the repository is made if needed."""
    repo = hub.store.load("models", "me/camel") or hub.store.create("models", "me/camel", "me", private=False)
    tree = dict(repo["commits"][repo["branches"]["main"]]["tree"])
    for name, data in files.items():
        if name.endswith((".onnx", ".safetensors")):
            oid = hashlib.sha256(data).hexdigest()
            write_synced(hub.store.lfs_path(oid), data)
            tree[name] = hub.store.link(oid)
        else:
            tree[name] = hub.store.put(data)
    hub.store.commit(repo, "main", tree, "by hand", "", "me")


def the_repo(hub: Hub, name: str = "me/camel") -> Repo:
    """Return a repository that must be there."""
    repo = hub.store.load("models", name)
    assert repo is not None
    return repo


def head(hub: Hub) -> str:
    """Return the commit that me/camel's main branch is at."""
    return the_repo(hub)["branches"]["main"]
