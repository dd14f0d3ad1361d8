"""A training survives kills, signals, damage, rivals and limits: the short form of `benchmarks/survival`."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING

import pytest

from benchmarks.survival.damage import Tally as Found
from benchmarks.survival.damage import cuts, flip, look
from benchmarks.survival.kills import Tormentor
from benchmarks.survival.limits import limit_files
from benchmarks.survival.starts import Race, begun
from benchmarks.survival.tiny import INTERVAL, World, lost_steps, scratch
from benchmarks.survival.troubled import committed, finishes, held_still, intact, reaches, refused
from zoo.runs.checkpoints.names import TENSORS, checkpoints
from zoo.runs.record import read_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.survival.kills import Tally

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits as POSIX has them")
STEPS = 40
Reference = dict[str, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a world of short runs, whose processes end with the module."""
    made = World(tmp_path_factory.mktemp("survival"), STEPS, ("training.eval_every=20",))
    yield made
    made.close()


@pytest.fixture(scope="module")
def reference(place: World) -> Reference:
    """Return what a run that nothing happened to ends with."""
    return place.reference()


def test_killed_runs_end_as_if_nothing_had_happened(place: World, reference: Reference) -> None:
    def torment(seed: int) -> Tally:
        return Tormentor(place, reference, seed).torment(kills=3)

    with ThreadPoolExecutor(2) as pool:
        tallies = list(pool.map(torment, (1, 2)))

    for tally in tallies:
        assert (tally.kills, tally.unreadable, tally.manual, tally.warned, tally.left) == (3, [], [], [], [])
        assert tally.finished >= 1
        assert tally.unequal == []
        assert tally.lost <= INTERVAL


def test_signals_stop_a_run_at_its_step_and_a_second_one_corrupts_nothing(
    place: World, reference: Reference
) -> None:
    run = place.folder / "signalled"
    life = place.train(run)
    assert reaches(life, run, 2), life.said()
    life.process.send_signal(signal.SIGTERM)
    assert life.end() == 128 + signal.SIGTERM
    assert (read_record(run).state, lost_steps(run), scratch(run)) == ("stopped", 0, [])

    life = place.go_on(run)
    assert begun(run, life), life.said()
    life.process.send_signal(signal.SIGINT)
    if life.outlives(0.05):
        life.process.send_signal(signal.SIGTERM)
    assert life.end() == 128 + signal.SIGINT
    assert (read_record(run).state, lost_steps(run), scratch(run)) == ("stopped", 0, [])
    assert finishes(place, run, reference) == []


@pytest.mark.usefixtures("reference")
def test_any_damage_to_the_newest_checkpoint_is_found_and_the_one_before_used(place: World) -> None:
    run, random, tally = place.folder / "reference", Random(0), Found()
    newest = checkpoints(run)[-1]
    damages = [*(flip(random, newest) for _ in range(20)), *cuts(newest)]
    for damage in damages:
        look(run, damage, tally)

    assert tally.failures == []
    assert tally.found == len(damages) == 20 + 3 * 5


def test_of_four_starts_at_once_one_trains_and_a_killed_one_leaves_no_lock(
    place: World, reference: Reference
) -> None:
    run = place.folder / "wanted"
    race = Race(4, lambda: place.train(run))
    assert race.failures == []
    assert race.winner is not None
    assert begun(run, race.winner), race.winner.said()
    race.winner.kill()

    assert finishes(place, run, reference) == []


def test_a_file_size_limit_costs_no_checkpoint(place: World, reference: Reference) -> None:
    run = place.folder / "limited"
    life = place.train(run)
    assert reaches(life, run, 2), life.said()
    with held_still(life):
        before = committed(run)
        limit_files(life.pid, (checkpoints(run)[-1] / TENSORS).stat().st_size // 2)

    assert refused(life, run) == []
    assert intact(run, before) == []
    assert finishes(place, run, reference) == []
