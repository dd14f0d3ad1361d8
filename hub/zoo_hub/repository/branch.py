"""A branch on the Hub: what it holds, and the one commit by which a push changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from zoo.generators.files import CARD, LIMITS
from zoo_hub.client.errors import is_of_xet, root_cause
from zoo_hub.client.retry import download, retrying, without_xet
from zoo_hub.client.watch import Watch, time_limit, transfer_seconds
from zoo_hub.repository.integrity import digest_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Target:
    """The repository and branch to publish to; without a branch, main."""

    repo: str
    branch: str | None
    kind: str = "model"
    """What the client calls a repo_type: `model`, or `space`."""

    @property
    def name(self) -> str:
        """OWNER/NAME, or OWNER/NAME@BRANCH."""
        return f"{self.repo}@{self.branch}" if self.branch else self.repo


@dataclass(frozen=True)
class RemoteBranch:
    """A branch as it is on the Hub."""

    commit: str | None = None
    """Its newest commit; None where there is no such branch yet."""
    exists: bool = False
    """Whether the repository exists."""
    private: bool = False
    digests: dict[str, str] = field(default_factory=dict)
    """By file name: the sha256 of a large file, the git id of a small one."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes, by file name."""


@dataclass(frozen=True)
class Changes:
    """What a push would do to a branch, file by file."""

    added: list[str]
    changed: list[str]
    deleted: list[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)


def fetch_branch(api: HfApi, target: Target) -> RemoteBranch:
    """Return what a branch holds; nothing is changed."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    watch = Watch(target.repo, "the list of its files")

    def fetch(revision: str | None) -> RemoteBranch:
        look = api.space_info if target.kind == "space" else api.model_info
        info = look(target.repo, revision=revision, files_metadata=True)
        siblings = info.siblings or []
        digests = {file.rfilename: file.lfs.sha256 if file.lfs else str(file.blob_id) for file in siblings}
        sizes = {file.rfilename: file.size or 0 for file in siblings}
        return RemoteBranch(info.sha, True, bool(info.private), digests, sizes)

    try:
        return retrying(partial(fetch, target.branch), watch)
    except RevisionNotFoundError:
        return RemoteBranch(None, True, retrying(partial(fetch, None), watch).private)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        return RemoteBranch()


def changes_to(remote: RemoteBranch, files: Mapping[str, Path], own: Container[str] = LIMITS) -> Changes:
    """Return what changes where a branch gets these files, given by the names they are published under.

    Files on the branch that are no longer published are deleted only where the name is one that we gave, one of `own`;
    other files, which people added, stay.
    """
    old = remote.digests
    added = [name for name in files if name not in old]
    changed = [name for name in files if name in old and digest_of(files[name], old[name]) != old[name]]
    deleted = sorted(name for name in old if name in own and name not in files)
    return Changes(added, changed, deleted)


def fetch_card(api: HfApi, target: Target, remote: RemoteBranch) -> str | None:
    """Return the branch's card; None where it has none, or one that is too long."""
    if remote.commit is None or not 0 < remote.sizes.get(CARD, 0) <= LIMITS[CARD]:
        return None
    watch = Watch(
        target.repo, CARD, limit=remote.sizes[CARD], etag=remote.digests[CARD], commit=remote.commit
    )
    return download(api, watch).read_text("utf-8", errors="replace")


def publish(
    api: HfApi, target: Target, files: Mapping[str, Path], message: str, own: Container[str] = LIMITS
) -> tuple[str, bool]:
    """Make the branch hold these files by one commit; return the head, and whether a commit was needed.

    `own` are the names that may be deleted where they are not among the files.

    Every try first asks whether the files are already there, so that a lost answer leads to no second commit. The
    commit names its parent: where somebody else's commit came first, it is refused instead of mixed with that.
    """
    from huggingface_hub.errors import HfHubHTTPError

    parents: list[str] = []
    """Of the commits that were sent, one for each try."""

    def attempt() -> str:
        remote = fetch_branch(api, target)
        if remote.commit is None:
            raise LookupError(f"{target.name} vanished")
        changes = changes_to(remote, files, own)
        if not changes:
            return remote.commit
        _upload(api, target, {name: files[name] for name in (*changes.added, *changes.changed)})
        parents.append(remote.commit)
        return _commit(api, target, files, changes, message, remote.commit)

    seconds = time_limit() + transfer_seconds(sum(path.stat().st_size for path in files.values()))
    watch = Watch(target.repo, "the answer to the commit", seconds=seconds, tries=3)
    try:
        return retrying(attempt, watch), bool(parents)
    except HfHubHTTPError as error:
        # A commit whose answer was lost may have arrived between our question and the next try.
        if len(parents) < 2 or root_cause(error) is not error or error.response.status_code != 412:
            raise
        head = fetch_branch(api, target)
        if head.commit is None or changes_to(head, files, own):
            raise
        return head.commit, True


def _upload(api: HfApi, target: Target, files: Mapping[str, Path]) -> None:
    """Upload the large files, one after the other; they are in no commit yet."""
    from huggingface_hub import CommitOperationAdd

    for name, path in files.items():
        addition = CommitOperationAdd(path_in_repo=name, path_or_fileobj=path)
        upload = partial(
            api.preupload_lfs_files,
            target.repo,
            [addition],
            revision=target.branch,
            repo_type=target.kind,
            free_memory=False,
        )
        seconds = transfer_seconds(path.stat().st_size)
        watch = Watch(target.repo, f"the answer to {name}", seconds=seconds)
        try:
            retrying(upload, watch)
        except OSError as error:
            if not is_of_xet(error):
                raise
            # A Hub of one's own has no Xet storage, and the client does not try the other way by itself.
            without_xet()
            retrying(upload, watch)


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
        target.repo,
        operations,
        commit_message=message,
        revision=target.branch,
        repo_type=target.kind,
        parent_commit=parent,
    )
    return str(commit.oid)
