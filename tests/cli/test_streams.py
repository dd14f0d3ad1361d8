"""stdout and stderr that are closed, full or gone, and plugins that write where the results go."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.other_plugins import LOSS
from zoo.runs.record import read_record

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

ZOO = f"{sys.executable} -m zoo"
needs_full = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="it needs a device that is always full"
)
FULL = (
    "zoo: error: stdout: the output cannot be written: No space left on device. "
    "Free space there, or send it elsewhere"
)


def shell(command: str) -> tuple[int, str]:
    """Run a line of the shell; return its exit code and what it left on stderr."""
    path = os.pathsep.join(filter(None, sys.path))
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    "where", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "| head -n 0", "2>&1 | head -n 0"]
)
def test_a_stream_that_nobody_reads_is_no_error(where: str) -> None:
    code, said = shell(f"{ZOO} --help {where}")

    assert code == 0
    assert said == ""


@needs_full
@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        (">/dev/full", 5, FULL),
        (">/dev/full 2>/dev/full", 5, ""),
        ("2>/dev/full", 0, ""),
        ("1</dev/null", 5, FULL.replace("No space left on device", "Bad file descriptor")),
    ],
)
def test_results_that_cannot_be_written_end_with_5(where: str, code: int, said: str) -> None:
    assert shell(f"{ZOO} --help {where}") == (code, said and f"{said}\n")


def test_an_error_keeps_its_code_where_nobody_hears_of_it() -> None:
    assert shell(f"{ZOO} nonsense 2>&-")[0] == 2
    assert shell(f"{ZOO} nonsense >&- 2>&-")[0] == 2


@needs_full
def test_a_training_whose_streams_are_full_or_gone_is_done(tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"

    assert shell(f"{ZOO} train {tiny} --steps 1 --out {run} >/dev/full 2>&-")[0] == 5

    assert read_record(run).state == "done"
    # A file that got the number of a closed stream would hold what is printed.
    files = [
        path for path in run.rglob("*") if path.is_file() and path.suffix in (".json", ".jsonl", ".toml")
    ]
    assert len(files) > 4
    assert not [path for path in files if b"zoo: " in path.read_bytes()]


TRAIN = "run = zoo.train({tiny!r}, steps=1, out={run!r})"
LOAD = "zoo.load('camel-wgangp')._repr_png_()"
GONE = {
    "none": ("sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None", LOAD),
    "closed": ("sys.stdout.close(); sys.stderr.close()", LOAD),
    "no descriptors": (
        "import os; os.close(1); os.close(2); sys.stdout = sys.stderr = None",
        f"{TRAIN}; {LOAD}",
    ),
}


@pytest.mark.parametrize("how", GONE)
def test_python_without_streams_trains_and_draws(how: str, tiny: Path, tmp_path: Path) -> None:
    done, script = tmp_path / "done", tmp_path / "script.py"
    streams, work = GONE[how]
    work = work.format(tiny=str(tiny), run=str(tmp_path / "run"))
    script.write_text(f"import sys\n{streams}\nimport zoo\n{work}\nopen({str(done)!r}, 'w').close()\n")

    shell(f"{sys.executable} {script}")

    assert done.exists()


NOISE = """
import ctypes, os, subprocess, sys
os.write(1, b"descriptor\\n")
subprocess.run(["echo", "process"])
ctypes.CDLL(None).printf(b"library\\n")
print("original", file=sys.__stdout__, flush=True)
print("printed")
"""


@pytest.mark.parametrize("group", ["zoo", "zoo.commands"])
def test_whatever_a_plugin_writes_is_no_result(group: str, others: Plugins) -> None:
    code = f"{NOISE}\n{LOSS.replace('NAME', 'loud')}"
    others.add(
        "zoo-noisy", code.replace("    return [Mine]", f"    exec({NOISE!r}); return [Mine]"), group=group
    )

    ran = others.process("plugins", "--json")

    assert ran.code == 0
    assert "zoo-noisy" in {row["distribution"] for row in json.loads(ran.out)}
    assert {"descriptor", "process", "library", "original", "printed"} <= set(ran.err.splitlines())


def test_what_a_component_prints_while_it_trains_is_no_result(
    others: Plugins, tiny: Path, zoo: Zoo, tmp_path: Path
) -> None:
    others.add(
        "zoo-chatty",
        LOSS.replace("NAME", "chatty").replace("        return batch", "        print('chat'); return batch"),
    )
    run = tmp_path / "run"
    change = ["--set", "losses.1.name=chatty", "--set", "losses.1.weight=1"]

    ran = zoo("train", tiny, "--steps", "1", *change, "--out", run)

    assert (ran.code, ran.out) == (0, f"{run / 'generator'}\n")
    assert "chat" in ran.err.splitlines()


def test_a_command_of_a_plugin_prints_results(others: Plugins) -> None:
    code = """
import click, subprocess, sys
from zoo.hookspecs import hookimpl

@click.command()
def mine():
    print("printed", flush=True)
    subprocess.run(["echo", "process"], stdout=sys.stdout)

@hookimpl
def zoo_register_commands(cli):
    cli.add_command(mine)
"""
    others.add("zoo-mine", code, group="zoo.commands")

    assert others.process("mine").out == "printed\nprocess\n"


@pytest.mark.parametrize("daemon", [False, True])
def test_a_thread_that_a_plugin_left_holds_nothing(daemon: bool, others: Plugins, tmp_path: Path) -> None:
    others.add(
        "zoo-left",
        "import atexit, pathlib, threading, time\n"
        f"threading.Thread(target=time.sleep, args=(100,), daemon={daemon}).start()\n"
        f"atexit.register(pathlib.Path({str(tmp_path / 'exit')!r}).touch)\n{LOSS.replace('NAME', 'left')}",
        group="zoo.commands",
    )
    began = time.monotonic()

    ran, wrong = others.process("runs", "--json"), others.process("nonsense")

    assert time.monotonic() - began < 60
    assert (ran.code, wrong.code) == (0, 2)
    assert json.loads(ran.out) == []
    assert (tmp_path / "exit").exists()


def test_a_process_that_a_signal_ended_is_not_taken_down(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.cli.streams import end_now

    ended: list[object] = []
    monkeypatch.setattr("os._exit", ended.append)
    monkeypatch.setattr("atexit._run_exitfuncs", lambda: ended.append("what runs at exit"))
    monkeypatch.setattr("threading.active_count", lambda: 1)
    monkeypatch.setattr("zoo.cli.streams.arrived", [])
    end_now(0)
    assert ended == []

    monkeypatch.setattr("zoo.cli.streams.arrived", [2])
    end_now(130)
    assert ended == ["what runs at exit", 130]


def test_matplotlib_does_not_say_where_its_cache_is(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("matplotlib")
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    assert zoo("runs").code == 0

    assert not logger.isEnabledFor(logging.WARNING)
    assert logger.isEnabledFor(logging.ERROR)
