"""How much memory and time 100,000 pictures take: whole processes, with the peak that the system measured.

python -m benchmarks.stream GENERATOR [--pictures 1000 100000]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path


def measured(arguments: list[str]) -> tuple[float, float]:
    """Return the seconds and the peak resident megabytes of a `zoo` process."""
    began = time.perf_counter()
    child = os.posix_spawn(sys.executable, [sys.executable, "-m", "zoo", *arguments], os.environ)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(os.waitstatus_to_exitcode(status))
    return time.perf_counter() - began, used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generator", help="what `zoo generate` takes")
    parser.add_argument("--pictures", type=int, nargs="+", default=[1000, 100_000])
    arguments = parser.parse_args()
    print("| pictures | to | seconds | peak memory, MB |\n|---|---|---|---|")
    for count in arguments.pictures:
        for kind in ("--out", "--each"):
            with tempfile.TemporaryDirectory() as folder:
                place = str(Path(folder) / ("all.npy" if kind == "--out" else "each"))
                seconds, peak = measured(["generate", arguments.generator, "-n", str(count), kind, place])
            what = "one `.npy`" if kind == "--out" else "PNG files"
            print(f"| {count:,} | {what} | {seconds:.1f} | {peak:.0f} |", flush=True)
    from benchmarks.support.machine import machine

    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
