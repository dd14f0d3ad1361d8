"""Other people's broken plugins break nothing: each is left out with one warning line and a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.other_plugins import LOSS

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins, Ran

pytest_plugins = ["tests.support.cli_fixtures"]

HOOK = "from zoo.hookspecs import hookimpl\n@hookimpl\n"
BROKEN = {
    "zoo-absent": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "zoo-argument": (
        f"{HOOK}def zoo_register_losses(registry): return []",
        "PluginValidationError: Plugin 'zoo-argument:zoo:argument' for hook 'zoo_register_losses' hookimpl definition: "
        "zoo_register_losses(registry) Argument(s) {'registry'} are declared in the hookimpl but can not be found in "
        "the hookspec",
    ),
    "zoo-exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "zoo-exit-later": (
        f"import sys\n{HOOK}def zoo_register_recipes(): sys.exit('no licence')",
        "SystemExit: no licence",
    ),
    "zoo-grammar": ("def (", "SyntaxError: invalid syntax (zoo_grammar.py, line 1)"),
    "zoo-hookless": (
        "def zoo_register_losses(): return []",
        "TypeError: it has no hook. Mark its functions with `from zoo.hookspecs import hookimpl`",
    ),
    "zoo-lines": (r"raise ImportError('first\nsecond\n' + 'x' * 999)", "ImportError: first second …"),
    "zoo-linked": (
        LOSS.replace("NAME", 'linked"; paper = "[1](http://x)'),
        "TypeError: Mine has the paper '[1](http://x)', which config.json cannot hold",
    ),
    "zoo-misspelt": (
        f"{HOOK}def zoo_register_loses(): return []",
        "TypeError: there is no hook 'zoo_register_loses'. Did you mean 'zoo_register_losses'?",
    ),
    "zoo-nameless": (LOSS.replace('name = "NAME"', "pass"), "TypeError: Mine has no `name: ClassVar[str]`"),
    "zoo-misnamed": (
        LOSS.replace('"NAME"', '"os:system"'),
        "TypeError: Mine has the name 'os:system', which config.json cannot hold",
    ),
    "zoo-no-class": (
        f"{HOOK}def zoo_register_losses(): return [42]",
        "TypeError: 42 is no finished Loss class",
    ),
    "zoo-no-file": (
        f"from pathlib import Path\n{HOOK}def zoo_register_recipes(): return [Path('gone.toml')]",
        "TypeError: PosixPath('gone.toml') is no pathlib.Path of a recipe file",
    ),
    "zoo-no-list": (
        f"{HOOK}def zoo_register_losses(): pass",
        "TypeError: zoo_register_losses returned None, which is no list",
    ),
    "zoo-raises": (f"{HOOK}def zoo_register_losses(): return 1 / 0", "ZeroDivisionError: division by zero"),
    "zoo-unfinished": (
        LOSS.replace("Loss", "Metric").replace("losses", "metrics"),
        "TypeError: <class 'zoo_unfinished.Mine'> is no finished Metric class",
    ),
}


def rows(ran: Ran) -> dict[str, dict[str, object]]:
    return {row["distribution"]: row for row in json.loads(ran.out) if row["distribution"] != "gan-model-zoo"}


def left_out(name: str, reason: str) -> str:
    return (
        f"plugin {name.removeprefix('zoo-')} of {name} 1.0 is left out: {reason}. "
        f"Mend it, uninstall it, or set ZOO_DISABLE={name}"
    )


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_left_out_with_its_reason(name: str, others: Plugins, zoo: Zoo) -> None:
    code, reason = BROKEN[name]
    others.add(name, code)
    others.add("zoo-good", LOSS.replace("NAME", "good"))

    listed = zoo("list", "--json")

    assert listed.code == 0
    assert listed.err == f"zoo: warning: {left_out(name, reason)}\n"
    assert {"good", "bce"} <= set(json.loads(listed.out)["components"]["loss"])
    shown = rows(zoo("plugins", "--json"))
    assert shown["zoo-good"]["status"] == "loaded"
    assert shown[name] == {
        "name": name.removeprefix("zoo-"),
        "distribution": name,
        "version": "1.0",
        "group": "zoo",
        "status": "failed",
        "reason": reason,
        "hooks": [],
    }
    assert next(line for line in zoo("plugins").out.splitlines() if f" {name} " in line).endswith(reason)


def test_in_a_process_of_their_own_they_break_nothing_either(others: Plugins) -> None:
    for name, (code, _) in BROKEN.items():
        others.add(name, code)

    ran = others.process("list", "--json")

    assert ran.code == 0
    assert sorted(ran.err.splitlines()) == sorted(
        f"zoo: warning: {left_out(name, reason)}" for name, (_, reason) in BROKEN.items()
    )
    assert "camel-wgangp" in json.loads(ran.out)["recipes"]


def test_what_a_plugin_prints_is_kept_out_of_the_result(others: Plugins, zoo: Zoo) -> None:
    shouting = LOSS.replace("NAME", "loud").replace("return [Mine]", "print('registered'); return [Mine]")
    others.add("zoo-loud", f"print('imported')\n{shouting}")

    ran = zoo("plugins", "--json")

    assert (ran.code, ran.err) == (0, "imported\nregistered\n")
    assert rows(ran)["zoo-loud"]["status"] == "loaded"


def test_a_plugin_that_fails_halfway_brings_nothing(others: Plugins, zoo: Zoo) -> None:
    others.add(
        "zoo-half", LOSS.replace("NAME", "half") + "@hookimpl\ndef zoo_register_metrics(): return [1]\n"
    )

    ran = zoo("list", "--json")

    assert ran.warnings == [left_out("zoo-half", "TypeError: 1 is no finished Metric class")]
    assert "half" not in json.loads(ran.out)["components"]["loss"]


@pytest.mark.parametrize("word", ["zoo-mine", "mine", "Zoo_Mine", "other, zoo-mine"])
def test_a_disabled_plugin_is_not_even_imported(
    word: str, others: Plugins, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    others.add("zoo-mine", "raise RuntimeError('imported')")
    monkeypatch.setenv("ZOO_DISABLE", word)

    ran = zoo("plugins", "--json")

    assert (ran.code, ran.err) == (0, "")
    row = rows(ran)["zoo-mine"]
    assert (row["status"], row["reason"]) == ("disabled", "ZOO_DISABLE names it")


def test_two_distributions_may_name_their_entry_points_alike(others: Plugins, zoo: Zoo) -> None:
    for name in ("one", "two"):
        others.add(f"zoo-{name}", LOSS.replace("NAME", name))
        points = others.folder / f"zoo_{name}-1.0.dist-info" / "entry_points.txt"
        points.write_text(f"[zoo]\nplugin = zoo_{name}\n")

    ran = zoo("list", "--json")

    assert (ran.code, ran.err) == (0, "")
    assert {"one", "two"} <= set(json.loads(ran.out)["components"]["loss"])


def test_a_recipe_that_cannot_be_read_spoils_no_list(others: Plugins, zoo: Zoo) -> None:
    bad = others.folder / "bad.toml"
    bad.write_text("name = ")
    others.add(
        "zoo-bad", f"from pathlib import Path\n{HOOK}def zoo_register_recipes(): return [Path({str(bad)!r})]"
    )

    ran = zoo("list", "--json")

    assert (ran.code, ran.err) == (0, "")
    summary = json.loads(ran.out)["recipes"]["bad"]
    assert summary == f"({bad}: it is not TOML: Invalid value (at end of document). Mend that)"


NAMING = """
from zoo.hookspecs import hookimpl

@hookimpl
def zoo_describe_name():
    return BODY

@hookimpl
def zoo_find_generators(search):
    return BODY
"""


def test_a_hook_may_take_fewer_arguments_than_it_is_given(
    others: Plugins, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo_hub.catalogue.find", lambda _owner, _search: [])
    body = NAMING.replace("return BODY", "return {'a': 1}", 1).replace("BODY", "[{'name': search}]")
    others.add("zoo-brief", body, group="zoo.commands")

    assert json.loads(zoo("info", "anything", "--json").out) == {"a": 1}
    assert json.loads(zoo("list", "--hub", "--search", "camel", "--json").out) == [{"name": "camel"}]


@pytest.mark.parametrize("body", ["1 / 0", "[3]"])
def test_a_naming_plugin_that_fails_is_left_out(
    body: str, others: Plugins, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo_hub.catalogue.find", lambda _owner, _search: [{"name": "me/camel"}])
    others.add("zoo-shaky", NAMING.replace("BODY", body), group="zoo.commands")
    listed = zoo("list", "--hub", "--json")

    assert (listed.code, json.loads(listed.out)) == (0, [{"name": "me/camel"}])
    (warning,) = listed.warnings
    assert warning.startswith("plugin shaky of zoo-shaky 1.0 is left out: ")
    assert warning.endswith(". Mend it, uninstall it, or set ZOO_DISABLE=zoo-shaky")


def test_what_fails_to_describe_a_name_hides_no_recipe(others: Plugins, zoo: Zoo) -> None:
    others.add("zoo-shaky", NAMING.replace("BODY", "1 / 0"), group="zoo.commands")
    described = zoo("info", "camel-gan")

    assert (described.code, len(described.warnings)) == (0, 1)
    assert described.out.startswith("recipe: camel-gan\n")
