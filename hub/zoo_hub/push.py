"""Publishing a generator folder on the Hub as one commit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.generators.files import CARD
from zoo.generators.folder import GeneratorFolder
from zoo.system.arguments import given_flag, given_kind, given_text
from zoo.system.atomic import write_atomic
from zoo.system.console import say
from zoo_hub.card.card import base_card, merge
from zoo_hub.card.licences import known_licence
from zoo_hub.card.variety import measure
from zoo_hub.client.errors import hub_errors
from zoo_hub.client.retry import client, retrying
from zoo_hub.client.watch import Watch, endpoint
from zoo_hub.names import hub_name, parse_hub_name
from zoo_hub.repository.branch import (
    RemoteBranch,
    Target,
    changes_to,
    fetch_branch,
    fetch_card,
    publish,
)
from zoo_hub.repository.publishable import check_publishable, published_files, staged

COMMIT_LIKE = re.compile(r"[0-9a-f]{7,40}")

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class PushOptions:
    """How to publish the files of a generator folder."""

    private: bool = False
    """Whether a new repository is private."""
    revision: str | None = None
    """The branch to push to, created from main where it does not exist."""
    message: str | None = None
    """The commit's message."""
    tag: str | None = None
    """A tag to put on the commit."""
    licence: str | None = None
    """The model's licence, as the Hub or SPDX abbreviates it; None keeps the card's, or derives it from the data's."""

    def __post_init__(self) -> None:
        given_flag(self.private, "private")
        for name in ("revision", "message", "tag", "licence"):
            if (text := getattr(self, name)) is not None:
                given_text(text, name)


@dataclass(frozen=True)
class PushPlan:
    """A checked push, ready to be made."""

    target: Target
    remote: RemoteBranch
    folder: GeneratorFolder
    card: str
    tags: dict[str, str]
    """The repository's tags and their commits; empty where the push sets no tag."""


def push(repo: str, folder: GeneratorFolder, options: PushOptions = PushOptions()) -> str:
    """Publish a generator folder as OWNER/NAME, created where it does not exist yet, and return its address.

    Writes the model card into the folder first; what people wrote in it, here or on the Hub, stays.

    Raises:
        InputError: the name, branch, tag or licence is not valid, the folder is not fit to be published, a public
            repository is to be private, the tag is on another commit, or the Hub refuses the card.
        IntegrityError: a file is not what `config.json` or the export report says.
        NetworkError: the Hub did not take it.
    """
    repo, folder = given_text(repo, "OWNER/NAME"), GeneratorFolder.given(folder)
    options = given_kind(options, "options", PushOptions)
    api = client()
    with hub_errors(repo, options.revision), TemporaryDirectory() as scratch:
        plan = prepare(api, repo, folder, options)
        if folder.read_card() != plan.card.encode():
            write_atomic(folder.file(CARD), plan.card.encode())
        files = staged(plan.folder, plan.card, Path(scratch))
        check_tag(plan, options, files)
        if plan.remote.commit is None:
            _create(api, plan.target, plan.remote, options)
        head = _commit(api, plan, files, options.message or f"Publish {plan.folder.config.recipe}")
        if options.tag and options.tag not in plan.tags:
            _put_tag(api, repo, options.tag, head)
    return f"{endpoint()}/{repo}" + (f"/tree/{options.revision}" if options.revision else "")


def dry_run(repo: str, folder: GeneratorFolder, options: PushOptions) -> dict[str, int]:
    """Return the files that `push` would publish and their bytes; the Hub is not asked, and nothing is changed.

    Raises as `push` does, but for what the Hub alone knows.
    """
    repo, folder = given_text(repo, "OWNER/NAME"), GeneratorFolder.given(folder)
    options = given_kind(options, "options", PushOptions)
    target_of(repo, options)
    folder = folder.current()
    check_publishable(folder)
    here = _card_here(folder)
    card = merge(here or "", repo, folder.config, licence=options.licence, variety=measure(folder))
    names = published_files(folder.config)
    return {name: len(card.encode()) if name == CARD else folder.file(name).stat().st_size for name in names}


def _card_here(folder: GeneratorFolder) -> str | None:
    data = folder.read_card()
    return None if data is None else data.decode("utf-8", "replace")


def prepare(api: HfApi, repo: str, folder: GeneratorFolder, options: PushOptions) -> PushPlan:
    """Check the folder and the options, fetch the branch, and write the card in memory. Changes nothing.

    Raises as `push` does.
    """
    target = target_of(repo, options)
    folder = folder.current()
    check_publishable(folder)
    remote = fetch_branch(api, target)
    if options.private and remote.exists and not remote.private:
        raise InputError(
            f"{repo}: it exists and is public, and --private is for new repositories. "
            "Make it private in its settings, or push without --private"
        )
    tags: dict[str, str] = {}
    if options.tag and remote.exists:
        refs = retrying(partial(api.list_repo_refs, repo), Watch(repo, "the list of its tags"))
        tags = {tag.name: tag.target_commit for tag in refs.tags}
    base = base_card(_card_here(folder), fetch_card(api, target, remote)) or ""
    # The Hub may have taken long: what somebody did to the folder since the check is found here.
    variety = measure(folder.current())
    card = merge(base, repo, folder.config, licence=options.licence, variety=variety)
    return PushPlan(target, remote, folder, card, tags)


def check_tag(plan: PushPlan, options: PushOptions, files: dict[str, Path]) -> None:
    """Refuse a tag that is on another commit than the one that holds these files."""
    tagged = plan.tags.get(options.tag or "")
    if tagged and (tagged != plan.remote.commit or changes_to(plan.remote, files)):
        raise InputError(
            f"{plan.target.repo}: tag {options.tag} is there already, on commit {tagged[:12]}. Give another --tag"
        )


def target_of(repo: str, options: PushOptions) -> Target:
    """Return the branch to publish to.

    Raises:
        InputError: the name, branch, tag or licence is not valid.
    """
    for what, name in (("branch", options.revision), ("tag", options.tag)):
        if name is not None and (parse_hub_name(f"{repo}@{name}") is None or COMMIT_LIKE.fullmatch(name)):
            raise InputError(f"{name}: it is no name for a {what}. Give one like v1 or experiment")
    if options.licence is not None:
        known_licence(options.licence)
    return Target(hub_name(repo).repo, options.revision)


def _commit(api: HfApi, plan: PushPlan, files: dict[str, Path], message: str) -> str:
    """Publish the files and return the branch's newest commit."""
    try:
        head, committed = publish(api, plan.target, files, message)
    except ValueError as error:
        # The client raises it where the Hub refuses the card.
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{plan.folder.file(CARD)}: {reason}. Mend it") from error
    if not committed:
        say(f"{plan.target.name}: nothing changed since the last push, so there is no new commit")
    return head


def _create(api: HfApi, target: Target, remote: RemoteBranch, options: PushOptions) -> None:
    """Create the repository and the branch where they do not exist."""
    repo = target.repo
    if not remote.exists:
        # None leaves it to the owner's own default, which may be private.
        create = partial(api.create_repo, repo, private=options.private or None, exist_ok=True)
        retrying(create, Watch(repo, "the answer to its making"))
    if target.branch:
        create_branch = partial(api.create_branch, repo, branch=target.branch, exist_ok=True)
        retrying(create_branch, Watch(repo, "the answer to its branch's making"))


def _put_tag(api: HfApi, repo: str, tag: str, commit: str) -> None:
    """Put a tag on a commit; where the answer is lost, it is done again."""
    put = partial(api.create_tag, repo, tag=tag, revision=commit, exist_ok=True)
    retrying(put, Watch(repo, "the answer to its tag"))
    say(f"{repo}: tag {tag} is on commit {commit[:12]}")
