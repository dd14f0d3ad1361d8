"""`zoo cache`: how much this disk keeps, and what of it can go."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import InputError
from zoo.system.console import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub import CachedRepoInfo


@dataclass(frozen=True)
class Kept:
    """A generator in the Hub's cache."""

    name: str
    bytes: int
    commits: int
    removable: int
    """Bytes of commits that no pulled branch or tag is at any more, and of downloads that were cut off."""


@click.command()
@click.option(
    "--prune",
    is_flag=True,
    help="Remove downloads that were cut off, and commits that no pulled branch or tag is at any more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cache(prune: bool, as_json: bool) -> None:
    """Say what the caches of images and of generators hold."""
    from zoo.system.cache import cache_folder, folder_size
    from zoo_hub.repository.snapshots import cache_root

    freed = sum(_prune(repo) for repo in _generators()) if prune else 0
    images, kept = cache_folder(), [_kept(repo) for repo in _generators()]
    facts: dict[str, Any] = {
        "images": {"folder": str(images), "bytes": folder_size(images)},
        "generators": {"folder": str(cache_root()), "repositories": [asdict(row) for row in kept]},
    }
    if as_json:
        click.echo(json.dumps({**facts, "freed": freed}, indent=2))
        return
    click.echo(f"images      {facts['images']['bytes']:>15,} bytes  {images}")
    click.echo(f"generators  {sum(row.bytes for row in kept):>15,} bytes  {cache_root()}")
    for row in kept:
        removable = f", {row.removable:,} of them removable" if row.removable else ""
        click.echo(f"  {row.name:40} {row.bytes:,} bytes, commits: {row.commits}{removable}")
    if prune:
        say(f"{freed:,} bytes were removed")
    elif any(row.removable for row in kept):
        say("`zoo cache --prune` removes what is removable; it can be pulled again")


def _generators() -> Iterator[CachedRepoInfo]:
    """Yield the repositories in the Hub's cache that hold a generator of a zoo; others are nobody's business here."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir().repos
    except CacheNotFound:
        return
    for repo in sorted(repos, key=lambda repo: repo.repo_id):
        if repo.repo_type == "model" and any(
            _is_generator(commit.snapshot_path) for commit in repo.revisions
        ):
            yield repo


def _is_generator(folder: Path) -> bool:
    from zoo.generators.folder import read_config

    try:
        read_config(folder)
    except InputError:
        return False
    return True


def _left(repo: CachedRepoInfo) -> list[Path]:
    """Return what downloads that were cut off left."""
    return sorted(Path(repo.repo_path, "blobs").glob("*.incomplete"))


def _kept(repo: CachedRepoInfo) -> Kept:
    old = [commit.commit_hash for commit in repo.revisions if not commit.refs]
    left = sum(path.stat().st_size for path in _left(repo))
    return Kept(repo.repo_id, repo.size_on_disk + left, len(repo.revisions), _size(old) + left)


def _size(commits: list[str]) -> int:
    """Return the bytes that nothing but these commits needs."""
    from huggingface_hub import scan_cache_dir

    return scan_cache_dir().delete_revisions(*commits).expected_freed_size if commits else 0


def _prune(repo: CachedRepoInfo) -> int:
    """Remove what is removable of a repository and return its bytes; whoever pulls it is waited for."""
    from huggingface_hub import scan_cache_dir

    from zoo_hub.repository.snapshots import alone

    with alone(repo.repo_id):
        freed = 0
        for path in _left(repo):
            freed += path.stat().st_size
            path.unlink()
        old = [commit.commit_hash for commit in repo.revisions if not commit.refs]
        if old:
            strategy = scan_cache_dir().delete_revisions(*old)
            freed += strategy.expected_freed_size
            strategy.execute()
    return freed
