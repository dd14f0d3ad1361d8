"""The README cannot rot: its commands parse, its files exist, its hooks are all there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

import zoo
from zoo import hookspecs
from zoo.cli.main import cli
from zoo.plugins.collect import load_registry
from zoo.plugins.manager import plugins

ROOT = Path(zoo.__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    words
    for block in BLOCKS
    for line in block.splitlines()
    for part in line.split("&&")
    if (words := shlex.split(part, comments=True)) and words[0] == "zoo"
]


def all_commands() -> click.Group:
    for _, add in plugins().calls("zoo_register_commands"):
        add(cli=cli)
    return cli


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_in_the_readme_is_one(words: list[str]) -> None:
    name, *arguments = words[1:]
    command = all_commands().commands[name]

    with command.make_context(name, arguments):
        pass


def test_the_readme_has_the_two_commands_that_do_all_the_set_up() -> None:
    venv = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e"

    assert f'{venv} ".[train]" && zoo train camel-wgangp --steps 300' in README
    assert f'{venv} ".[dev]" && python -m pytest' in README


def test_every_command_there_is_stands_in_the_readme() -> None:
    table = README.partition("## Commands")[2].partition("## Write a plugin")[0]
    for name, command in all_commands().commands.items():
        assert f"`zoo {name}" in table, name
        # The line of a command may end before another begins.
        line = next(line for line in table.splitlines() if f"`zoo {name}" in line)
        for option in command.params:
            if (
                isinstance(option, click.Option)
                and "--help" not in option.opts
                and "--json" not in option.opts
            ):
                assert option.opts[0] in line, f"zoo {name} {option.opts[0]}"


def test_every_hook_stands_in_the_readme() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("zoo_")]

    assert len(hooks) == 17
    assert all(f"`{hook}`" in README for hook in hooks)


def test_every_recipe_stands_in_the_readme() -> None:
    assert all(f"`{name}`" in README for name in load_registry().recipes())


def test_the_tree_names_every_module_of_the_core_and_nothing_else() -> None:
    tree = README.partition("## The tree")[2].partition("## Design")[0]
    named = set(re.findall(r"\b(\w+\.py)\b", tree))
    there = {path.name for path in (ROOT / "zoo").glob("*.py")} - {"__init__.py", "__main__.py"}

    assert named == there


def test_linked_files_exist() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", ["pyproject.toml", "zoo_hinge.py"])
def test_the_plugin_in_the_readme_is_the_one_that_is_tested(name: str) -> None:
    assert (ROOT / "tests" / "sample_plugin" / name).read_text("utf-8") in README
