"""A group of commands that shows its help where none is named, and what was meant where there is no such."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from zoo.errors import MOST_NEAR, SHORTEST_PART, did_you_mean, joined, near_misses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class CommandGroup(click.Group):
    """Of `zoo` itself and of each command that has commands of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where nothing is asked for: that is no mistake."""
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        name = args[0]
        if name.startswith("-") or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        near = near_misses(name, self.list_commands(ctx))
        advice = f" {did_you_mean(name, near)}" if near else ""
        raise click.UsageError(f"No such command {name!r}.{advice}", ctx)


def unknown_option(error: click.NoSuchOption) -> str:
    """Return the message of an option that a command does not have, with what may have been meant.

    That is another of its options, an argument, or the same option of another command.
    """
    said = error.message.rstrip(".")
    if error.ctx is None:
        return said
    word, command = _bare(error.option_name), error.ctx.command
    arguments = [
        param.make_metavar(error.ctx) for param in command.params if isinstance(param, click.Argument)
    ]
    words = {part for metavar in arguments for part in re.split(r"[^a-z]+", metavar.lower()) if part}
    options = _options(error.ctx)
    near = [] if word in words and word not in options else _near(word, options)
    if near:
        return f"{said}. Did you mean {joined([repr(name) for name in near], 'or')}?"
    if word in words or near_misses(word, words):
        usage = " ".join((error.ctx.command_path, *arguments))
        return f"{said}. It is an argument: `{usage}`"
    owners = sorted(
        context.command_path
        for context in _contexts(error.ctx.find_root())
        if error.option_name in _options(context).values()
    )
    if not 0 < len(owners) <= MOST_NEAR:  # what many have says nothing of what was meant
        return said
    return f"{said}. It is an option of {joined([f'`{path}`' for path in owners])}"


def _near(word: str, options: Mapping[str, str]) -> list[str]:
    near = [word] if word in options else near_misses(word, options) or _begun(word, options)
    return list(dict.fromkeys(options[name] for name in near))


def _begun(word: str, options: Mapping[str, str]) -> list[str]:
    """Return the longest option that the word begins with: `out` of `output`."""
    begun = (name for name in options if len(name) >= SHORTEST_PART and word.startswith(name))
    return sorted(begun, key=len)[-1:]


def _bare(option: str) -> str:
    """Return what tells options apart: `batch-size` of `--batch_size`."""
    return option.lstrip("-").replace("_", "-")


def _options(context: click.Context) -> dict[str, str]:
    """Return a command's options as they are written, by their words and by what the command itself calls them."""
    options = [param for param in context.command.get_params(context) if isinstance(param, click.Option)]
    inside = {_bare(param.name or ""): max(param.opts, key=len) for param in options}
    return inside | {_bare(name): name for param in options for name in (*param.opts, *param.secondary_opts)}


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """Yield the context of a command and of those below it."""
    yield context
    group = context.command
    if isinstance(group, click.Group):
        below = {name: group.get_command(context, name) for name in group.list_commands(context)}
        for name, command in below.items():
            if command is not None:
                yield from _contexts(click.Context(command, parent=context, info_name=name))
