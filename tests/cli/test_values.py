"""Every argument and option, given a value that it refuses: the exit code is that of the table, and nothing is made."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
import pytest

import zoo as package
from zoo.cli.arguments import NameType, PathType
from zoo.cli.main import _add_plugin_commands, cli
from zoo.errors import (
    InputError,
    by_reason,
    counted,
    did_you_mean,
    joined,
    left_out,
    near_misses,
    quoted,
    some,
)
from zoo.runs.options import DEVICES, PRECISIONS, OnNan
from zoo.system.paths import refuse_missing_parent
from zoo.training.device import DeviceChoice, PrecisionChoice
from zoo_hub.names import hub_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

_add_plugin_commands()
EMPTY = ("", " ", "\t", "a\nb", "a\0b", "\x1b[2J")
UNTYPED = {"changes"}
"""--set, which is refused as a change that is none."""


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(cli))
PARAMS = [(words, param) for words, command in COMMANDS.items() for param in command.params]
NAMED = [(words, param) for words, param in PARAMS if isinstance(param.type, (NameType, PathType))]


def line(words: tuple[str, ...], param: click.Parameter, value: str) -> list[str]:
    """Return a command line that gives a parameter this value, and the others that are needed a harmless one."""
    needed = [other for other in COMMANDS[words].params if isinstance(other, click.Argument)]
    before = ["x/y" if other is not param else value for other in needed if other.required or other is param]
    option = [max(param.opts, key=len), value] if isinstance(param, click.Option) else []
    return [*words, *option, "--", *before]


def ids(value: object) -> str:
    return value.name or "" if isinstance(value, click.Parameter) else " ".join(map(str, value))  # type: ignore[call-overload]


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    assert [path.name for path in Path.cwd().iterdir()] == []


@pytest.mark.parametrize(("words", "param"), NAMED, ids=ids)
def test_no_name_and_no_path_is_empty(words: tuple[str, ...], param: click.Parameter, zoo: Zoo) -> None:
    for value in EMPTY:
        ran = zoo(*line(words, param, value))
        assert (ran.code, ran.out) == (3, ""), ran.err
        assert ": it is empty" in ran.error or ": its character " in ran.error
        assert ran.error.isprintable()


def test_whatever_takes_text_is_one_of_these_types() -> None:
    plain = {
        param.name
        for _, param in PARAMS
        if type(param.type) in (click.types.StringParamType, click.Path) and param.name not in UNTYPED
    }
    assert plain == {"fields", "interpolate", "minutes", "trackers"}, "which have parsers of their own"
    assert len(NAMED) > 25


NUMBERS = [
    (words, param)
    for words, param in PARAMS
    if isinstance(param.type, (click.IntRange, click.FloatRange, click.Choice, click.types.IntParamType))
]


@pytest.mark.parametrize(("words", "param"), NUMBERS, ids=ids)
def test_a_number_or_choice_that_is_none_is_a_value_refused(
    words: tuple[str, ...], param: click.Parameter, zoo: Zoo
) -> None:
    for value in ("", "x", "-7", "0" if isinstance(param.type, click.FloatRange) else "1e3"):
        if value == "-7" and type(param.type) is click.types.IntParamType:
            continue  # no range of click's; the command has its own
        ran = zoo(*line(words, param, value))
        assert (ran.code, ran.out) == (3, ""), ran.err
        assert ran.error.startswith("Invalid value for ")


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (2, "nosuch"),
        (2, "train nosuch"),
        (2, "train camel-gan --nosuch"),
        (2, "train"),
        (2, "info nosuch"),
        (2, "export"),
        (2, "list me"),
        (3, "train camel-gan --data nosuch"),
        (3, "train nosuch.toml"),
        (3, "train camel-gan --out no/such"),
        (3, "resume nosuch"),
        (3, "runs nosuch"),
        (3, "generate nosuch"),
        (3, "generate camel-gan --out a.jpg"),
        (3, "generate camel-gan --interpolate 1"),
        (3, "generate camel-gan --interpolate 1:1"),
        (3, "export --onnx --checkpoint x"),
        (3, "export --onnx nosuch"),
        (3, "demo nosuch"),
        (3, "demo camel-gan --out no/such"),
        (3, "demo camel-gan --runtime nosuch"),
        (3, "push nosuch"),
        (3, "push me/x@v1"),
        (3, "push me/x nosuch"),
        (3, "push me/x nosuch --license nonsense"),
        (3, "push me/x nosuch --tag a..b"),
        (3, "pull nosuch"),
        (3, "pull me/x --with fp61"),
        (3, "pull me/x --to no/such"),
        (3, "hub serve no/such"),
        (3, "hub serve hub --user me"),
        (3, "train camel-gan --data https://host/pictures.zip"),
        (3, "generate https://huggingface.co/me/camel"),
    ],
)
def test_the_exit_code_of_what_is_refused(code: int, arguments: str, zoo: Zoo) -> None:
    ran = zoo(*arguments.split())

    assert (ran.code, ran.out) == (code, ""), ran.err
    assert "fault of the zoo" not in ran.error


def test_an_address_is_named_as_it_was_typed(zoo: Zoo) -> None:
    assert zoo("train", "camel-gan", "--data", "https://host/a.zip").error == (
        "--data: https://host/a.zip is an address (https://...), and none can be opened here. "
        "Download it first, and give the path on this disk"
    )
    assert zoo("pull", "https://huggingface.co/me/camel").error.endswith("Give me/camel")


def test_the_python_api_refuses_the_same(tmp_path: Path) -> None:
    for value in ("", " ", "a\nb"):
        for call in (
            lambda: package.load(value),  # noqa: B023
            lambda: package.train(value),  # noqa: B023
            lambda: package.train("camel-gan", data=value),  # noqa: B023
            lambda: package.train("camel-gan", out=value),  # noqa: B023
            lambda: package.resume(value),  # noqa: B023
            lambda: hub_name(value),  # noqa: B023
        ):
            with pytest.raises(InputError, match=r"it is empty|its character"):
                call()
    with pytest.raises(InputError, match="there is no folder 'no' in"):
        package.train("camel-gan", out=tmp_path / "no" / "such")
    with pytest.raises(
        InputError, match=r"^device: 'gpu' is none of auto, cpu, cuda, mps\. Give one of them$"
    ):
        package.train("camel-gan", device="gpu", data=str(tmp_path))  # type: ignore[arg-type]


def test_a_new_path_needs_the_folder_above_it_alone(tmp_path: Path) -> None:
    refuse_missing_parent(tmp_path / "new", "--out")
    refuse_missing_parent(Path("new"), "--out")
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        refuse_missing_parent(tmp_path / "a b" / "c" / "d", "--to")
    assert str(caught.value) == (
        f"--to {tmp_path}/a b/c/d: there is no folder 'a b' in {tmp_path}. Mend the path, or run "
        f"mkdir -p '{tmp_path}/a b/c' first"
    )
    with pytest.raises(InputError, match="file is a file, and nothing can lie in it"):
        refuse_missing_parent(tmp_path / "file" / "c", "--to")


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("camelz", ["camel-gan", "camel-wgan", "camel-wgangp"]),
        ("camel", ["camel-gan", "camel-wgan", "camel-wgangp"]),
        ("CAMELZ", ["camel-gan", "camel-wgan", "camel-wgangp"]),
        ("camel-wgangpp", ["camel-wgangp"]),
        ("camelwgangp", ["camel-wgangp"]),
        ("hosre", ["horse-gan", "horse-wgan"]),
        ("wgangp", ["camel-wgangp"]),
        ("onion", ["onion"]),
        ("unicorn", []),
        ("union", ["onion"]),
        ("nio", ["onion"]),
        ("lion", []),
        ("zebra", []),
        ("", []),
    ],
)
def test_what_was_meant(word: str, near: list[str]) -> None:
    known = ["camel-gan", "camel-wgan", "camel-wgangp", "horse-gan", "horse-wgan", "onion"]

    assert near_misses(word, known) == near


def test_a_reason_is_said_once() -> None:
    reasons = [("a", "a: it is gone"), ("b", "it is late"), ("c", "it is gone"), ("a", "it is gone")]
    assert by_reason(reasons) == [(["a", "c"], "it is gone"), (["b"], "it is late")]
    assert left_out(reasons) == ["a and c are left out: it is gone", "b is left out: it is late"]
    assert left_out([]) == []
    assert some([str(name) for name in range(11)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 10"
    assert some(["x"] * 1012) == f"{'x, ' * 9}x and 1,002 others"


def test_words() -> None:
    assert [counted(count, "image") for count in (0, 1, 2, 80_000)] == [
        "0 images", "1 image", "2 images", "80,000 images",
    ]  # fmt: skip
    assert counted(2, "entry", "entries") == "2 entries"
    assert (joined([]), joined(["a"]), joined(["a", "b", "c"], "or")) == ("", "a", "a, b or c")
    assert (quoted("runs/a-1"), quoted(Path("my run"))) == ("runs/a-1", "'my run'")
    assert did_you_mean("abcd", ["abcd-1", "abcd-2"]) == "Did you mean 'abcd-1' or 'abcd-2'?"
    assert did_you_mean("abcd", ["abcd", "abce"]) == "Did you mean 'abce'?"
    assert did_you_mean("abc", ["abc", "xyz"]) == "There is xyz."
    assert did_you_mean("x", ["abc", "abd"]) == "There is abc, abd."


def test_a_name_that_was_mistyped_or_is_a_recipe(zoo: Zoo) -> None:
    recipe, near = zoo("generate", "face-wgangp").error, zoo("generate", "camelz").error

    assert recipe == (
        "face-wgangp: it is a recipe, and no pretrained generator of it comes with the package. Train one with "
        "`zoo train face-wgangp`, or look for one with `zoo list --hub --search face-wgangp`"
    )
    assert near.endswith("Did you mean 'camel-gan', 'camel-wgan' or 'camel-wgangp'?")
    assert "Pretrained are camel-gan, camel-wgan" in zoo("generate", "unicorn").error


def test_no_summary_of_a_command_is_cut(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = zoo("--help").out + zoo("hub", "--help").out

    assert "..." not in shown.replace("[ARGS]...", "")
    for words, command in COMMANDS.items():
        assert f"  {words[-1]} " in shown
        assert inspect.cleandoc(command.help or "")


def test_devices_and_precisions_are_the_same_everywhere() -> None:
    assert get_args(DeviceChoice) == DEVICES
    assert get_args(PrecisionChoice) == PRECISIONS
    for name in ("train", "resume"):
        choices = {
            param.name: tuple(param.type.choices)
            for param in cli.commands[name].params
            if isinstance(param.type, click.Choice)
        }
        assert choices == {"device": DEVICES, "precision": PRECISIONS, "on_nan": get_args(OnNan)}
