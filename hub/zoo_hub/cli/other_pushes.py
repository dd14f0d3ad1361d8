"""What `zoo push` publishes besides one generator: those of the package, a play page; and what a push would publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import UsageError, counted
from zoo.system.console import say
from zoo.system.terminal import echo
from zoo_hub.names import hub_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from zoo_hub.push import PushOptions


def push_package(owner: str, sources: Sequence[Path], options: PushOptions, *, dry: bool) -> None:
    """Publish the generators of the package, or say what that would be."""
    from zoo_hub.bundled import dry_run_bundled, push_bundled

    if sources:
        raise UsageError(f"--bundled: it publishes what comes with the package. Leave {sources[0]} out")
    if options.revision is not None:
        raise UsageError("--bundled: it publishes on main. Leave --revision out")
    if dry:
        for repo, files in dry_run_bundled(owner, options):
            print_plan(repo, files, options)
        return
    for address in push_bundled(owner, options):
        echo(address)


def push_page(name: str, sources: Sequence[Path], options: PushOptions, *, dry: bool) -> None:
    """Publish a play page as a Space, or say what that would be."""
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
        print_plan(hub.repo, dry_run_space(generators), options)
        return
    echo(push_space(hub.repo, generators, space))


def print_plan(repo: str, files: Mapping[str, int], options: PushOptions) -> None:
    """Print what a push would publish, a line for each file; the Hub is not asked."""
    echo(f"to     {repo}, branch {options.revision or 'main'}{', private if new' * options.private}")
    for name, size in files.items():
        echo(f"file   {name}  {counted(size, 'byte')}")
    if options.tag:
        echo(f"tag    {options.tag}")
    say(
        f"{repo}: this is what a push would publish. Nothing was sent, and the Hub was not asked: whether {repo} "
        "exists, and what of this it holds already, is seen by a push"
    )
