"""What hostile files cost before they are refused: seconds, peak memory, exit code and what is said.

python -m benchmarks.hostile [NAME ...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.hostile.texts import TEXTS
from benchmarks.support.machine import machine
from tests.support.hostile.make import CORPUS, write

SECONDS, MEGABYTES = 5.0, 500.0


MEASURE = """
import json, os, sys, time
began = time.monotonic()
process = os.fork()
if not process:
    os.execv(sys.executable, [sys.executable, "-m", "zoo", *sys.argv[1:]])
_, status, used = os.wait4(process, 0)
peak = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
print(json.dumps([time.monotonic() - began, used.ru_utime + used.ru_stime, peak, os.waitstatus_to_exitcode(status)]))
"""
"""Run by a process of its own, since one takes over the peak of that which started it."""


class Ended(NamedTuple):
    """How a command ended."""

    seconds: float
    processor: float
    """Seconds of the processor: others may be using the machine."""
    megabytes: float
    """The most of the process and of any that it started."""
    code: int
    said: str


def ran(arguments: list[str], folder: Path) -> Ended:
    """Run the zoo in a folder."""
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100  # may be zips
    done = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, *arguments],
        cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    seconds, processor, peak, code = json.loads(done.stdout.splitlines()[-1])
    said = done.stderr.splitlines()
    errors = [line for line in said if line.startswith("zoo: error: ")] or said or [""]
    return Ended(seconds, processor, peak, code, errors[0].removeprefix("zoo: error: ")[:110])


def main() -> int:
    """Print a table; return 1 where something took more than it may, or was not refused."""
    chosen = sys.argv[1:]
    commands = {name: ["generate", name, "-n", "1", "--out", "made.png"] for name in CORPUS}
    wrong, slowest = 0, 0.0
    print("| file | s | s of the processor | MB | exit | says |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        for name, text in TEXTS.items():
            text.write(Path(folder))
            commands[name] = text.arguments
        for name, arguments in commands.items():
            if chosen and name not in chosen:
                continue
            ended = ran(arguments, Path(folder))
            slowest = max(slowest, ended.seconds)
            wrong += ended.processor > SECONDS or ended.megabytes > MEGABYTES or ended.code not in (3, 4, 5)
            figures = f"{ended.seconds:.1f} | {ended.processor:.1f} | {ended.megabytes:.0f} | {ended.code}"
            print(f"| {name} | {figures} | {ended.said} |", flush=True)
    print(
        f"\n{wrong} over {SECONDS:.0f} s of the processor or {MEGABYTES:.0f} MB, or not refused; {machine()}\n"
        f"By the clock at most {slowest:.1f} s, where {os.getloadavg()[0]:.1f} processes wanted "
        f"{os.cpu_count()} cores: that tells something only where these are fewer"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
