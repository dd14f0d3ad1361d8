"""SIGTERM and SIGINT at random moments, some twice: exit codes, and runs that end as if nothing had happened.

python -m benchmarks.survival.signals [--each 20] [--seed 0]
"""

from __future__ import annotations

import argparse
import signal
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from benchmarks.survival.kills import complete
from benchmarks.survival.moments import draw, reached
from benchmarks.survival.report import report
from benchmarks.survival.tiny import differences, fingerprint, lost_steps, saving, scratch, world
from zoo.runs.folder import is_run
from zoo.runs.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.survival.moments import Moment
    from benchmarks.survival.tiny import Life, World

TWICE = 0.4
"""Share of the signals that a second one follows."""
SOON = 0.3
"""Seconds within which it does."""
PYTHON_STARTS = 1.0
"""Seconds in which Python itself answers a signal, before the command line has been imported."""


@dataclass
class Tally:
    """What the signals did."""

    sent: dict[signal.Signals, int] = field(default_factory=dict)
    twice: int = 0
    inside: int = 0
    slowest: float = 0.0
    finished: int = 0
    equal: int = 0
    failures: list[str] = field(default_factory=list)


class Interrupter:
    """Trains runs to their end, signalling their processes on the way."""

    def __init__(self, place: World, reference: dict[str, str], seed: int) -> None:
        self.tally = Tally()
        self._place = place
        self._reference = reference
        self._random = Random(seed)

    def interrupt(self, each: int) -> Tally:
        """Stop processes by each signal so many times, and finish every run that was begun."""
        wanted = [signal.SIGTERM, signal.SIGINT] * each
        number = 0
        while wanted:
            run = self._place.folder / f"run-{number}"
            number += 1
            while not self._lives(run, wanted):
                pass
        return self.tally

    def _lives(self, run: Path, wanted: list[signal.Signals]) -> bool:
        """Start or resume the run and return whether it came to its end."""
        life = self._place.go_on(run)
        moment = draw(self._random)
        if wanted and reached(life, run, moment, self._place.steps):
            began = time.monotonic()
            inside = bool(saving(run, life.pid))
            second = self._signal(life, wanted[0])
            code = life.end()
            if code != 0:
                # A signal in the last moments has nothing to stop: that run ends with 0 and counts as finished.
                self.tally.slowest = max(self.tally.slowest, time.monotonic() - began)
                self.tally.inside += inside
                self.tally.twice += second is not None
                self._note_stop(life, run, (wanted.pop(0), second), moment)
                if not complete(run):
                    return False
                self._compare(run)
                return True
        self._note_end(life, run)
        return True

    def _signal(self, life: Life, first: signal.Signals) -> signal.Signals | None:
        """Send the signal, and now and then another soon after, which is returned."""
        life.process.send_signal(first)
        if self._random.random() >= TWICE or not life.outlives(self._random.uniform(0, SOON)):
            return None
        second = self._random.choice((signal.SIGTERM, signal.SIGINT))
        life.process.send_signal(second)
        return second

    def _note_stop(
        self, life: Life, run: Path, signals: tuple[signal.Signals, signal.Signals | None], moment: Moment
    ) -> None:
        sent, second = signals
        self.tally.sent[sent] = self.tally.sent.get(sent, 0) + 1
        code, at = life.process.returncode, f"{sent.name}, then {second and second.name}, at {moment}"
        early = moment.kind == "anywhere" and moment.seconds < PYTHON_STARTS
        # A shell shows 128 + n as well where Python, starting or ending, is ended by the signal itself.
        allowed = (
            {128 + sent}
            | ({-sent} if early or complete(run) else set())
            | ({128 + second, -second} if second else set())
        )
        if code not in allowed:
            self.tally.failures.append(f"{at}: exit {code}: {life.said()[-1:]}")
        if not early and any(line.startswith("Traceback") for line in life.said()):
            where = [line.strip() for line in life.said() if line.startswith("  File ")]
            self.tally.failures.append(f"{at}: exit {code}, a traceback: {life.said()[-1:]} at {where[-2:]}")
        if scratch(run):
            self.tally.failures.append(f"{at}: left {scratch(run)[0]}")
        if is_run(run) and read_record(run).state == "stopped" and lost_steps(run):
            self.tally.failures.append(f"{at}: stopped without saving the step it was at")

    def _note_end(self, life: Life, run: Path) -> None:
        code = life.end()
        if code != 0:
            self.tally.failures.append(f"{run.name}: exit {code}: {life.said()[-1:]}")
            return
        self._compare(run)

    def _compare(self, run: Path) -> None:
        self.tally.finished += 1
        differing = differences(fingerprint(run), self._reference)
        if differing:
            self.tally.failures.append(f"{run.name}: {differing}")
        else:
            self.tally.equal += 1


def main() -> None:
    """Print the proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    with world() as place:
        reference = place.reference()
        print(f"moments of seed {arguments.seed}", flush=True)
        tally = Interrupter(place, reference, arguments.seed).interrupt(arguments.each)
    if not tally.inside:
        tally.failures.append("no signal fell inside a save")
    figures = {
        **{sent.name: number for sent, number in tally.sent.items()},
        "followed by a second signal": tally.twice,
        "during a save": tally.inside,
        "longest from signal to exit": f"{tally.slowest:.1f} s",
        "finished runs equal to the uninterrupted one": f"{tally.equal} of {tally.finished}",
    }
    report("SIGTERM and SIGINT at random moments", figures, tally.failures)


if __name__ == "__main__":
    main()
