"""`zoo push`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH
from zoo.errors import InputError, UsageError
from zoo.system.console import say
from zoo_hub.names import hub_name

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_hub.push import PushOptions
    from zoo_hub.repository.branch import Changes, RemoteBranch


@click.command()
@click.argument("name", metavar="OWNER/NAME", type=NAME)
@click.argument("source", metavar="[RUN|GENERATOR]", required=False, type=PATH)
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--revision", type=NAME, metavar="BRANCH", help="Push to this branch, made if it is not there.")
@click.option("--message", type=NAME, metavar="TEXT", help="The commit's message.")
@click.option("--tag", type=NAME, metavar="TAG", help="Put this tag on the commit, as in v1.")
@click.option(
    "--license", "licence", type=NAME, metavar="ID", help="The model's licence, as in cc-by-4.0 or mit."
)
@click.option("--bundled", is_flag=True, help="Publish all that come with the package; NAME is their OWNER.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
def push(
    name: str,
    source: Path | None,
    private: bool,
    revision: str | None,
    message: str | None,
    tag: str | None,
    licence: str | None,
    bundled: bool,
    dry_run: bool,
) -> None:
    """Publish a generator on the Hugging Face Hub, the latest run's when none is named."""
    from zoo.runs.folder import latest_generator
    from zoo_export.export import export_if_missing
    from zoo_export.open import require_generator_folder
    from zoo_hub.push import PushOptions
    from zoo_hub.push import dry_run as plan
    from zoo_hub.push import push as publish

    options = PushOptions(private, revision, message, tag, licence)
    if bundled:
        _push_bundled(name, source, options, dry=dry_run)
        return
    hub = hub_name(name)
    if hub.revision:
        raise InputError(f"{name}: a push names its branch with --revision. Leave @{hub.revision} out")
    folder = require_generator_folder(source or latest_generator())
    if dry_run:
        _print_changes(hub.repo, *plan(hub.repo, folder, options), options)
        return
    # A generator that was never exported is the one case in which a push needs torch.
    click.echo(publish(hub.repo, export_if_missing(folder), options))
    published = f"{hub.repo}@{revision}" if revision else hub.repo
    say(f"Get pictures from it with `zoo generate {published}`")


def _push_bundled(owner: str, source: Path | None, options: PushOptions, *, dry: bool) -> None:
    """Publish the generators of the package."""
    from zoo_hub.bundled import dry_run_bundled, push_bundled

    if source is not None:
        raise UsageError(f"--bundled: it publishes what comes with the package. Leave {source} out")
    if options.revision is not None:
        raise UsageError("--bundled: it publishes on main. Leave --revision out")
    if dry:
        for repo, remote, changes in dry_run_bundled(owner, options):
            _print_changes(repo, remote, changes, options)
        return
    for address in push_bundled(owner, options):
        click.echo(address)


def _print_changes(repo: str, remote: RemoteBranch, changes: Changes, options: PushOptions) -> None:
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
