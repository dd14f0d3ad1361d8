"""Ten thousand tiny steps in one process: memory and disk do not grow.

python -m benchmarks.survival.growth [--steps 10000]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.survival.report import report
from benchmarks.survival.tiny import scratch, world
from benchmarks.survival.troubled import held_still
from zoo.runs.checkpoints.clearing import KEEP
from zoo.runs.checkpoints.names import FOLDER, checkpoints

if TYPE_CHECKING:
    from benchmarks.survival.tiny import Life

SETTINGS = ("log_every=10", "checkpoint_every=20")
MARKS = 10
MEMORY = 8 * 2**20
"""Bytes that the resident memory may grow by between the second mark and the last: evaluations leave free pages."""
DISK = 64
"""Bytes that a checkpoint may grow by: step numbers get digits."""
MOST = KEEP + 3
"""Checkpoints that may lie there at once: the best one, one being written and one being removed beside those kept."""


@dataclass(frozen=True)
class Mark:
    """What a process takes at a step; sizes in bytes."""

    step: int
    memory: int
    newest: int
    """Of the newest checkpoint."""
    folders: int
    """How many checkpoints there are, with those that are being written or removed."""
    grown: int
    """Of the log and the samples, which grow by design."""


def size(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def resident(pid: int) -> int:
    """Return a process's resident memory in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def mark(run: Path, life: Life, step: int) -> Mark:
    """Measure a process that has made `step` steps."""
    with held_still(life):
        grown = (run / "metrics.jsonl").stat().st_size + size(run / "samples")
        folders = len(list((run / FOLDER).iterdir()))
        return Mark(step, resident(life.pid), size(checkpoints(run)[-1]), folders, grown)


def measured(run: Path, life: Life, steps: int) -> list[Mark]:
    """Measure at every tenth of the steps; the last mark lies just before the end."""
    marks = []
    for number in range(1, MARKS + 1):
        # The process must still be there at the last mark.
        step = min(steps * number // MARKS, steps - 20)
        while life.running and newest(run) < step:
            time.sleep(0.02)
        if not life.running:
            break
        marks.append(mark(run, life, step))
    return marks


def newest(run: Path) -> int:
    """Return the step of the newest checkpoint."""
    there = checkpoints(run)
    return int(there[-1].name.removeprefix("step-")) if there else 0


def main() -> None:
    """Print the proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    steps: int = parser.parse_args().steps
    changes = [
        f"training.{setting}"
        for setting in (*SETTINGS, f"eval_every={steps // 20}", f"sample_every={steps // 10}")
    ]
    failures: list[str] = []
    with world(*changes, steps=steps) as place:
        run = place.folder / "run"
        life = place.train(run)
        marks = measured(run, life, steps)
        if life.end() != 0 or len(marks) < MARKS:
            raise SystemExit(f"exit {life.process.returncode} after {len(marks)} marks: {life.said()[-1:]}")
        left, kept = scratch(run), len(checkpoints(run))
    print(
        "| step | resident, MiB | checkpoints | newest, bytes | log and samples, kB |\n|---|---|---|---|---|"
    )
    for at in marks:
        print(
            f"| {at.step} | {at.memory / 2**20:.1f} | {at.folders} | {at.newest:,} | {at.grown / 1e3:.1f} |"
        )
    print()
    memory = max(at.memory for at in marks[1:]) - marks[1].memory
    disk = marks[-1].newest - marks[1].newest
    folders = max(at.folders for at in marks)
    failures += [f"resident memory grew by {memory:,} bytes"] if memory > MEMORY else []
    failures += [f"a checkpoint grew by {disk:,} bytes"] if disk > DISK else []
    failures += [f"{folders} checkpoints lay there at once"] if folders > MOST else []
    failures += [f"{kept} checkpoints are kept"] if kept > KEEP + 1 else []
    failures += [f"left behind: {path}" for path in left]
    figures = {
        "steps": steps,
        f"resident memory from step {marks[1].step} on": f"+{memory / 2**20:.1f} MiB (bound {MEMORY // 2**20})",
        "checkpoints there at once at most": folders,
        "bytes of a checkpoint from then on": f"{disk:+,} (bound {DISK:,})",
        "temporary names left": len(left),
    }
    report("memory and disk over many steps", figures, failures)


if __name__ == "__main__":
    main()
