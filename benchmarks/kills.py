"""Kills `zoo export` over an existing file, at random moments, and looks at what is left.

python -m benchmarks.kills GENERATOR [--kills 50]
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from zoo.generators.files import ONNX
from zoo.generators.folder import GeneratorFolder
from zoo.system.atomic import sha256_file


def command(folder: Path, opset: int) -> list[str]:
    """Return the export; another opset gives other bytes."""
    return [sys.executable, "-m", "zoo", "export", str(folder), "--onnx", "--opset", str(opset)]


def exported(folder: Path, opset: int) -> tuple[str, float]:
    """Return the sha256 of a whole export, and how many seconds it took."""
    began = time.perf_counter()
    subprocess.run(command(folder, opset), check=True, capture_output=True)
    return sha256_file(folder / ONNX), time.perf_counter() - began


def killed(folder: Path, opset: int, delay: float) -> tuple[bool, float]:
    """Start an export, kill it after `delay` seconds, and return whether it was still running, and how long it ran."""
    began = time.perf_counter()
    with subprocess.Popen(
        command(folder, opset), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            return True, delay
    return False, time.perf_counter() - began


def main() -> None:
    """Print what was found, and fail where a file was neither the old one nor the new."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generator", type=Path, help="a generator folder; a copy is used")
    parser.add_argument("--kills", type=int, default=50)
    arguments = parser.parse_args()
    delays, outcomes = random.Random(0), Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "generator"
        shutil.copytree(arguments.generator, folder)
        whole, seconds = {}, 0.0
        for opset in (18, 20):
            whole[opset], seconds = exported(folder, opset)
        landed = turn = 0
        while landed < arguments.kills:
            before = sha256_file(folder / ONNX)
            # It writes in its last moments; where it was faster than the delay, the next one is shorter.
            was_killed, took = killed(folder, (18, 20)[turn % 2], seconds * delays.uniform(0.6, 1))
            seconds = min(seconds, took) if not was_killed else seconds * 1.02
            found = sha256_file(folder / ONNX)
            GeneratorFolder.open(folder).verify()
            landed, turn = landed + was_killed, turn + 1
            listed = "listed" if ONNX in GeneratorFolder.open(folder).config.files else "to be exported again"
            kind = "neither" if found not in whole.values() else "old" if found == before else "new"
            outcomes[f"{'killed' if was_killed else 'ended'}: {kind} file, {listed}"] += 1
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:3}  {outcome}")
    if any("neither" in outcome for outcome in outcomes):
        raise SystemExit("a file was neither the old one nor the new")


if __name__ == "__main__":
    main()
