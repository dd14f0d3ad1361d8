"""What a stranger wrote reaches the terminal as text: nothing in it is obeyed, and nothing of it breaks the command."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.conftest import TINY
from tests.support.hub.folder import make_config, tiny_onnx
from tests.support.run_folders import bare_record
from zoo.generators.folder import GeneratorFolder
from zoo.system import console
from zoo.system.terminal import echo_json, escape, one_line

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli_fixtures import Plugins, Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.\u2066\u200f\u061c\x7f\x08\r\u2028"
"""A title, a cleared screen, C1, bidirectional marks, a deletion, and lines that begin anew."""
MARKUP = "[red]x[/blue] [link=http://evil]here[/link] :warning:"

NAME = MARKUP.replace("/", "-")


def obeyed(text: str) -> set[str]:
    """Return what a terminal would obey, but for the ends of lines."""
    return {character for character in text if escape(character) != character} - {"\n"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 日本語, é, 👩‍👩‍👧, 100 %", None),
        ("a\u00a0b", None),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066\u2069\u200e\u200f\u061c\ufeff", "\\u2066\\u2069\\u200e\\u200f\\u061c\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("a\udcffb", "a\\udcffb"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("a\u2028b\x85", "a\\u2028b\\x85"),
    ],
)
def test_what_is_escaped(text: str, shown: str | None) -> None:
    assert escape(text) == (text if shown is None else shown)
    assert escape(escape(text)) == escape(text)
    assert not obeyed(one_line(text))


def test_said_and_warned_of_in_one_line_without_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console.stderr.cache_clear()
    try:
        console.say(f"{EVIL}{MARKUP}\nzoo: error: forged")
        console.warn(f"{EVIL}{MARKUP}\nzoo: error: forged")
        with console.download_progress() as bar:
            bar.add_task(MARKUP, total=1)
            bar.refresh()
    finally:
        console.stderr.cache_clear()
    said = capsys.readouterr().err
    assert not obeyed(said)
    assert said.count("\n") == 2
    assert said.count(MARKUP) == 2


def test_json_stays_json_and_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    echo_json({EVIL: [EVIL, "\udcff", MARKUP], "n": float("nan")})
    out = capsys.readouterr().out
    assert json.loads(out) == {EVIL: [EVIL, "\udcff", MARKUP], "n": None}
    assert out.isascii()
    assert not obeyed(out)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_run_of_any_name_is_listed(zoo: Zoo, tmp_path: Path, as_json: bool) -> None:
    for name in (EVIL, NAME, os.fsdecode(b"\xff\xfe"), "two\nlines"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(bare_record(f"2026-01-01{EVIL}"))
        (tmp_path / f"{name}-broken").mkdir()
        (tmp_path / f"{name}-broken" / "run.json").write_text("{")
    ran = zoo("runs", tmp_path, *(["--json"] if as_json else []))
    assert ran.code == 0
    assert not obeyed(ran.out + ran.err)
    assert ran.err.count("\n") == 1, "one reason, of four"
    assert ran.err.count("-broken") == 4
    assert len(json.loads(ran.out)) == 4 if as_json else ran.out.count("\n") == 5


def test_lists_in_a_strangers_config_are_refused_or_escaped(zoo: Zoo, tmp_path: Path) -> None:
    folder = GeneratorFolder.write(tmp_path / "g", {"onnx/model.onnx": tiny_onnx(0)}, make_config()).path
    good = json.loads((folder / "config.json").read_bytes())
    for change in (
        {"papers": [EVIL]},
        {"recipe": "\u202egnp"},
        {"architecture": {**good["architecture"], "fields": {"widths": [[EVIL]]}}},
        {"files": {EVIL: {"sha256": "0" * 64, "size": 1}}},
    ):
        (folder / "config.json").write_text(json.dumps({**good, **change}))
        for command in ("info", "generate"):
            ran = zoo(command, folder)
            assert ran.code == 3
            assert "control character" in ran.error
            assert not obeyed(ran.out + ran.err)
    (folder / "config.json").write_text(json.dumps({**good, "papers": ["[red]x :warning:"]}))
    assert zoo("info", folder).code == 3


def test_members_of_a_zip(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("L", (28, 28)).save(picture, "PNG")
    for name, data in ((f"{EVIL}{MARKUP}\n.png", b"no picture"), ("good.png", picture.getvalue())):
        with zipfile.ZipFile(tmp_path / f"{NAME}.zip", "a") as archive:
            archive.writestr(name, data)
    ran = zoo(
        "train",
        tiny,
        "--steps",
        "1",
        "--data",
        next(tmp_path.glob("*.zip")),
        "--out",
        tmp_path / MARKUP.replace("/", ""),
    )
    assert ran.code == 0, ran.err
    assert not obeyed(ran.out + ran.err)
    assert ":warning:" in ran.err


def test_fields_of_a_recipe(zoo: Zoo, tmp_path: Path) -> None:
    for number, text in enumerate(
        (
            TINY.replace('name = "tiny"', f"name = {json.dumps(EVIL)}"),
            TINY.replace('name = "wasserstein"', f"name = {json.dumps(EVIL)}"),
            TINY.replace("steps = 4", f"steps = {json.dumps(EVIL)}"),
            TINY.replace("steps = 4", f"steps = 4\n{json.dumps(EVIL)} = 1"),
        )
    ):
        path = tmp_path / f"{number}\x1b[2J.toml"
        path.write_text(text)
        for command in ("info", "train"):
            ran = zoo(command, path)
            assert ran.code in (2, 3)
            assert not obeyed(ran.out + ran.err)
            assert ran.err.count("\n") == 1


def test_what_a_recipe_holds_is_shown_escaped(zoo: Zoo, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        f"{TINY}# \u202e\x9b31m comment\n".replace('summary = "A', f'summary = "{MARKUP} \u202eA')
    )
    ran = zoo("info", path)
    assert ran.code == 0
    assert not obeyed(ran.out)
    assert f"summary: {MARKUP} \\u202eA WGAN-GP" in ran.out


def test_what_a_plugin_says(zoo: Zoo, others: Plugins) -> None:
    others.add("zoo-evil", f"raise ValueError({EVIL + MARKUP!r})")
    for arguments in (["list"], ["plugins"], ["plugins", "--json"], ["doctor"]):
        ran = zoo(*arguments)
        assert not obeyed(ran.out + ran.err)
        assert "owned" in ran.out + ran.err
    ran = zoo("--debug", "train", EVIL)
    assert (ran.code, obeyed(ran.out + ran.err)) == (3, set())


def test_the_command_line_itself(zoo: Zoo) -> None:
    for arguments in (
        [EVIL],
        ["train", EVIL],
        ["generate", EVIL],
        ["info", EVIL],
        ["pull", EVIL],
        ["train", "--x" + EVIL],
    ):
        ran = zoo(*arguments)
        assert ran.code in (2, 3)
        assert not obeyed(ran.out + ran.err)
        assert ran.err.count("\n") == 1


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_a_terminal_of_any_encoding(tmp_path: Path, encoding: str) -> None:
    for name in ("日本語", os.fsdecode(b"\xff")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(bare_record("2026-01-01"))
    ran = subprocess.run(
        [sys.executable, "-m", "zoo", "runs", str(tmp_path)],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"\\udcff" in ran.stdout
