"""`kill -9` at random moments: no run is lost, and the finished runs equal one that was never killed.

python -m benchmarks.survival.kills [--kills 200] [--at-once 2] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from benchmarks.survival.moments import draw, reached
from benchmarks.survival.report import report
from benchmarks.survival.tiny import (
    INTERVAL,
    STEPS,
    differences,
    fingerprint,
    logged,
    lost_steps,
    saving,
    scratch,
    world,
)
from zoo.errors import ZooError
from zoo.generators.folder import GeneratorFolder
from zoo.runs.checkpoints.checkpoint import newest_good
from zoo.runs.folder import GENERATOR, is_run
from zoo.runs.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.survival.moments import Moment
    from benchmarks.survival.tiny import Life, World

NOTHING_YET = "it has no checkpoint yet, so it begins at step 0"
"""The one warning that a kill may lead to: it struck between `run.json` and the checkpoint of step 0."""
INSIDE = 0.2
"""Share of the kills that must fall inside a save for the proof to count."""


@dataclass
class Tally:
    """What one thread of kills has seen."""

    kills: int = 0
    inside: int = 0
    beside: int = 0
    lost: int = 0
    finished: int = 0
    unreadable: list[str] = field(default_factory=list)
    manual: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def complete(run: Path) -> bool:
    """Whether a run needs nothing more: it is done, and its generator is whole."""
    try:
        GeneratorFolder.open(run / GENERATOR).verify()
        return bool(read_record(run).state == "done")
    except ZooError:
        return False


class Tormentor:
    """Trains runs to their end, killing them on the way."""

    def __init__(self, place: World, reference: dict[str, str], seed: int) -> None:
        self.tally = Tally()
        self._place = place
        self._reference = reference
        self._seed = seed
        self._random = Random(seed)

    def torment(self, kills: int) -> Tally:
        """Kill so many times, and finish every run that was begun."""
        number = 0
        while self.tally.kills < kills:
            run = self._place.folder / f"run-{self._seed}-{number}"
            number += 1
            while not self._lives(run, draw(self._random) if self.tally.kills < kills else None):
                pass
        return self.tally

    def _lives(self, run: Path, moment: Moment | None) -> bool:
        """Start or resume the run and return whether it came to an end of its own."""
        resumed = is_run(run)
        life = self._place.go_on(run)
        if moment is not None and reached(life, run, moment, self._place.steps):
            life.kill()
            if life.process.returncode < 0:
                self._note_kill(run, life.pid)
                self._note_warnings(life, resumed)
                if not complete(run):
                    return False
                self._note_end(run)
                return True
        code = life.end()
        self._note_warnings(life, resumed)
        if code != 0:
            self.tally.manual.append(f"{run.name}: exit {code}: {life.said()[-1:]}")
            return True
        self._note_end(run)
        return True

    def _note_kill(self, run: Path, pid: int) -> None:
        self.tally.kills += 1
        if not is_run(run):
            return  # killed before there was anything to lose
        inside = bool(saving(run, pid))
        self.tally.inside += inside
        self.tally.beside += not inside and any(f".tmp-{pid}-" in path.name for path in scratch(run))
        self.tally.lost = max(self.tally.lost, lost_steps(run))
        try:
            read_record(run)
            state, troubles = newest_good(run)
        except ZooError as error:
            self.tally.unreadable.append(str(error))
            return
        if troubles or (state is None and logged(run)):
            self.tally.unreadable.append(f"{run.name}: {troubles or 'steps without a checkpoint'}")

    def _note_warnings(self, life: Life, resumed: bool) -> None:
        if resumed:
            self.tally.warned += [line for line in life.warnings() if NOTHING_YET not in line]

    def _note_end(self, run: Path) -> None:
        self.tally.finished += 1
        differing = differences(fingerprint(run), self._reference)
        if differing:
            self.tally.unequal.append(f"{run.name}: {differing}")
        self.tally.left += [str(path) for path in scratch(run)]
        if not complete(run):
            self.tally.manual.append(
                f"{run.name}: it has ended, and run.json or the generator is not complete"
            )


def figures(tallies: list[Tally]) -> dict[str, object]:
    """Return the sums that the table shows."""
    ended = sum(tally.finished for tally in tallies)
    unequal = sum(len(tally.unequal) for tally in tallies)
    return {
        "kills": sum(tally.kills for tally in tallies),
        "inside a save": sum(tally.inside for tally in tallies),
        "inside another write": sum(tally.beside for tally in tallies),
        "unreadable runs": sum(len(tally.unreadable) for tally in tallies),
        "manual steps": sum(len(tally.manual) for tally in tallies),
        "most steps lost": f"{max(tally.lost for tally in tallies)} (interval {INTERVAL})",
        "finished runs equal to the uninterrupted one": f"{ended - unequal} of {ended}",
        "warnings at a resume": sum(len(tally.warned) for tally in tallies),
        "temporary names left": sum(len(tally.left) for tally in tallies),
    }


def failures(tallies: list[Tally], kills: int) -> list[str]:
    """Return what contradicts the claims."""
    out = [line for tally in tallies
           for line in (*tally.unreadable, *tally.manual, *tally.warned, *tally.unequal, *tally.left)]  # fmt: skip
    lost, inside = max(tally.lost for tally in tallies), sum(tally.inside for tally in tallies)
    if lost > INTERVAL:
        out.append(f"{lost} steps were lost at a kill, more than the interval of {INTERVAL}")
    if inside < INSIDE * kills:
        out.append(f"only {inside} of {kills} kills fell inside a save")
    if not any(tally.finished for tally in tallies):
        out.append("no run was finished")
    return out


def main() -> None:
    """Print the proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=2, help="runs that are tormented beside each other")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    seeds = [arguments.seed + number for number in range(arguments.at_once)]
    shares = [len(range(number, arguments.kills, arguments.at_once)) for number in range(arguments.at_once)]
    began = time.monotonic()
    with world() as place:
        reference = place.reference()
        print(f"runs of {STEPS} steps, moments of seeds {seeds}", flush=True)
        with ThreadPoolExecutor(arguments.at_once) as pool:
            tallies = list(
                pool.map(lambda seed, share: Tormentor(place, reference, seed).torment(share), seeds, shares)
            )
    minutes = {"minutes": round((time.monotonic() - began) / 60, 1)}
    report("`kill -9` at random moments", figures(tallies) | minutes, failures(tallies, arguments.kills))


if __name__ == "__main__":
    main()
