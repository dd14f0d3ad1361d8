"""Publishing a generator: one commit that holds the generator folder's files and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError, UsageError
from zoo.generators.files import CARD
from zoo.system.atomic import write_atomic
from zoo.system.console import say
from zoo_hub.card.card import base_card, merge
from zoo_hub.card.variety import measure
from zoo_hub.client.errors import hub_errors
from zoo_hub.client.retry import client, retrying
from zoo_hub.client.watch import Watch, endpoint
from zoo_hub.names import hub_name, parse_hub_name
from zoo_hub.repository.branch import Changes, Remote, Target, card_there, difference, look, publish
from zoo_hub.repository.publishable import checked, published

COMMIT_LIKE = re.compile(r"[0-9a-f]{7,40}")
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{1,60}")

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from zoo.generators.config import GeneratorConfig


@dataclass(frozen=True)
class Wishes:
    """What somebody wants of a push besides the files."""

    private: bool = False
    revision: str | None = None
    """A branch, made from main if it is not there."""
    message: str | None = None
    tag: str | None = None
    licence: str | None = None
    """The model's, as the Hub abbreviates it; without it the card's own stays, or it follows from the data's."""


@dataclass(frozen=True)
class Plan:
    """What a push would do."""

    target: Target
    remote: Remote
    config: GeneratorConfig
    card: str
    tags: dict[str, str]
    """The repository's tags and their commits; empty where none is asked for."""


def push(repo: str, folder: Path, wishes: Wishes = Wishes()) -> str:
    """Publish a generator folder as OWNER/NAME, made if it is not there yet, and return its address.

    Writes the model card into the folder first; what people wrote in it, here or on the Hub, stays.

    Raises:
        UsageError: it is no name, branch, tag or licence.
        InputError: the folder is not fit to be published, a public repository is to be private, the tag is on another
            commit, or the Hub refuses the card.
        IntegrityError: a file is not what `config.json` or the export report says.
        NetworkError: the Hub did not take it.
    """
    api = client()
    with hub_errors(repo, wishes.revision):
        plan = prepare(api, repo, folder, wishes)
        if not _holds(folder / CARD, plan.card):
            write_atomic(folder / CARD, plan.card.encode())
        files = {name: folder / name for name in published(plan.config)}
        check_tag(plan, wishes, files)
        if plan.remote.commit is None:
            _create(api, plan.target, plan.remote, wishes)
        message = wishes.message or f"Publish {plan.config.recipe}"
        try:
            head, committed = publish(api, plan.target, files, message)
        except ValueError as error:
            # The client's way to say that the Hub refuses the card.
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(f"{folder / CARD}: {reason}. Mend it") from error
        if not committed:
            say(f"{plan.target.name}: nothing changed since the last push, so there is no new commit")
        if wishes.tag and wishes.tag not in plan.tags:
            _tag(api, repo, wishes.tag, head)
    return f"{endpoint()}/{repo}" + (f"/tree/{wishes.revision}" if wishes.revision else "")


def rehearse(repo: str, folder: Path, wishes: Wishes) -> tuple[Remote, Changes]:
    """Return what `push` would find and do; nothing is changed, there or here."""
    from tempfile import TemporaryDirectory

    with hub_errors(repo, wishes.revision), TemporaryDirectory() as scratch:
        plan = prepare(client(), repo, folder, wishes)
        card = Path(scratch, CARD)
        card.write_bytes(plan.card.encode())
        files = {name: card if name == CARD else folder / name for name in published(plan.config)}
        check_tag(plan, wishes, files)
        return plan.remote, difference(plan.remote, files)


def prepare(api: HfApi, repo: str, folder: Path, wishes: Wishes) -> Plan:
    """Check the folder and the wishes, ask what is there, and write the card in memory."""
    config, target = checked(folder), _target(repo, wishes)
    remote = look(api, target)
    if wishes.private and remote.exists and not remote.private:
        raise InputError(
            f"{repo}: it exists and is public, and --private is for new repositories. "
            "Make it private in its settings, or push without --private"
        )
    tags: dict[str, str] = {}
    if wishes.tag and remote.exists:
        refs = retrying(partial(api.list_repo_refs, repo), Watch(repo, "the list of its tags"))
        tags = {tag.name: tag.target_commit for tag in refs.tags}
    here = (folder / CARD).read_text("utf-8", errors="replace") if (folder / CARD).is_file() else None
    base = base_card(here, card_there(api, target, remote)) or ""
    card = merge(base, repo, config, licence=wishes.licence, variety=measure(folder))
    return Plan(target, remote, config, card, tags)


def check_tag(plan: Plan, wishes: Wishes, files: dict[str, Path]) -> None:
    """Refuse a tag that stands for something else."""
    there = plan.tags.get(wishes.tag or "")
    if there and (there != plan.remote.commit or difference(plan.remote, files)):
        raise InputError(
            f"{plan.target.repo}: tag {wishes.tag} is there already, on commit {there[:12]}. Give another --tag"
        )


def _target(repo: str, wishes: Wishes) -> Target:
    for what, name in (("branch", wishes.revision), ("tag", wishes.tag)):
        if name is not None and (parse_hub_name(f"{repo}@{name}") is None or COMMIT_LIKE.fullmatch(name)):
            raise UsageError(f"{name}: it is no name for a {what}. Give one like v1 or experiment")
    if wishes.licence is not None and not LICENCE.fullmatch(wishes.licence):
        raise UsageError(
            f"--license {wishes.licence}: it is none of the Hub's. Give one like mit, apache-2.0 or cc-by-4.0"
        )
    return Target(hub_name(repo).repo, wishes.revision)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _create(api: HfApi, target: Target, remote: Remote, wishes: Wishes) -> None:
    """Make the repository, and the branch."""
    repo = target.repo
    if not remote.exists:
        # None leaves it to the owner's own default, which may be private.
        make = partial(api.create_repo, repo, private=wishes.private or None, exist_ok=True)
        retrying(make, Watch(repo, "the answer to its making"))
    if target.branch:
        make_branch = partial(api.create_branch, repo, branch=target.branch, exist_ok=True)
        retrying(make_branch, Watch(repo, "the answer to its branch's making"))


def _tag(api: HfApi, repo: str, tag: str, commit: str) -> None:
    """Put a tag on a commit; a lost answer is asked for again."""
    put = partial(api.create_tag, repo, tag=tag, revision=commit, exist_ok=True)
    retrying(put, Watch(repo, "the answer to its tag"))
    say(f"{repo}: tag {tag} is on commit {commit[:12]}")
