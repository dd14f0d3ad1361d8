"""`zoo info`: what something is made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.arguments import NAME
from zoo.cli.output import json_option, plain, print_table
from zoo.errors import counted, rounded
from zoo.generators.measures import better
from zoo.plugins.describe import component_facts
from zoo.system.paths import given_path
from zoo.system.terminal import echo, echo_json, echo_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.generators.folder import GeneratorFolder


@click.command(short_help="Say what a name, folder or file is made of.")
@click.argument("name", type=NAME)
@json_option
def info(name: str, as_json: bool) -> None:
    """Say what NAME is made of: a recipe, a component, a run, a generator folder, an .onnx file or OWNER/NAME."""
    path = given_path(name, "NAME", needed=True)
    facts = _generator_facts(path) or _file_facts(path) or _named_facts(name)
    if as_json:
        echo_json(facts)
        return
    for key, value in facts.items():
        if key == "fields":
            print_table("fields", ((field, _field_line(row)) for field, row in value.items()))
        elif key == "text":
            echo_lines(f"\n{value.rstrip()}")
        else:
            _print_fact(key, value)


def _print_fact(key: str, value: Any, indent: str = "") -> None:
    """Print a fact: lists of plain values on one line, tables and lists of them below their name, one value a line."""
    if isinstance(value, dict) and value:
        echo(f"{indent}{key}")
        for name, inner in value.items():
            _print_fact(name, inner, indent + "  ")
    elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        for index, entry in enumerate(value):
            _print_fact(f"{key}.{index}", entry, indent)
    elif isinstance(value, list):
        echo(_line(key, ", ".join(map(plain, value)) or "none", indent))
    else:
        echo(_line(key, "none" if value in (None, {}) else plain(value), indent))


def _line(key: str, text: str, indent: str) -> str:
    return f"{indent}{key:{32 - len(indent)}} {text}" if indent else f"{key}: {text}"


def _generator_facts(path: Path) -> dict[str, Any] | None:
    from zoo.runs.folder import generator_folder, refuse_starting

    refuse_starting(path)
    folder = generator_folder(path) if path.is_dir() else None
    if folder is None:
        return None
    return {"generator": str(folder.path), **folder.config.model_dump(mode="json")}


def _file_facts(path: Path) -> dict[str, Any] | None:
    """Return what a plugin says about a file."""
    from zoo.plugins.manager import plugins

    if not path.exists() or path.is_dir():
        return None
    for facts in plugins().call("zoo_describe_file", _copied, path=path):
        if facts is not None:
            return {"file": str(path), **facts}
    return None


def _named_facts(name: str) -> dict[str, Any]:
    """Return what a plugin says about a name, or what is registered under it."""
    from zoo.plugins.manager import plugins

    for facts in plugins().call("zoo_describe_name", _copied, name=name):
        if facts is not None:
            return facts
    return _bundled_facts(name) or _registered_facts(name)


def _bundled_facts(name: str) -> dict[str, Any] | None:
    """Return the facts about a generator that comes with the package, and about the recipe of the same name."""
    from zoo.errors import UsageError
    from zoo.generators.bundled import bundled_folder
    from zoo.generators.folder import GeneratorFolder

    folder = bundled_folder(name)
    if folder is None:
        return None
    try:
        recipe = _registered_facts(name)
    except UsageError:
        return _generator_facts(folder)
    text = recipe.pop("text", "")
    return {**recipe, "pretrained generator": _in_short(GeneratorFolder.open(folder)), "text": text}


def _in_short(folder: GeneratorFolder) -> dict[str, Any]:
    training, data = folder.config.training, folder.config.data
    return {
        "use": f"zoo generate {folder.path.name}",
        "folder": str(folder.path),
        "images": f"{data.images} from {data.source}; licence: {data.licence}",
        "trained": f"{counted(training.step, 'step')}, seed {training.seed}, {training.seconds:.0f} s on "
        f"{training.hardware}",
        "command": training.command,
        "figure": None if training.value is None else f"{training.metric} {rounded(training.value)}",
        "better": better(training.higher_is_better),
        "protocol": training.protocol,
        "bytes": folder.size,
    }


def _copied(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if facts is None else dict(facts)


def _registered_facts(name: str) -> dict[str, Any]:
    from zoo.errors import InputError, UsageError, did_you_mean
    from zoo.plugins.collect import load_registry
    from zoo.plugins.registry import KINDS

    registry = load_registry()
    recipes = registry.recipes()
    if name in recipes:
        facts = {"recipe": name, "provider": recipes[name].provider.model_dump()}
        return {**facts, **_recipe_facts(recipes[name].path)}
    for kind in KINDS:
        if name in registry.names(kind):
            return component_facts(kind, registry.entries(kind)[name])
    if Path(name).suffix == ".toml":
        return _recipe_facts(Path(name))
    if Path(name).exists():
        raise InputError(f"{name}: it is neither a run nor a generator folder. Give one of these, or a name")
    known = [*recipes, *(known for kind in KINDS for known in registry.names(kind))]
    raise UsageError(
        f"{name}: there is no such recipe, component, run or generator. {did_you_mean(name, known)}"
    )


def _recipe_facts(path: Path) -> dict[str, Any]:
    from zoo.plugins.planning import load_plan

    plan = load_plan(path)
    critic, generator = plan.architecture.parameter_counts
    return {
        "summary": plan.recipe.summary,
        "file": str(path),
        "image_shape": list(plan.architecture.image_shape),
        "parameters": {"critic": critic, "generator": generator},
        "text": path.read_text("utf-8"),
    }


def _field_line(row: dict[str, Any]) -> str:
    default = f" = {plain(row['default'])}" if "default" in row else " (required)"
    return f"{row['type']}{default}  {row['help']}"
