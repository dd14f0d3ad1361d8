"""The command `zoo` itself: its options, and from an error to a line and an exit code."""

from __future__ import annotations

import io
import logging
import sys
import traceback

import click

from zoo.__about__ import EXTRAS, __version__
from zoo.cli.compare import compare
from zoo.cli.doctor import doctor
from zoo.cli.evaluate import evaluate
from zoo.cli.group import CommandGroup, unknown_option
from zoo.cli.info import info
from zoo.cli.list import list_
from zoo.cli.plugins import plugins_
from zoo.cli.report import diagnose, report
from zoo.cli.runs import runs
from zoo.cli.streams import ReaderGoneError, end_now, take_streams
from zoo.cli.train import resume, train
from zoo.distributed.torchrun import ending_at_once, follows, this_rank
from zoo.errors import ZooError, is_memory_error
from zoo.system.console import silence
from zoo.system.signals import arrived, exit_code, ignore_signals, raise_on_signals
from zoo.system.terminal import escape

ALONE = (["train"], ["resume"])
"""Commands that hold a run folder, or are refused it, before they look for plugins."""


@click.group(
    cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="zoo")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train GANs from recipes, export the generator to ONNX, publish it, make pictures."""


for command in (train, resume, runs, evaluate, report, diagnose, compare, list_, info, plugins_, doctor):
    cli.add_command(command)


def main() -> None:
    """Run the command line; errors become one line on stderr and an exit code."""
    owned = take_streams()
    try:
        _main()
    except SystemExit as ended:
        if owned:
            end_now(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
        raise


@ending_at_once()
def _main() -> None:
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    raise_on_signals()
    # Where it keeps its cache of fonts, in a home that cannot be written, is not for who looks at a run.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    # What its encoding cannot hold is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if follows():
        silence()
    try:
        words = [word for word in arguments if word != "--debug"]
        if words[:1] not in ALONE:
            _add_plugin_commands()
        code = _run(words)
        sys.stdout.flush()
    except ReaderGoneError:
        code = 0  # that is their right
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            print(escape(traceback.format_exc(), keep="\n"), file=sys.stderr, end="")
        # Raised inside an import, a signal's exception may come out as another.
        ended_by_it = arrived and not isinstance(error, KeyboardInterrupt)
        message, code = _explained(KeyboardInterrupt() if ended_by_it else error)
        _complain(escape(" ".join(message.split())), error)
    except SystemExit:
        ignore_signals()
        raise
    ignore_signals()
    sys.exit(code)


def _complain(message: str, error: BaseException) -> None:
    """Print the line; of ranks that train together each says its own, but what all were given wrongly, only one."""
    here = this_rank()
    if here is None or here.rank == 0:
        print(f"zoo: error: {message}", file=sys.stderr)
    elif not isinstance(error, click.UsageError):
        print(f"zoo: error: rank {here.rank}: {message}", file=sys.stderr)


def _run(arguments: list[str]) -> int:
    """Run the command; click's own `main` would end the process itself where a pipe breaks."""
    try:
        with cli.make_context("zoo", arguments) as context:
            cli.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return 0


def _explained(error: BaseException) -> tuple[str, int]:
    """Return the line for people and the exit code."""
    if isinstance(error, ZooError):
        return str(error), error.exit_code
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else _command_path(sys.argv[1:])
        message = _unknown_option(error) if isinstance(error, click.NoSuchOption) else error.format_message()
        message = message.rstrip(".")
        refused = isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)
        return f"{message}{'' if message.endswith('?') else '.'} See `{path} --help`", 3 if refused else 2
    if isinstance(error, click.ClickException):
        return error.format_message(), 3
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        said = str(error) or "nothing is left half-written. Run it again when you like"
        return f"interrupted: {said}", exit_code()
    if is_memory_error(error):
        return f"memory: there is not enough of it. {_memory_advice(sys.argv[1:])}", 5
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if missing in EXTRAS:
        install = f'pip install "gan-model-zoo[{EXTRAS[missing]}]"'
        return f"{missing} is not installed, and this needs it. Run {install}", 3
    return (
        f"{type(error).__name__}: {error}. This is a fault of the zoo or of a plugin; --debug shows where",
        1,
    )


def _unknown_option(error: click.NoSuchOption) -> str:
    _add_plugin_commands()  # a command that runs alone has not, and theirs may be the one that has the option
    return unknown_option(error)


def _command_path(arguments: list[str]) -> str:
    """Return the command that was given, for an error of click's parser, which does not say whose it is."""
    path: list[str] = ["zoo"]
    command: click.Command = cli
    for word in (word for word in arguments if word != "--debug"):
        below = command.commands.get(word) if isinstance(command, click.Group) else None
        if below is None:
            break
        path.append(word)
        command = below
    return " ".join(path)


def _memory_advice(arguments: list[str]) -> str:
    """Return what to do about it in the command that was given."""
    command = next((word for word in arguments if not word.startswith("-")), None)
    if command in ("train", "resume"):
        return "Use a smaller batch, as with --set training.batch_size=16"
    if command == "generate":
        return "Make fewer pictures at once, as with --batch 8, or write them to a .npy"
    return "Free some, or give a smaller file"


def _add_plugin_commands() -> None:
    from zoo.plugins.manager import plugins

    for plugin, function in plugins().implementations("zoo_register_commands"):
        with plugins().tolerant(plugin):
            own = click.Group()
            function(cli=own)
            for name, added in own.commands.items():
                if cli.commands.get(name, added) is not added:
                    raise ValueError(f"there is a command {name!r} already")
            cli.commands.update(own.commands)
