"""What people mistype: one line that says what, why and what to do, the right exit code, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.run_folders import bare_record
from zoo.runs.lock import held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

RECIPES = "camel-gan, camel-wgan, camel-wgangp, face-gan, face-wgan, face-wgangp, horse-gan, horse-wgan, horse-wgangp"


NO_MEMORY = "memory: there is not enough of it. Free some, or give a smaller file"


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    assert [path.name for path in Path.cwd().iterdir()] == []


def test_unknown_commands_and_options(zoo: Zoo) -> None:
    def refusal(*arguments: str) -> str:
        ran = zoo(*arguments)
        assert (ran.code, ran.out) == (2, "")
        return ran.error

    assert refusal("trian") == "No such command 'trian'. Did you mean 'train'? See `zoo --help`"
    assert refusal("train") == "Missing argument 'RECIPE'. See `zoo train --help`"
    assert (
        refusal("train", "camel-gan", "two") == "Got unexpected extra argument (two). See `zoo train --help`"
    )
    assert refusal("list", "--jsn") == "No such option '--jsn'. Did you mean '--json'? See `zoo list --help`"
    assert (
        refusal("train", "camel-gan", "--steps")
        == "Option '--steps' requires an argument. See `zoo train --help`"
    )
    assert (
        refusal("hub", "serve", "--port")
        == "Option '--port' requires an argument. See `zoo hub serve --help`"
    )
    assert refusal("sing") == "No such command 'sing'. See `zoo --help`"
    assert refusal("hub", "sevre") == "No such command 'sevre'. Did you mean 'serve'? See `zoo hub --help`"


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("list --owner me", "It is an argument: `zoo list [OWNER]`"),
        ("list --ownr me", "It is an argument: `zoo list [OWNER]`"),
        ("push me/x --run runs/a", "It is an argument: `zoo push OWNER/NAME [RUN|GENERATOR]`"),
        ("compare --names a", "It is an argument: `zoo compare NAME...`"),
        ("list --steps 3", "It is an option of `zoo resume` and `zoo train`"),
        ("--steps 3 train camel-gan", "It is an option of `zoo resume` and `zoo train`"),
        ("doctor --port 3", "It is an option of `zoo demo` and `zoo hub serve`"),
        ("train camel-gan -n 64", "It is an option of `zoo evaluate` and `zoo generate`"),
        ("resume --license mit", "It is an option of `zoo push`"),
        ("list --version", "It is an option of `zoo`"),
        ("train x --on_nan stop", "Did you mean '--on-nan'?"),
        ("train x --STEPS 3", "Did you mean '--steps'?"),
        ("generate x --output y", "Did you mean '--out'?"),
        ("generate x --batch_size 3", "Did you mean '--batch'?"),
        ("train x --dataset y", "Did you mean '--data'?"),
        ("generate x --n 5", "Did you mean '-n'?"),
        ("generate x --count 5", "Did you mean '-n'?"),
        ("evaluate x --pictures 5", "Did you mean '-n'?"),
        ("list --hlep", "Did you mean '--help'?"),
        ("generate x --json", ""),
        ("train x --lr 5", ""),
        ("list -x", ""),
        ("list --unicorn", ""),
    ],
)
def test_an_unknown_option_is_answered_with_what_helps(words: str, advice: str, zoo: Zoo) -> None:
    ran = zoo(*words.split())

    given = next(word for word in words.split() if word.startswith("-"))
    command = "zoo" if given == words.split()[0] else f"zoo {words.split()[0]}"
    stop = "" if advice.endswith("?") or not advice else "."
    told = f" {advice}{stop}" if advice else ""
    assert (ran.code, ran.out) == (2, "")
    assert ran.error == f"No such option '{given}'.{told} See `{command} --help`"


@pytest.mark.parametrize("words", [(), ("hub",), ("--debug",)])
def test_a_group_alone_shows_its_help(words: tuple[str, ...], zoo: Zoo) -> None:
    ran = zoo(*words)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: zoo")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("camel-wganpg", "camel-wganpg: there is no such recipe. Did you mean 'camel-wgangp'?"),
        ("zebra", f"zebra: there is no such recipe. There is {RECIPES}."),
    ],
)
def test_an_unknown_recipe(name: str, message: str, zoo: Zoo) -> None:
    ran = zoo("train", name)

    assert (ran.code, ran.error) == (2, message)


def test_an_unknown_name_for_info(zoo: Zoo) -> None:
    ran = zoo("info", "wasserstien")

    assert ran.code == 2
    assert ran.error == (
        "wasserstien: there is no such recipe, component, run or generator. Did you mean 'wasserstein'?"
    )


def test_info_of_a_folder_that_is_no_generator(zoo: Zoo, tmp_path: Path) -> None:
    ran = zoo("info", tmp_path)

    assert (ran.code, ran.error) == (
        3,
        f"{tmp_path}: it is neither a run nor a generator folder. Give one of these, or a name",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "{}: it cannot be read: No such file or directory. Give a recipe file"),
        (b'name = "mine', "{}: it is not TOML: Unterminated string (at end of document). Mend that"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "{}: it is not text in UTF-8, so it is not TOML. Give a recipe file"),
        (b"# \n" * (1 << 20), "{}: it has 3145728 bytes, and at most 65536 are read. Give a recipe file"),
        (b"x = " + b"[" * 60_000, "{}: its lists are nested too deeply. No recipe needs that"),
        (b"seed = " + b"9" * 5000, "{}: it is not TOML: Exceeds the limit"),
        (b".".join([b"a"] * 2_000) + b" = 1", "{}: its line 1 has 1999 dots, and at most 100 are read. Give a"),
        (b"", "mine.toml: it needs the field 'name'. Add it"),
        (b"\xef\xbb\xbfname = 'Mine'\n", "mine.toml: name should match pattern"),
    ],
    ids=["missing", "cut", "binary", "3 MiB", "deep lists", "long number", "deep tables", "empty", "byte order mark"],
)  # fmt: skip
def test_a_recipe_file_that_is_none(content: bytes | None, message: str, zoo: Zoo, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)

    ran = zoo("train", file)

    assert ran.code == 3
    assert ran.error.startswith(message.format(file))


def test_a_folder_is_no_recipe_file(zoo: Zoo, tmp_path: Path) -> None:
    ran = zoo("train", f"{tmp_path}{os.sep}")

    assert (ran.code, ran.error) == (
        3,
        f"{tmp_path}: it is a folder. Give a recipe file",
    )


def test_a_run_that_is_not_there(zoo: Zoo, tmp_path: Path) -> None:
    none, missing = zoo("resume"), zoo("resume", tmp_path)

    assert (none.code, missing.code) == (3, 3)
    assert none.error == "runs: there is no run in it. Start one with `zoo train camel-wgangp`"
    assert (
        missing.error == f"{tmp_path}: it holds no run.json, so it is no run. See which there are under runs/"
    )


def test_a_run_whose_name_was_mistyped(zoo: Zoo) -> None:
    run = Path("runs/camel-wgangp-1")
    run.mkdir(parents=True)
    (run / "run.json").write_text(bare_record("2026-01-01"))
    asked = [("resume",), ("export", "--onnx"), ("push", "me/x"), ("generate",)]

    for name in ("runs/camel-wgangp-11", "camel-wgangp-1", "camel-wgangp-l"):
        for command in asked:
            ran = zoo(*command, name)
            assert ran.code == 3
            assert ran.error.endswith("Did you mean 'runs/camel-wgangp-1'?"), ran.error
    shutil.rmtree("runs")


def test_a_run_of_a_sweep_whose_name_was_mistyped(zoo: Zoo) -> None:
    for sweep in ("a", "b"):
        run = Path(f"runs/{sweep}/weight=10,seed=0")
        run.mkdir(parents=True)
        (run / "run.json").write_text(bare_record("2026-01-01"))
        (run.parent / "sweep.json").touch()

    one = "'runs/a/weight=10,seed=0'"
    assert zoo("resume", "runs/a/weight=10,seed=00").error.endswith(f"Did you mean {one}?")
    assert zoo("resume", "weight=10,seed=0").error.endswith(
        f"Did you mean {one} or 'runs/b/weight=10,seed=0'?"
    )
    assert "Did you mean" not in zoo("resume", "runs/a/nothing").error
    shutil.rmtree("runs")


def test_data_of_another_shape(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    data = tmp_path / "wide.npy"
    np.save(data, np.zeros((3, 32, 32, 3), np.uint8))

    wrong, missing = zoo("train", tiny, "--data", data), zoo("train", tiny, "--data", tmp_path / "no.npy")

    assert (wrong.code, missing.code) == (3, 3)
    assert wrong.error == (
        "wide.npy: its images are 32 x 32 colour, tiny makes 28 x 28 grey. "
        "Give a folder or zip of images, which are resized, or take another recipe"
    )
    assert missing.error == (
        f"{tmp_path / 'no.npy'}: there is no such file or folder. Give --data a .npy file, a folder or a zip"
    )


def test_a_place_that_is_taken(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").touch()

    ran = zoo("train", tiny, "--out", tmp_path / "taken")

    assert (ran.code, ran.error) == (
        3,
        f"{tmp_path / 'taken'}: it is already there. Give --out a new folder",
    )


def test_advice_can_be_pasted_and_suits_what_is_there(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    run, file = tmp_path / "my run", tmp_path / "file"
    run.mkdir()
    (run / "run.json").write_text(bare_record("2026-01-01"))
    file.touch()

    assert zoo("train", tiny, "--out", run).error == (
        f"{run}: it is already there. Give --out a new folder, or go on with `zoo resume '{run}'`"
    )
    assert zoo("train", tiny, "--out", file).error == f"{file}: it is a file. Give --out a new folder"
    assert zoo("generate", run).error == (
        f"{run}: this run has no generator yet. Go on with `zoo resume '{run}'`"
    )


def test_a_run_that_learnt_nothing_says_so(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    rate = "optimizers.critic.learning_rate=1e30"
    diverged = zoo("train", tiny, "--out", run, "--set", rate, "--set", "training.checkpoint_every=100")
    assert diverged.code == 10

    for command in (("export", "--onnx"), ("export", "--onnx", "--checkpoint", "last"), ("generate",)):
        ran = zoo(command[0], run, *command[1:])
        assert ran.code == 3
        assert ran.error.startswith(
            f"{run}: it failed before its second checkpoint, by diverging or by a full disk"
        )


def test_a_run_that_another_process_holds(zoo: Zoo, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text(bare_record("2026-01-01"))

    with held(run):
        ran = zoo("resume", run)

    assert ran.code == 7
    assert ran.error.startswith(f"{run}: process {os.getpid()} (")
    assert ran.error.endswith(") is training in it. Wait for it, or stop it")


def test_debug_shows_where_it_went_wrong(zoo: Zoo) -> None:
    for arguments in (("--debug", "train", "zebra"), ("train", "zebra", "--debug")):
        ran = zoo(*arguments)

        assert ran.code == 2
        assert "Traceback (most recent call last):" in ran.err
        assert ran.err.splitlines()[-1].startswith("zoo: error: zebra: there is no such recipe.")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted: nothing is left half-written. Run it again when you like"),
        (MemoryError(), 5, NO_MEMORY),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), 5, NO_MEMORY),
        (
            ValueError("DefaultCPUAllocator"),
            1,
            "ValueError: DefaultCPUAllocator. This is a fault of the zoo or of a plugin; --debug shows where",
        ),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 5, NO_MEMORY),
        (
            RuntimeError("two\nlines"),
            1,
            "RuntimeError: two lines. This is a fault of the zoo or of a plugin; --debug shows where",
        ),
        (
            ModuleNotFoundError("No module named 'pyarrow.parquet'", name="pyarrow.parquet"),
            3,
            'pyarrow is not installed, and this needs it. Run pip install "gan-model-zoo[data]"',
        ),
    ],
)
def test_what_nobody_expects_is_one_line_too(
    error: BaseException, code: int, message: str, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("zoo.plugins.collect.load_registry", fail)
    ran = zoo("list")

    assert (ran.code, ran.error) == (code, message)


def test_a_reader_that_goes_early_is_no_error() -> None:
    code = "import sys; sys.argv = ['zoo', '--help']; from zoo.cli.main import main; main()"
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writing)

    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize("words", [(), ("--checkpoint", "last")])
def test_an_export_of_nothing_says_nothing_else(words: tuple[str, ...], zoo: Zoo) -> None:
    ran = zoo("export", "nothing", "--onnx", *words)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "zoo: error: nothing: there is no such folder. Give a run or a generator folder\n"
