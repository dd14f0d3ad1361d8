"""Mutate every kind of file that the zoo reads, and read it: python -m benchmarks.fuzz [--count N] [KIND ...]

What is asked: nothing but a refusal in one line. No exception of another kind, no exit code 1, nothing that does not
end. The mutation with number i of a kind is always the same; files that made trouble are kept in --keep.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.support.machine import machine
from tests.support.fuzz.attack import Outcome, attack
from tests.support.fuzz.targets import targets
from zoo.system.console import silence


def main() -> None:
    """Print a line for each kind, and what was found."""
    parser = argparse.ArgumentParser(prog="benchmarks.fuzz")
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--count", type=int, default=20_000, help="mutations of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--keep", type=Path, help="a folder for the files that made trouble")
    asked = parser.parse_args()
    print(machine(), flush=True)
    silence()
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZOO_CACHE"] = f"{folder}/cache"
        kinds = targets(Path(folder, "fuzz"))
        print(
            f"{'file':18} {'mutations':>9} {'taken':>7} {'refused, by code':26} {'slowest':>8} {'all':>7} findings"
        )
        for name in asked.kinds or kinds:
            outcome = attack(name, kinds[name], asked.count, asked.first)
            _print(name, outcome)
            _keep(name, outcome, asked.keep)
            found += len(outcome.findings)
    sys.exit(1 if found else 0)


def _print(name: str, outcome: Outcome) -> None:
    refused = ", ".join(f"{code}: {count}" for code, count in sorted(outcome.refused.items()))
    print(
        f"{name:18} {outcome.mutations:9} {outcome.taken:7} {refused:26} {outcome.slowest:6.2f} s "
        f"{outcome.seconds:5.0f} s {len(outcome.findings)}",
        flush=True,
    )
    for finding in outcome.findings:
        print(f"  {json.dumps(finding)}", flush=True)


def _keep(name: str, outcome: Outcome, folder: Path | None) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for finding, data in outcome.findings.items():
        (folder / f"{name}-{finding.partition(':')[0]}").write_bytes(data)


if __name__ == "__main__":
    main()
