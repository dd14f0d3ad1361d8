"""What broken installations leave behind: it is named in one line where it is a plugin's, and spoils nothing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zoo as library
from tests.support.other_plugins import LOSS
from zoo.plugins.installed import entry_points, installed_version
from zoo.runs.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

DAMAGED = "ImportError: its METADATA is missing or damaged, as after an installation that was broken off"
UNREADABLE = "ImportError: its entry_points.txt cannot be read"
POINT = "[zoo]\nghost = zoo_ghost\n"
METADATA = "Metadata-Version: 2.1\nName: zoo-ghost\nVersion: 1.0\n"
LEFT: dict[str, tuple[dict[str, bytes], str | None]] = {
    "no METADATA": ({"entry_points.txt": POINT.encode()}, DAMAGED),
    "nothing in METADATA": ({"entry_points.txt": POINT.encode(), "METADATA": b""}, DAMAGED),
    "no version": (
        {"entry_points.txt": POINT.encode(), "METADATA": b"Metadata-Version: 2.1\nName: zoo-ghost\n"},
        DAMAGED,
    ),
    "METADATA is no text": (
        {"entry_points.txt": POINT.encode(), "METADATA": METADATA.encode() + b"Summary: \xff\xfe\n"},
        DAMAGED,
    ),
    "METADATA is a folder": ({"entry_points.txt": POINT.encode(), "METADATA/x": b""}, DAMAGED),
    "no equals sign": (
        {"entry_points.txt": b"[zoo]\nghost\n", "METADATA": METADATA.encode()},
        f"{UNREADABLE} (TypeError)",
    ),
    "no text": (
        {"entry_points.txt": POINT.encode() + b"\xff\xfe = x\n", "METADATA": METADATA.encode()},
        f"{UNREADABLE} (UnicodeDecodeError)",
    ),
    "no module": (
        {"entry_points.txt": b"[zoo]\nghost = ..!\n", "METADATA": METADATA.encode()},
        "ImportError: its entry point names '..!', which is no module",
    ),
    "no name at all": (
        {"entry_points.txt": b"[zoo]\nghost =\n", "METADATA": METADATA.encode()},
        "ImportError: its entry point names '', which is no module",
    ),
    "no such attribute": (
        {"entry_points.txt": b"[zoo]\nghost = json:nothing\n", "METADATA": METADATA.encode()},
        "AttributeError: module 'json' has no attribute 'nothing'",
    ),
    "no entry points": ({"RECORD": b""}, None),
    "somebody else's bytes": ({"entry_points.txt": b"[console_scripts]\n\xff\xfe = x\n"}, None),
    "somebody else's line": ({"entry_points.txt": b"[console_scripts]\nfoo\n"}, None),
    "entry points that are a folder": ({"entry_points.txt/x": b""}, None),
}


def leave(folder: Path, files: dict[str, bytes], name: str = "zoo_ghost-1.0.dist-info") -> None:
    for file, data in files.items():
        path = folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_of_a_plugin_is_named_and_nothing_else_suffers(
    what: str, others: Plugins, zoo: Zoo
) -> None:
    files, reason = LEFT[what]
    leave(others.folder, files)
    others.add("zoo-good", LOSS.replace("NAME", "good"))

    listed = zoo("plugins", "--json")

    assert listed.code == 0
    rows = {row["distribution"]: row for row in json.loads(listed.out)}
    assert rows["zoo-good"]["status"] == "loaded"
    if reason is None:
        assert listed.err == ""
        assert "zoo-ghost" not in rows
        return
    assert (rows["zoo-ghost"]["status"], rows["zoo-ghost"]["reason"]) == ("failed", reason)
    (warning,) = listed.warnings
    assert warning.endswith(
        f"of zoo-ghost 1.0 is left out: {reason}. Mend it, uninstall it, or set ZOO_DISABLE=zoo-ghost"
    )


@pytest.mark.parametrize("group", ["zoo", "zoo.commands"])
@pytest.mark.parametrize("arguments", [["--help"], ["plugins"], ["list"], ["doctor"], ["info", "bce"]])
def test_every_command_goes_on(group: str, arguments: list[str], others: Plugins, zoo: Zoo) -> None:
    leave(others.folder, {"entry_points.txt": POINT.replace("[zoo]", f"[{group}]").encode()})

    ran = zoo(*arguments)

    assert ran.code == 0
    told = group == "zoo.commands" or arguments != ["--help"]
    assert [DAMAGED in warning for warning in ran.warnings] == [True] * told


def test_loading_and_training_go_on(others: Plugins, tiny: Path, tmp_path: Path) -> None:
    for name in (
        "zoo_ghost-1.0.dist-info",
        "torch-9.dist-info",
        "numpy-9.dist-info",
        "gan_model_zoo-9.dist-info",
    ):
        leave(others.folder, {"entry_points.txt": POINT.encode()}, name)

    run = library.train(str(tiny), steps=1, out=tmp_path / "run")

    assert library.load(run).sample(1).shape == (1, 28, 28)
    assert read_record(run).versions["numpy"] == np.__version__


def test_it_can_be_turned_off(others: Plugins, zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(others.folder, {"entry_points.txt": POINT.encode()})
    monkeypatch.setenv("ZOO_DISABLE", "zoo-ghost")

    assert zoo("list").err == ""


def test_what_an_upgrade_left_gives_way_to_what_it_installed(others: Plugins, zoo: Zoo) -> None:
    leave(others.folder, {"entry_points.txt": POINT.encode()}, "zoo_ghost-0.9.dist-info")
    others.add("zoo-ghost", LOSS.replace("NAME", "good"))

    ran = zoo("plugins", "--json")

    assert ran.err == ""
    rows = [row for row in json.loads(ran.out) if row["distribution"] == "zoo-ghost"]
    assert [(row["version"], row["status"]) for row in rows] == [("1.0", "loaded")]


def test_of_two_of_one_name_the_first_on_the_path_counts(
    others: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others.add("zoo-twice", LOSS.replace("NAME", "old"), version="1.0")
    first = tmp_path / "first"
    leave(
        first,
        {"METADATA": METADATA.replace("zoo-ghost", "zoo-twice").replace("1.0", "2.0").encode()},
        "zoo_twice-2.0.dist-info",
    )
    monkeypatch.syspath_prepend(first)

    assert [point for point in entry_points("zoo") if point.distribution == "zoo-twice"] == []
    assert installed_version("zoo-twice") == "2.0"


def test_a_finder_that_fails_hides_no_built_in(
    others: Plugins, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finder:
        @staticmethod
        def find_spec(*_: Any) -> None:
            return None

        @staticmethod
        def find_distributions(*_: Any) -> Any:
            raise OSError("gone")

    others.add("zoo-good", LOSS.replace("NAME", "good"))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])

    ran = zoo("list", "--json")

    assert ran.code == 0
    assert set(ran.warnings) == {"plugins: not all installed packages can be listed: OSError: gone"}
    assert {"good", "bce"} <= set(json.loads(ran.out)["components"]["loss"])


STUBBORN = {
    "zoo-bare": ("raise BaseException('bare')", "BaseException: bare"),
    "zoo-mute": (
        "class Mute(Exception):\n    def __str__(self): raise RuntimeError\nraise Mute",
        "Mute",
    ),
}


@pytest.mark.parametrize("name", STUBBORN)
def test_whatever_a_plugin_raises_is_its_own(name: str, others: Plugins, zoo: Zoo) -> None:
    code, reason = STUBBORN[name]
    others.add(name, code)

    ran = zoo("list")

    assert ran.code == 0
    assert [f"is left out: {reason}." in warning for warning in ran.warnings] == [True]


def test_ctrl_c_while_a_plugin_is_imported_ends_the_command(others: Plugins, zoo: Zoo) -> None:
    others.add("zoo-slow", "raise KeyboardInterrupt")

    assert zoo("list").code == 130
