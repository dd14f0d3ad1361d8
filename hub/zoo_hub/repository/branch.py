"""What a repository holds now, and the one commit that makes it hold what it shall."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.generators.files import CARD, LIMITS
from zoo_hub.client.errors import root
from zoo_hub.client.retry import retrying
from zoo_hub.client.watch import SLOWEST, Watch, patience
from zoo_hub.repository.integrity import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Target:
    """Where to publish."""

    repo: str
    branch: str | None

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.repo}@{self.branch}" if self.branch else self.repo


@dataclass(frozen=True)
class Remote:
    """A branch as it is on the Hub."""

    commit: str | None = None
    """None: there is no such branch yet."""
    exists: bool = False
    """Whether the repository does."""
    private: bool = False
    digests: dict[str, str] = field(default_factory=dict)
    """By file: the sha256 of a large one, the git id of a small one."""
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """What a push would do to a branch, file by file."""

    added: list[str]
    changed: list[str]
    deleted: list[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)


def look(api: HfApi, target: Target) -> Remote:
    """Ask what a branch holds; reading only."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    watch = Watch(target.repo, "the list of its files")

    def ask(revision: str | None) -> Remote:
        info = api.model_info(target.repo, revision=revision, files_metadata=True)
        siblings = info.siblings or []
        digests = {file.rfilename: file.lfs.sha256 if file.lfs else str(file.blob_id) for file in siblings}
        sizes = {file.rfilename: file.size or 0 for file in siblings}
        return Remote(info.sha, True, bool(info.private), digests, sizes)

    try:
        return retrying(partial(ask, target.branch), watch)
    except RevisionNotFoundError:
        return Remote(None, True, retrying(partial(ask, None), watch).private)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        return Remote()


def difference(remote: Remote, files: Mapping[str, Path]) -> Changes:
    """Compare files, by the names they are published under, with a branch.

    Of the files there that are not published any more only those go whose names the zoo itself gives; what else people
    put there stays.
    """
    there = remote.digests
    added = [name for name in files if name not in there]
    changed = [name for name in files if name in there and digest_of(files[name], there[name]) != there[name]]
    deleted = sorted(name for name in there if name in LIMITS and name not in files)
    return Changes(added, changed, deleted)


def card_there(api: HfApi, target: Target, remote: Remote) -> str | None:
    """Return the card that the branch has, None without one or where it is too long to be one."""
    if remote.commit is None or not 0 < remote.sizes.get(CARD, 0) <= LIMITS[CARD]:
        return None
    watch = Watch(
        target.repo, CARD, limit=remote.sizes[CARD], etag=remote.digests[CARD], commit=remote.commit
    )
    path = Path(retrying(partial(api.hf_hub_download, target.repo, CARD, revision=remote.commit), watch))
    return path.read_text("utf-8", errors="replace")


def publish(api: HfApi, target: Target, files: Mapping[str, Path], message: str) -> tuple[str, bool]:
    """Make the branch hold these files by one commit; return the head, and whether a commit was needed.

    Every try asks first whether the files are there already: an answer that was lost on the way makes no second commit.
    With its parent named, a commit that comes between two others is refused instead of mixing with them.
    """
    from huggingface_hub.errors import HfHubHTTPError

    sent: list[str] = []

    def attempt() -> str:
        remote = look(api, target)
        if remote.commit is None:
            raise LookupError(f"{target.name} vanished")
        changes = difference(remote, files)
        if not changes:
            return remote.commit
        _upload(api, target, {name: files[name] for name in (*changes.added, *changes.changed)})
        sent.append(remote.commit)
        return _commit(api, target, files, changes, message, remote.commit)

    size = sum(path.stat().st_size for path in files.values())
    watch = Watch(target.repo, "the answer to the commit", seconds=2 * patience() + size / SLOWEST, tries=3)
    try:
        return retrying(attempt, watch), bool(sent)
    except HfHubHTTPError as error:
        # The commit whose answer was lost may have arrived after we asked, and before it was sent again.
        if len(sent) < 2 or root(error) is not error or error.response.status_code != 412:
            raise
        head = look(api, target)
        if head.commit is None or difference(head, files):
            raise
        return head.commit, True


def _upload(api: HfApi, target: Target, files: Mapping[str, Path]) -> None:
    """Bring large files to the Hub, one after the other; they are in no commit yet."""
    from huggingface_hub import CommitOperationAdd

    for name, path in files.items():
        addition = CommitOperationAdd(path_in_repo=name, path_or_fileobj=path)
        upload = partial(
            api.preupload_lfs_files, target.repo, [addition], revision=target.branch, free_memory=False
        )
        seconds = patience() + path.stat().st_size / SLOWEST
        retrying(upload, Watch(target.repo, f"the answer to {name}", seconds=seconds))


def _commit(
    api: HfApi, target: Target, files: Mapping[str, Path], changes: Changes, message: str, parent: str
) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

    operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
        *(
            CommitOperationAdd(path_in_repo=name, path_or_fileobj=files[name])
            for name in (*changes.added, *changes.changed)
        ),
        *(CommitOperationDelete(path_in_repo=name) for name in changes.deleted),
    ]
    commit = api.create_commit(
        target.repo, operations, commit_message=message, revision=target.branch, parent_commit=parent
    )
    return str(commit.oid)
