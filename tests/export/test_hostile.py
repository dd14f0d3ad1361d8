"""Every hostile file is refused at once, in little memory, in one line that says what it really is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.hostile.make import CORPUS, write

if TYPE_CHECKING:
    from pathlib import Path

SECONDS, MEGABYTES = 5, 500
PROGRAM = """
import json, os, sys
import zoo_export.cli.generate, zoo_export.runtime.session  # once, for all the processes that are forked
from zoo.cli.main import main

for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        os.dup2(os.open(f"{name}.said", os.O_WRONLY | os.O_CREAT), 2)
        sys.argv = ["zoo", "generate", name, "--out", "made.png"]
        main()
    _, status, used = os.wait4(child, 0)
    peak = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(json.dumps([name, os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, peak]))
"""


class Refusal(NamedTuple):
    """How a process ended that was given a hostile file."""

    code: int
    seconds: float
    """Of the processor: others may be using the machine."""
    megabytes: float
    said: str


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Refusal], list[str]]:
    """Give each file to a process of its own; return how these ended, and what else is in their folder then."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    write(folder)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *CORPUS], cwd=folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}, check=True,
    )  # fmt: skip
    found = {}
    for line in done.stdout.splitlines():
        name, code, seconds, megabytes = json.loads(line)
        said = folder / f"{name}.said"
        found[name] = Refusal(code, seconds, megabytes, said.read_text())
        said.unlink()
    return found, sorted({path.name for path in folder.iterdir()} - set(CORPUS))


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_refused(name: str, refusals: tuple[dict[str, Refusal], list[str]]) -> None:
    refusal, expected = refusals[0][name], CORPUS[name]

    assert refusal.code == expected.code, refusal.said
    assert refusal.said.count("\n") == 1
    assert refusal.said.startswith(f"zoo: error: {name}: ")
    assert expected.says in refusal.said
    assert refusal.seconds < SECONDS
    assert refusal.megabytes < MEGABYTES


def test_nothing_is_left_behind(refusals: tuple[dict[str, Refusal], list[str]]) -> None:
    assert refusals[1] == []
