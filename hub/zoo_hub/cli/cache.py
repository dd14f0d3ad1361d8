"""`zoo cache`: what the caches on this disk hold, and what of it can be removed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import InputError, counted
from zoo.system.console import say
from zoo.system.terminal import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub import CachedRepoInfo


@dataclass(frozen=True)
class CachedGenerator:
    """A generator in the Hub's cache."""

    name: str
    bytes: int
    commits: int
    removable: int
    """Bytes of commits that no pulled branch or tag is at any more, and of interrupted downloads."""


@click.command(short_help="Say what the caches hold, and prune them.")
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

    freed = sum(_prune(repo) for repo in _cached_repos()) if prune else 0
    images, generators = cache_folder(), [_cached_generator(repo) for repo in _cached_repos()]
    facts: dict[str, Any] = {
        "images": {"folder": str(images), "bytes": folder_size(images)},
        "generators": {"folder": str(cache_root()), "repositories": [asdict(row) for row in generators]},
    }
    if as_json:
        echo_json({**facts, "freed": freed})
        return
    echo(f"images      {facts['images']['bytes']:>15,} bytes  {images}")
    echo(f"generators  {sum(row.bytes for row in generators):>15,} bytes  {cache_root()}")
    for row in generators:
        removable = f", {row.removable:,} of them removable" if row.removable else ""
        echo(f"  {row.name:40} {row.bytes:,} bytes, commits: {row.commits}{removable}")
    if prune:
        say(f"{counted(freed, 'byte')} removed")
    elif any(row.removable for row in generators):
        say("`zoo cache --prune` removes what is removable; it can be pulled again")


def _cached_repos() -> Iterator[CachedRepoInfo]:
    """Yield the repositories in the Hub's cache that hold a generator of a zoo; other programs use the cache too."""
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
    from zoo.generators.folder import GeneratorFolder

    try:
        GeneratorFolder.open(folder)
    except InputError:
        return False
    return True


def _interrupted_downloads(repo: CachedRepoInfo) -> list[Path]:
    """Return the files that interrupted downloads left."""
    return sorted(Path(repo.repo_path, "blobs").glob("*.incomplete"))


def _lock_of_download(repo: CachedRepoInfo, part: Path) -> Path:
    """Return the file that the client locks while it downloads."""
    folder = Path(repo.repo_path)
    return folder.parent / ".locks" / folder.name / f"{part.name.partition('.')[0]}.lock"


def _cached_generator(repo: CachedRepoInfo) -> CachedGenerator:
    old = [commit.commit_hash for commit in repo.revisions if not commit.refs]
    interrupted = sum(path.stat().st_size for path in _interrupted_downloads(repo))
    return CachedGenerator(
        repo.repo_id,
        repo.size_on_disk + interrupted,
        len(repo.revisions),
        _size_of_commits(old) + interrupted,
    )


def _size_of_commits(commits: list[str]) -> int:
    """Return the bytes that would be free without these commits."""
    from huggingface_hub import scan_cache_dir

    return scan_cache_dir().delete_revisions(*commits).expected_freed_size if commits else 0


def _prune(repo: CachedRepoInfo) -> int:
    """Remove what is removable of a repository and return its bytes; waits while another process pulls it."""
    from filelock import FileLock, Timeout
    from huggingface_hub import scan_cache_dir

    from zoo_hub.repository.snapshots import locked_repo

    with locked_repo(repo.repo_id):
        freed = 0
        for path in _interrupted_downloads(repo):
            with suppress(Timeout), FileLock(_lock_of_download(repo, path), timeout=0):
                freed += path.stat().st_size
                path.unlink()
        old = [commit.commit_hash for commit in repo.revisions if not commit.refs]
        if old:
            strategy = scan_cache_dir().delete_revisions(*old)
            freed += strategy.expected_freed_size
            strategy.execute()
    return freed
