"""On a terminal: lines that are written over, and everything else as elsewhere."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")

SECONDS = 120.0
"""A hang is told from a slow machine by this."""
PICTURES = """
from zoo.cli.screen.pictures import _Bar
bar = _Bar(10)
bar(5)
bar.close()
print("drawn")
"""
DOWNLOAD = """
from zoo.system.console import download_progress, say
with download_progress() as progress:
    progress.update(progress.add_task("cat.npy", total=10), completed=5)
    say("a line beside it")
print("loaded")
"""


def on_a_terminal(*command: str, term: str) -> tuple[int, str]:
    """Run Python with a terminal for stdin, stdout and stderr, and return its exit code and what it wrote."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": term, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        close_fds=True,
    )
    os.close(theirs)
    written, deadline = b"", time.monotonic() + SECONDS
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # the other side is closed
                    break
                if not piece:
                    break
                written += piece
        return process.wait(max(deadline - time.monotonic(), 1)), written.decode(errors="replace")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_training_goes_on_and_says_so(tiny: Path, term: str) -> None:
    code, written = on_a_terminal("-m", "zoo", "train", str(tiny), "--out", "run", term=term)

    assert code == 0, written
    assert "run: 4 steps done." in written
    assert "run/generator" in written
    assert ("\x1b[2K" in written) == (term != "dumb"), "a line is written over where that can be done"


@pytest.mark.parametrize(("program", "said"), [(PICTURES, "drawn"), (DOWNLOAD, "loaded")])
def test_every_other_bar_ends_too(program: str, said: str) -> None:
    code, written = on_a_terminal("-c", program, term="xterm")

    assert code == 0, written
    assert said in written
