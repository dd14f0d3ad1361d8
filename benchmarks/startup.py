"""How long people wait who only want help, or pictures: whole processes, medians.

python -m benchmarks.startup GENERATOR [--rounds 10]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.support.machine import machine


def seconds(arguments: list[str], rounds: int) -> float:
    """Return the median time of a `zoo` process, after one that is not counted."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "zoo", *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generator", help="what `zoo generate` takes")
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        grid = str(Path(folder) / "grid.png")
        commands = {
            "zoo --help": ["--help"],
            "zoo generate NAME -n 64": ["generate", arguments.generator, "-n", "64", "--out", grid],
        }
        print("| command | seconds, process start to end |\n|---|---|")
        for name, command in commands.items():
            print(f"| `{name}` | {seconds(command, arguments.rounds):.2f} |", flush=True)
    print(f"\n{machine()}; medians of {arguments.rounds}")


if __name__ == "__main__":
    main()
