"""A group of commands that shows its help where none is named, and what was meant where there is no such."""

from __future__ import annotations

import click

from zoo.errors import did_you_mean, near_misses


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
    """Return the message of an option that a command does not have, with those that may have been meant."""
    params = error.ctx.command.get_params(error.ctx) if error.ctx else []
    near = near_misses(
        error.option_name, [name for param in params for name in (*param.opts, *param.secondary_opts)]
    )
    return error.message + (f" {did_you_mean(error.option_name, near)}" if near else "")
