"""`zoo list`, `zoo info` and `zoo plugins`: what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.plugins.describe import component_facts, first_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.plugins.registry import Entry, Registry

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("list")
@click.argument("owner", required=False)
@click.option("--hub", is_flag=True, help="List published generators instead, of OWNER or of everybody.")
@click.option("--search", metavar="WORDS", help="With --hub: whose names hold these words.")
@_json
def list_(owner: str | None, hub: bool, search: str | None, as_json: bool) -> None:
    """List the recipes, the components, and the runs here; or what is published."""
    if hub:
        from zoo.cli.published import list_published

        list_published(owner, search, as_json)
        return
    if owner or search:
        raise click.UsageError("OWNER and --search go with --hub")
    from zoo.plugins.collect import load_registry
    from zoo.plugins.registry import KINDS
    from zoo.runs.folder import is_run
    from zoo.runs.record import RUNS

    registry = load_registry()
    components = {kind: {name: _summary(e) for name, e in registry.entries(kind).items()} for kind in KINDS}
    recipes = {name: _recipe_summary(entry.path) for name, entry in registry.recipes().items()}
    runs = [str(path) for path in sorted(RUNS.glob("*")) if is_run(path)]
    if as_json:
        click.echo(json.dumps({"recipes": recipes, "components": components, "runs": runs}, indent=2))
        return
    _print_table("recipes", recipes.items())
    for kind, members in components.items():
        _print_table(kind, members.items())
    _print_table("runs here", ((run, "") for run in runs))


@click.command()
@click.argument("name")
@_json
def info(name: str, as_json: bool) -> None:
    """Say what NAME is made of: a recipe, a component, a run, a generator folder, an .onnx file or OWNER/NAME."""
    path = Path(name)
    facts = _generator_facts(path) or _file_facts(path) or _named_facts(name)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        if key == "fields":
            _print_table("fields", ((field, _field_line(row)) for field, row in value.items()))
        elif key == "text":
            click.echo(f"\n{value.rstrip()}")
        elif isinstance(value, dict):
            _print_table(key, ((inner, _plain(row)) for inner, row in value.items()))
        else:
            click.echo(f"{key}: {_plain(value)}")


@click.command("plugins")
@_json
def plugins_(as_json: bool) -> None:
    """List the plugins: where each comes from, how loading it went, which hooks it has."""
    from zoo.plugins.collect import load_registry
    from zoo.plugins.manager import plugins

    load_registry()
    infos = plugins().infos.values()
    if as_json:
        rows = [{**vars(row), "hooks": list(row.hooks)} for row in infos]
        click.echo(json.dumps(rows, indent=2))
        return
    for row in infos:
        hooks = ", ".join(hook.removeprefix("zoo_") for hook in row.hooks)
        click.echo(f"{row.name:40} {row.distribution} {row.version:8} {row.status:9} {row.reason or hooks}")


def _generator_facts(path: Path) -> dict[str, Any] | None:
    from zoo.generators.folder import read_config
    from zoo.runs.folder import generator_folder

    folder = generator_folder(path) if path.is_dir() else None
    if folder is None:
        return None
    return {"generator": str(folder), **read_config(folder).model_dump(mode="json")}


def _file_facts(path: Path) -> dict[str, Any] | None:
    """Return what a plugin says about a file."""
    from zoo.plugins.manager import plugins

    if not path.exists() or path.is_dir():
        return None
    for plugin, describe in plugins().calls("zoo_describe_file"):
        with plugins().tolerant(plugin):
            facts = describe(path=path)
            if facts is not None:
                return {"file": str(path), **facts}
    return None


def _named_facts(name: str) -> dict[str, Any]:
    """Return what a plugin says about a name, or what is registered under it."""
    from zoo.plugins.manager import plugins

    for _, describe in plugins().calls("zoo_describe_name"):
        facts = describe(name=name)
        if facts is not None:
            return dict(facts)
    return _registered_facts(name)


def _registered_facts(name: str) -> dict[str, Any]:
    from zoo.errors import InputError, UsageError, did_you_mean
    from zoo.plugins.collect import load_registry
    from zoo.plugins.registry import KINDS

    registry = load_registry()
    recipes = registry.recipes()
    if name in recipes:
        facts = {"recipe": name, "provider": recipes[name].provider.model_dump()}
        return {**facts, **_recipe_facts(registry, recipes[name].path)}
    for kind in KINDS:
        if name in registry.names(kind):
            return component_facts(kind, registry.entries(kind)[name])
    if Path(name).suffix == ".toml":
        return _recipe_facts(registry, Path(name))
    if Path(name).exists():
        raise InputError(f"{name}: it is neither a run nor a generator folder. Give one of these, or a name")
    known = [*recipes, *(known for kind in KINDS for known in registry.names(kind))]
    raise UsageError(
        f"{name}: there is no such recipe, component, run or generator. {did_you_mean(name, known)}"
    )


def _recipe_facts(registry: Registry, path: Path) -> dict[str, Any]:
    from zoo.plugins.planning import make_plan
    from zoo.recipes.recipe import read_recipe

    plan = make_plan(read_recipe(path), registry, path.name)
    critic, generator = plan.architecture.parameter_counts
    return {
        "summary": plan.recipe.summary,
        "file": str(path),
        "image_shape": list(plan.architecture.image_shape),
        "parameters": {"critic": critic, "generator": generator},
        "text": path.read_text("utf-8"),
    }


def _field_line(row: dict[str, Any]) -> str:
    default = f" = {_plain(row['default'])}" if "default" in row else " (required)"
    return f"{row['type']}{default}  {row['help']}"


def _summary(entry: Entry) -> str:
    return first_line(entry.component)


def _recipe_summary(path: Path) -> str:
    import tomllib

    try:
        return str(tomllib.loads(path.read_text("utf-8")).get("summary", ""))
    except (OSError, ValueError) as error:
        return f"({path}: it cannot be read: {error})"


def _plain(value: Any) -> str:
    return (
        json.dumps(value, ensure_ascii=False)
        if isinstance(value, (dict, list, bool)) or value is None
        else str(value)
    )


def _print_table(title: str, rows: Iterable[tuple[str, str]]) -> None:
    lines = [f"  {name:30} {text}".rstrip() for name, text in rows]
    if lines:
        click.echo("\n".join([f"{title}", *lines]))
