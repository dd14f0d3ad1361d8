"""Build what is published, install it as a stranger would, and time the first picture of every pretrained generator.

python -m benchmarks.release [--dist DIR] [--rounds 5]

The wheel goes into a new virtual environment, without torch, with the newest packages that it may have. Then the
network is cut (`unshare -rn`, on Linux) and each generator draws 64 pictures. Needs the package `build` and an index.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from benchmarks.support.machine import machine
from zoo.generators.bundled import bundled_generators

ROOT = Path(__file__).parents[2]
CUT = ["unshare", "-rn"]


def timed(command: list[str | Path]) -> float:
    """Run a command that must succeed, and return its seconds."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=tempfile.gettempdir())
    return time.perf_counter() - began


def built(dist: Path) -> list[Path]:
    """Build sdist and wheel into a folder, and return them."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", dist, ROOT], check=True, capture_output=True)
    return sorted(dist.glob("gan_model_zoo-*"))


def cut() -> list[str]:
    """Return what a command starts with to have no network, or nothing where the system has no such thing."""
    try:
        subprocess.run([*CUT, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return CUT


def folder_megabytes(folder: Path) -> float:
    """Return how much a folder's files hold."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def installed(wheel: Path, environment: Path) -> tuple[float, float]:
    """Install a wheel into a new environment, and return the seconds and the megabytes of it all."""
    began = time.perf_counter()
    venv.create(environment, with_pip=True)
    timed([environment / "bin" / "pip", "install", "--no-cache-dir", wheel])
    seconds = time.perf_counter() - began
    return seconds, folder_megabytes(environment)


def first_pictures(environment: Path, rounds: int, scratch: Path) -> None:
    """Print, for each generator, the seconds of its first process here and the median of some more."""
    offline = cut()
    print(f"\nnetwork {'cut by ' + ' '.join(offline) if offline else 'NOT cut: no unshare here'}\n")
    print("| `zoo generate NAME` | first, s | median, s |\n|---|---|---|")
    for name in bundled_generators():
        out = scratch / f"{name}.png"
        command: list[str | Path] = [*offline, environment / "bin" / "zoo", "generate", name, "--out", out]
        first = timed(command)
        again = []
        for _ in range(rounds):
            out.unlink()
            again.append(timed(command))
        print(f"| `{name}` | {first:.2f} | {statistics.median(again):.2f} |", flush=True)


def main() -> None:
    """Print sizes and times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dist", type=Path, help="keep sdist and wheel here")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        files = built(arguments.dist or scratch / "dist")
        for file in files:
            print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB")
        wheel = next(file for file in files if file.suffix == ".whl")
        seconds, megabytes = installed(wheel, scratch / "environment")
        print(f"new environment and pip install: {seconds:.0f} s, {megabytes:.0f} MB, no torch")
        first_pictures(scratch / "environment", arguments.rounds, scratch)
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
