"""README and docs cannot rot: their commands parse, their links lead somewhere, and nothing there is goes unsaid."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from typing import TYPE_CHECKING

import click
import pytest
from pydantic_core import PydanticUndefined

from tests.support.documents import EVERYTHING, PAGES, README, ROOT
from zoo import hookspecs
from zoo.cli.main import cli
from zoo.errors import ZooError
from zoo.plugins.collect import load_registry
from zoo.plugins.manager import plugins
from zoo.plugins.registry import KINDS
from zoo.recipes.recipe import Training

if TYPE_CHECKING:
    from collections.abc import Iterator


COMMANDS = [words for page in PAGES.values() for words in page.commands()]
SPANS = sorted({span for page in PAGES.values() for span in page.spans})
PACKAGES = ("zoo", "plugins", "export", "hub")


def root() -> click.Group:
    for _, add in plugins().implementations("zoo_register_commands"):
        add(cli=cli)
    return cli


def walk(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield each command by all of its words (`zoo hub serve`)."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from walk(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def resolved(words: list[str]) -> tuple[str, click.Command, list[str]]:
    """Return the command that words name, and what is left of them."""
    command: click.Command = root()
    name, rest = "zoo", list(words)
    while isinstance(command, click.Group):
        assert rest, words
        name = f"{name} {rest[0]}"
        assert rest[0] in command.commands, f"there is no {name}"
        command = command.commands[rest.pop(0)]
    return name, command, rest


def options(command: click.Command) -> set[str]:
    """Return a command's long options, without those that every one of its kind has."""
    found = {text for option in command.params if isinstance(option, click.Option)
             for text in (*option.opts, *option.secondary_opts)}  # fmt: skip
    return {text for text in found if text.startswith("--")} - {"--help", "--json"}


def table(*titles: str) -> list[str]:
    """Return the first cells below each table with these titles, on all pages."""
    return [
        row[0]
        for page in PAGES.values()
        for head, rows in page.tables
        if head == list(titles)
        for row in rows
    ]


def every(pattern: str, *folders: str) -> set[str]:
    """Return all that a pattern finds in the source files of some folders."""
    files = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return {found for path in files for found in re.findall(pattern, path.read_text("utf-8"))}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_in_a_block_parses(words: list[str]) -> None:
    name, command, arguments = resolved(words)

    with command.make_context(name, arguments):
        pass


@pytest.mark.parametrize("span", [span for span in SPANS if span.startswith("zoo ")])
def test_every_command_in_a_sentence_is_one(span: str) -> None:
    words = span.split()[1:]
    if words[0].startswith("-"):
        assert words[0] in {"--help", *(text for option in root().params for text in option.opts)}
        return
    if words[0] == "COMMAND":
        return
    _, command, rest = resolved(words)
    named = set(re.findall(r"--[a-z][a-z0-9-]*", " ".join(rest)))

    assert named <= options(command) | {"--help", "--json"}


def test_the_readme_has_the_two_commands_that_do_all_the_set_up() -> None:
    venv = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e"
    first = next(line for line in README.text.splitlines() if "python -m pytest" in line)

    assert f'{venv} ".[train]" && zoo train camel-wgangp --minutes 4' in README.text
    assert first == f'{venv} ".[dev]" && python -m pytest -n auto'


@pytest.mark.parametrize(("name", "command"), list(walk(root(), "zoo")), ids=lambda value: str(value))
def test_every_command_and_option_stands_in_a_table(name: str, command: click.Command) -> None:
    cells = [cell for cell in table("command", "does") if re.search(rf"`{name}[ `]", cell)]

    assert len(cells) == 1, "one line, on one page"
    missing = {option for option in options(command) if not re.search(rf"{option}\b", cells[0])}
    assert not missing


def test_every_exit_code_stands_in_a_table() -> None:
    def below(error: type[ZooError]) -> set[type[ZooError]]:
        return {error}.union(*(below(kind) for kind in error.__subclasses__()))

    codes = {error.exit_code for error in below(ZooError)} | {0, 130, 143}
    told = [int(code) for cell in table("exit code", "means") for code in cell.split(",")]

    assert sorted(told) == sorted(codes)


def test_every_hook_is_described() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("zoo_")]

    assert len(hooks) == 24
    assert [hook for hook in hooks if hook not in EVERYTHING] == []
    assert set(re.findall(r"\bzoo_(?:register|run|step|checkpoint)_\w+", EVERYTHING)) <= set(hooks)


def test_every_recipe_and_component_is_named() -> None:
    registry = load_registry()
    names = [*registry.recipes(), *(name for kind in KINDS for name in registry.names(kind))]

    assert [name for name in names if name not in SPANS] == []


def test_every_package_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needs = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    packages = {re.split(r"[\[><=; ]", need)[0] for need in needs} - {project["name"]}
    said = [name for cell in table("package", "for") for name in cell.partition(" (")[0].split(", ")]

    assert sorted(said) == sorted(packages - {"onnxruntime"}), "which stands beside onnxruntime-gpu"


def test_every_variable_of_the_environment_is_described_and_no_other() -> None:
    there = every(r"\bZOO_[A-Z_]*[A-Z]\b", *PACKAGES, "tests")

    assert there
    assert set(re.findall(r"\bZOO_[A-Z_]*[A-Z]\b", EVERYTHING)) == there


def test_every_field_of_a_training_is_in_the_table_with_its_default() -> None:
    page = PAGES["docs/training.md"]
    (rows,) = (rows for head, rows in page.tables if head[0] == "field of `[training]`")
    fields = {name: field.default for name, field in Training.model_fields.items()}

    assert {row[0].strip("`") for row in rows} == set(fields)
    for name, default, _ in rows:
        assert default == (
            "" if fields[name.strip("`")] is PydanticUndefined else str(fields[name.strip("`")])
        )
