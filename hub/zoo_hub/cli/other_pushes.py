"""What `zoo push` publishes besides one generator: those of the package, a play page; and what a push would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.errors import UsageError
from zoo.system.console import say
from zoo_hub.names import hub_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zoo_hub.push import PushOptions
    from zoo_hub.repository.branch import Changes, RemoteBranch


def push_package(owner: str, sources: Sequence[Path], options: PushOptions, *, dry: bool) -> None:
    """Publish the generators of the package, or say what that would change."""
    from zoo_hub.bundled import dry_run_bundled, push_bundled

    if sources:
        raise UsageError(f"--bundled: it publishes what comes with the package. Leave {sources[0]} out")
    if options.revision is not None:
        raise UsageError("--bundled: it publishes on main. Leave --revision out")
    if dry:
        for repo, remote, changes in dry_run_bundled(owner, options):
            print_changes(repo, remote, changes, options)
        return
    for address in push_bundled(owner, options):
        click.echo(address)


def push_page(name: str, sources: Sequence[Path], options: PushOptions, *, dry: bool) -> None:
    """Publish a play page as a Space, or say what that would change."""
    from zoo.runs.folder import latest_generator
    from zoo_hub.space import SpaceOptions, dry_run_space, push_space

    given = {"--revision": options.revision, "--tag": options.tag, "--license": options.licence}
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"--space: a page has no use for {option}. Leave it out")
    hub = hub_name(name)
    if hub.revision:
        raise UsageError(f"--space: a page is published on main. Leave @{hub.revision} out")
    generators = [str(source) for source in sources] or [str(latest_generator())]
    space = SpaceOptions(options.private, options.message)
    if dry:
        print_changes(hub.repo, *dry_run_space(hub.repo, generators, space), options)
        return
    click.echo(push_space(hub.repo, generators, space))


def print_changes(repo: str, remote: RemoteBranch, changes: Changes, options: PushOptions) -> None:
    """Print what a push would do, a line for each file."""
    if not remote.exists:
        click.echo(f"create {repo}{', private' if options.private else ''}")
    if remote.commit is None and options.revision:
        click.echo(f"branch {options.revision}")
    for what, names in (("add", changes.added), ("change", changes.changed), ("delete", changes.deleted)):
        for name in names:
            click.echo(f"{what:6} {name}")
    if options.tag:
        click.echo(f"tag    {options.tag}")
    say(
        f"{repo}: this is what a push would do; nothing was sent"
        if changes
        else f"{repo}: nothing changed since the last push, so there would be no new commit"
    )
