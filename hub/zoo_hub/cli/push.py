"""`zoo push`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH
from zoo.errors import InputError, UsageError
from zoo.system.console import say
from zoo.system.terminal import echo
from zoo_hub.cli.other_pushes import print_plan, push_package, push_page
from zoo_hub.names import hub_name

if TYPE_CHECKING:
    from pathlib import Path


@click.command(short_help="Publish a generator on the Hugging Face Hub.")
@click.argument("name", metavar="OWNER/NAME", type=NAME)
@click.argument("sources", metavar="[RUN|GENERATOR]", nargs=-1, type=PATH)
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--revision", type=NAME, metavar="BRANCH", help="Push to this branch, made if it is not there.")
@click.option("--message", type=NAME, metavar="TEXT", help="The commit's message.")
@click.option("--tag", type=NAME, metavar="TAG", help="Put this tag on the commit, as in v1.")
@click.option(
    "--license",
    "licence",
    type=NAME,
    metavar="ID",
    help="The model's licence, of the Hub or SPDX: mit, cc-by-4.0.",
)
@click.option("--bundled", is_flag=True, help="Publish all that come with the package; NAME is their OWNER.")
@click.option(
    "--space", is_flag=True, help="Publish the page of `zoo demo` as a Space; it may show several generators."
)
@click.option("--dry-run", is_flag=True, help="Say what would be published; ask and change nothing.")
def push(
    name: str,
    sources: tuple[Path, ...],
    private: bool,
    revision: str | None,
    message: str | None,
    tag: str | None,
    licence: str | None,
    bundled: bool,
    space: bool,
    dry_run: bool,
) -> None:
    """Publish a generator on the Hugging Face Hub, the latest run's when none is named."""
    from zoo.runs.folder import latest_generator
    from zoo_export.export import export_if_missing
    from zoo_export.open import require_generator_folder
    from zoo_hub.push import PushOptions, target_of
    from zoo_hub.push import dry_run as plan
    from zoo_hub.push import push as publish

    options = PushOptions(private, revision, message, tag, licence)
    if bundled and space:
        raise UsageError("--bundled, --space: a push publishes the one or the other. Leave one of them out")
    if bundled or space:
        (push_package if bundled else push_page)(name, sources, options, dry=dry_run)
        return
    if len(sources) > 1:
        raise UsageError(
            f"{sources[1]}: a push publishes one generator. Leave it out, or publish it by itself"
        )
    hub = hub_name(name)
    if hub.revision:
        raise InputError(f"{name}: a push names its branch with --revision. Leave @{hub.revision} out")
    target_of(hub.repo, options)
    folder = require_generator_folder(sources[0] if sources else latest_generator())
    if not sources:
        say(f"{hub.repo}: this is the latest run's generator, {folder.path}")
    if dry_run:
        print_plan(hub.repo, plan(hub.repo, folder, options), options)
        return
    # A generator that was never exported is the one case in which a push needs torch.
    echo(publish(hub.repo, export_if_missing(folder), options))
    published = f"{hub.repo}@{revision}" if revision else hub.repo
    say(f"Get pictures from it with `zoo generate {published}`")
