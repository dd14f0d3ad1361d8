"""Damage to the newest checkpoint: a flipped bit, a file cut short, a file gone. All found, the one before is used.

python -m benchmarks.survival.damage [--flips 200] [--seed 0]
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from benchmarks.survival.report import report
from benchmarks.survival.tiny import differences, fingerprint, world
from zoo.runs.checkpoints.checkpoint import newest_good
from zoo.runs.checkpoints.names import checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.survival.tiny import World


@dataclass(frozen=True)
class Damage:
    """What is done to a file: its bytes afterwards, or None where it is removed."""

    what: str
    file: Path
    data: bytes | None

    @contextmanager
    def done(self) -> Iterator[None]:
        """Damage the file for the time of the block."""
        whole = self.file.read_bytes()
        self.inflict()
        try:
            yield
        finally:
            self.file.write_bytes(whole)

    def inflict(self) -> None:
        """Damage the file."""
        if self.data is None:
            self.file.unlink()
        else:
            self.file.write_bytes(self.data)


@dataclass
class Tally:
    """How many kinds of damage were found, and what was not as it should be."""

    found: int = 0
    failures: list[str] = field(default_factory=list)


def files(checkpoint: Path) -> list[Path]:
    """Return a checkpoint's files in a fixed order."""
    return sorted(path for path in checkpoint.rglob("*") if path.is_file())


def flip(random: Random, checkpoint: Path) -> Damage:
    """Flip one random bit of one of the files, each as likely as the others."""
    file = random.choice(files(checkpoint))
    data = bytearray(file.read_bytes())
    place, bit = random.randrange(len(data)), random.randrange(8)
    data[place] ^= 1 << bit
    return Damage(f"{file.name}: bit {bit} of byte {place} flipped", file, bytes(data))


def cuts(checkpoint: Path) -> Iterator[Damage]:
    """Cut each file short in four ways, and remove it."""
    for file in files(checkpoint):
        data = file.read_bytes()
        for length in (0, 1, len(data) // 2, len(data) - 1):
            yield Damage(f"{file.name}: cut to {length} of {len(data)} bytes", file, data[:length])
        yield Damage(f"{file.name}: removed", file, None)


def look(run: Path, damage: Damage, tally: Tally) -> None:
    """Damage the newest checkpoint and see whether the one before is used and the damaged one named."""
    newest, before = checkpoints(run)[-1], checkpoints(run)[-2]
    with damage.done():
        state, troubles = newest_good(run)
    step = None if state is None else state["trainer"]["step"]
    if step != int(before.name.removeprefix("step-")):
        tally.failures.append(f"{damage.what}: not found, or step {step} was used in place of {before.name}")
    elif len(troubles) != 1 or str(newest) not in troubles[0]:
        tally.failures.append(f"{damage.what}: the damaged one is not named: {troubles}")
    else:
        tally.found += 1


def resumed(place: World, run: Path, damage: Damage, reference: dict[str, str]) -> list[str]:
    """Damage the newest checkpoint for good, `zoo resume`, and return what went wrong."""
    newest = checkpoints(run)[-1]
    damage.inflict()
    life = place.go_on(run)
    code = life.end()
    if code != 0:
        return [f"{damage.what}: resume ended with {code}: {life.said()[-1:]}"]
    wrong = []
    if [str(newest) in line for line in life.warnings()] != [True]:
        wrong.append(f"{damage.what}: resume did not name {newest.name} once: {life.warnings()}")
    differing = differences(fingerprint(run), reference)
    if differing:
        wrong.append(f"{damage.what}: the resumed run is not the undamaged one: {differing}")
    return wrong


def main() -> None:
    """Print the proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the places")
    arguments = parser.parse_args()
    random, tally = Random(arguments.seed), Tally()
    with world() as place:
        reference = place.reference()
        run = place.folder / "reference"
        newest = checkpoints(run)[-1]
        flips = [flip(random, newest) for _ in range(arguments.flips)]
        others = list(cuts(newest))
        for damage in flips + others:
            look(run, damage, tally)
        through = 0
        for damage in (flips[0], *others[2:5]):
            tally.failures += resumed(place, run, damage, reference)
            through += 1
    figures = {
        "places of a flipped bit": len(flips),
        "files cut short or removed": len(others),
        "found, named, the one before used": f"{tally.found} of {len(flips) + len(others)}",
        "through `zoo resume`, bit-exact in the end": through,
    }
    report("damage to the newest checkpoint", figures, tally.failures)


if __name__ == "__main__":
    main()
