"""Eight starts at once on one run folder: one trains, the others name it and leave; a killed one leaves no lock.

python -m benchmarks.survival.starts [--starts 8]
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from benchmarks.survival.report import report
from benchmarks.survival.tiny import differences, fingerprint, world
from zoo.runs.checkpoints.names import checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.survival.tiny import Life

BUSY = 7
SOON = 5.0
"""Seconds in which whoever comes too late must have said so."""
PATIENCE = 60.0


class Race:
    """Processes that want one run folder."""

    def __init__(self, starts: int, start: Callable[[], Life]) -> None:
        self.lives = [start() for _ in range(starts)]
        self.slowest = 0.0
        self.failures: list[str] = []
        self.winner = self._winner()

    def _winner(self) -> Life | None:
        """Wait until all but one have ended, and return that one."""
        until = time.monotonic() + PATIENCE
        running = list(self.lives)
        while len(running) > 1 and time.monotonic() < until:
            for life in [life for life in running if not life.running]:
                running.remove(life)
                self.slowest = max(self.slowest, time.monotonic() - life.began)
            time.sleep(0.01)
        if len(running) != 1:
            self.failures.append(f"{len(running)} of {len(self.lives)} are running, not 1")
        if self.slowest > SOON:
            self.failures.append(f"one took {self.slowest:.1f} s to find out, more than {SOON:.0f}")
        winner = running[0] if running else None
        for life in self.lives:
            if winner is not None and life is not winner:
                self._look(life, winner)
        return winner

    def _look(self, loser: Life, winner: Life) -> None:
        said, code = loser.said(), loser.process.returncode
        if code != BUSY:
            self.failures.append(f"exit {code}, not {BUSY}: {said[-1:]}")
        elif len(said) != 1 or f"process {winner.pid} " not in said[0]:
            self.failures.append(f"not one line that names process {winner.pid}: {said}")


def begun(run: Path, life: Life) -> bool:
    """Wait until a process has committed a checkpoint that was not there, and return whether it has."""
    before = set(checkpoints(run))
    while life.running:
        if set(checkpoints(run)) - before:
            return True
        time.sleep(0.01)
    return False


def main() -> None:
    """Print the proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=8)
    arguments = parser.parse_args()
    failures: list[str] = []
    with world() as place:
        reference = place.reference()
        run = place.folder / "run"
        first = Race(arguments.starts, lambda: place.train(run))
        if first.winner is None or not begun(run, first.winner):
            raise SystemExit(f"nobody trained: {first.failures}")
        first.winner.kill()
        second = Race(arguments.starts, lambda: place.start("resume", run))
        if second.winner is None or not begun(run, second.winner):
            raise SystemExit(f"after the winner was killed nobody could go on: {second.failures}")
        second.winner.kill()
        last = place.go_on(run)
        if last.end() != 0:
            failures.append(f"the resume after that ended with {last.process.returncode}: {last.said()[-1:]}")
        elif differing := differences(fingerprint(run), reference):
            failures.append(f"the run is not the one that was alone: {differing}")
    figures = {
        "`zoo train` at once": arguments.starts,
        "`zoo resume` at once after the winner was killed": arguments.starts,
        "running": "1 and 1",
        "slowest exit 7": f"{max(first.slowest, second.slowest):.1f} s",
        "in the end": "bit-exact",
    }
    report("starts at once on one run folder", figures, first.failures + second.failures + failures)


if __name__ == "__main__":
    main()
