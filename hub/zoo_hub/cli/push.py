"""`zoo push`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.errors import InputError, UsageError
from zoo.system.console import say
from zoo_hub.names import hub_name

if TYPE_CHECKING:
    from zoo_hub.push import Wishes


@click.command()
@click.argument("name", metavar="OWNER/NAME")
@click.argument("source", metavar="[RUN|GENERATOR]", required=False, type=click.Path(path_type=Path))
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--revision", metavar="BRANCH", help="Push to this branch, made if it is not there.")
@click.option("--message", metavar="TEXT", help="The commit's message.")
@click.option("--tag", metavar="TAG", help="Put this tag on the commit, as in v1.")
@click.option("--license", "licence", metavar="ID", help="The model's licence, as in cc-by-4.0 or mit.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
def push(
    name: str,
    source: Path | None,
    private: bool,
    revision: str | None,
    message: str | None,
    tag: str | None,
    licence: str | None,
    dry_run: bool,
) -> None:
    """Publish a generator on the Hugging Face Hub, the latest run's when none is named."""
    from zoo.generators.files import ONNX
    from zoo.generators.folder import read_config
    from zoo.runs.folder import latest_run
    from zoo_hub.push import Wishes
    from zoo_hub.push import push as publish

    hub = hub_name(name)
    if hub.revision:
        raise UsageError(f"{name}: a push names its branch with --revision. Leave @{hub.revision} out")
    folder = _folder(source or latest_run())
    wishes = Wishes(private, revision, message, tag, licence)
    if dry_run:
        _rehearse(hub.repo, folder, wishes)
        return
    if ONNX not in read_config(folder).files:
        from zoo_export.export import export_first

        export_first(folder)
    click.echo(publish(hub.repo, folder, wishes))
    published = f"{hub.repo}@{revision}" if revision else hub.repo
    say(f"Get pictures from it with `zoo generate {published}`")


def _rehearse(repo: str, folder: Path, wishes: Wishes) -> None:
    """Print what a push would do, a line for each file."""
    from zoo_hub.push import rehearse

    remote, changes = rehearse(repo, folder, wishes)
    if not remote.exists:
        click.echo(f"create {repo}{', private' if wishes.private else ''}")
    if remote.commit is None and wishes.revision:
        click.echo(f"branch {wishes.revision}")
    for what, names in (("add", changes.added), ("change", changes.changed), ("delete", changes.deleted)):
        for name in names:
            click.echo(f"{what:6} {name}")
    if wishes.tag:
        click.echo(f"tag    {wishes.tag}")
    say(
        f"{repo}: this is what a push would do; nothing was sent"
        if changes
        else f"{repo}: nothing changed since the last push, so there would be no new commit"
    )


def _folder(path: Path) -> Path:
    """Return the generator folder that a path on the command line stands for."""
    from zoo.runs.folder import generator_folder

    if not path.exists():
        raise InputError(f"{path}: there is no such folder. Give a run or a generator folder")
    folder = generator_folder(path)
    if folder is None:
        raise InputError(f"{path}: it is neither a run nor a generator folder. Give one of the two")
    return folder
