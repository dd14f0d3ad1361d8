"""Publishing a play page as a static Space of the Hub, over no one's files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo_export.browser.folder import PAGE_FILE_LIMIT, listed_files
from zoo_export.browser.page import PAGE, make_page
from zoo_hub.client.errors import hub_errors
from zoo_hub.client.retry import client, retrying
from zoo_hub.client.watch import Watch, endpoint
from zoo_hub.repository.branch import RemoteBranch, Target, changes_to, fetch_branch, publish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from huggingface_hub import HfApi

HUBS_OWN = frozenset({".gitattributes", "README.md"})
"""What the Hub itself may have put into a Space that somebody else then filled."""


@dataclass(frozen=True)
class SpaceOptions:
    """How to publish a page."""

    private: bool = False
    """Whether a new Space is private."""
    message: str | None = None
    """The commit's message."""


def push_space(repo: str, names: Sequence[str], options: SpaceOptions = SpaceOptions()) -> str:
    """Publish a page that plays generators as the static Space OWNER/NAME, and return its address.

    An earlier page there is replaced: of its files, which its `page.json` lists, those that the new one lacks are
    deleted. All other files stay.

    Args:
        repo: OWNER/NAME of the Space, created where it does not exist.
        names: what `zoo demo` takes.
        options: how to publish it.

    Raises:
        InputError: the Space holds files that no page made, and that the page would replace; it is public and is to be
            private; or a name cannot be opened.
        NetworkError: the Hub did not take it.
        ZooError: whatever `make_page` raises.
    """
    page = make_page(names)
    api, target = client(), Target(repo, None, "space")
    with hub_errors(repo), TemporaryDirectory() as scratch:
        files = _written(page, Path(scratch))
        remote, own = _prepare(api, target, files, options)
        if not remote.exists:
            create = partial(
                api.create_repo,
                repo,
                repo_type="space",
                space_sdk="static",
                private=options.private or None,
                exist_ok=True,
            )
            retrying(create, Watch(repo, "the answer to its making"))
        publish(api, target, files, options.message or "Publish a play page", own)
    return f"{endpoint()}/spaces/{repo}"


def dry_run_space(names: Sequence[str]) -> dict[str, int]:
    """Return the files that `push_space` would publish and their bytes; the Hub is not asked, and nothing is changed.

    Raises as `make_page` does.
    """
    return {name: len(data) for name, data in sorted(make_page(names).items())}


def _written(page: Mapping[str, bytes], folder: Path) -> dict[str, Path]:
    """Write a page's files into a folder; return their paths by name."""
    for name, data in page.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return {name: folder / name for name in page}


def _prepare(
    api: HfApi, target: Target, files: Mapping[str, Path], options: SpaceOptions
) -> tuple[RemoteBranch, set[str]]:
    """Return the Space as it is, and the names in it that a page made; refuse to replace any other."""
    remote = fetch_branch(api, target)
    if options.private and remote.exists and not remote.private:
        raise InputError(
            f"{target.repo}: it exists and is public, and --private is for new Spaces. "
            "Make it private in its settings, or push without --private"
        )
    own = _earlier_page(api, target, remote)
    changes = changes_to(remote, files, own)
    foreign = [name for name in changes.changed if name not in own and name not in HUBS_OWN]
    if foreign and not _is_new(api, target):
        raise InputError(
            f"{target.repo}: this Space holds {foreign[0]}, which no play page made. Give another OWNER/NAME, or "
            "remove it there"
        )
    return remote, own


def _earlier_page(api: HfApi, target: Target, remote: RemoteBranch) -> set[str]:
    """Return the names of an earlier page's files; none where there is no page."""
    size = remote.sizes.get(PAGE, 0)
    if remote.commit is None or not 0 < size <= PAGE_FILE_LIMIT:
        return set()
    watch = Watch(target.repo, PAGE, limit=size, etag=remote.digests[PAGE], commit=remote.commit)
    get = partial(api.hf_hub_download, target.repo, PAGE, repo_type=target.kind, revision=remote.commit)
    return listed_files(Path(retrying(get, watch)).read_bytes())


def _is_new(api: HfApi, target: Target) -> bool:
    """Whether nobody has committed to a Space yet: what it holds is what the Hub begins one with."""
    watch = Watch(target.repo, "the list of its commits")
    return len(retrying(partial(api.list_repo_commits, target.repo, repo_type=target.kind), watch)) <= 1
