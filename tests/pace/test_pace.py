"""What is due when, how fast it goes, and what other processes are told of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from zoo.pace import cadence, speed
from zoo.pace.cadence import Cadence
from zoo.pace.live import EVERY, NAME, TRAINING, Live, read_progress
from zoo.pace.speed import Speed, in_words
from zoo.recipes.recipe import Training

if TYPE_CHECKING:
    from pathlib import Path

TRAINED = Training(steps=400, batch_size=8, critic_steps=2, sample_every=150, checkpoint_every=250)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in ("cadence", "speed", "live"):
        monkeypatch.setattr(f"zoo.pace.{module}.time", made)
    return made


def test_samples_come_early_then_at_the_cadence_and_at_the_end() -> None:
    due = Cadence(TRAINED, 400)

    assert [step for step in range(1, 401) if due.samples(step)] == [1, 10, 25, 50, 100, 150, 300, 400]


def test_a_checkpoint_is_due_by_steps_and_by_the_clock(clock: Clock) -> None:
    due = Cadence(TRAINED, 400)
    assert [step for step in range(1, 401) if due.saves(step)] == [250, 400]
    assert (due.steps_to_save(240), due.steps_to_save(250), due.steps_to_save(399)) == (10, 150, 1)

    clock.now += cadence.CHECKPOINT_SECONDS
    assert due.saves(3)
    due.saved()
    assert not due.saves(3)
    assert due.seconds_to_save() == cadence.CHECKPOINT_SECONDS <= 180


def test_the_first_step_does_not_count_once_there_is_another(clock: Clock) -> None:
    pace = Speed()
    pace.start(5)
    assert pace.steps_per_second is None
    clock.now += 10
    pace.made(6)
    assert pace.steps_per_second == pytest.approx(0.1)
    for step in range(7, 11):
        clock.now += 2
        pace.made(step)
    assert pace.steps_per_second == pytest.approx(0.5)

    for step in range(11, 11 + 3 * int(speed.WINDOW)):
        clock.now += 1
        pace.made(step)
    assert pace.steps_per_second == pytest.approx(1), "what was long ago is forgotten"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.4, "0 s"), (99.4, "99 s"), (100, "2 min"), (5940, "99 min"), (7500, "2 h 05 min"),
     (47 * 3600, "47 h 00 min"), (49 * 3600, "2 days")],
)  # fmt: skip
def test_a_length_of_time_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_another_process_reads_how_far_it_is(tmp_path: Path, clock: Clock) -> None:
    live = Live(tmp_path, 16)
    live.start(0, 400, Cadence(TRAINED, 400))
    for step in (1, 2, 3):
        clock.now += EVERY
        live.made(step)
    found = read_progress(tmp_path, os.getpid())

    assert found is not None
    assert (found.doing, found.step, found.until, found.images_per_second) == (TRAINING, 3, 400, 8.0)
    assert found.seconds_left == pytest.approx(397 * EVERY)
    assert found.checkpoint_in == cadence.CHECKPOINT_SECONDS - 3 * EVERY
    live.deadline = clock.now + 7
    with live.busy("measuring swd"):
        found = read_progress(tmp_path, os.getpid())
    assert found is not None
    assert (found.doing, found.seconds_left, live.doing, live.steps_ahead) == (
        "measuring swd",
        7,
        TRAINING,
        4,
    )
    live.deadline = clock.now + 0.3 * EVERY
    assert live.steps_ahead == 1, "the step in which the time is up is finished"
    assert read_progress(tmp_path, os.getpid() + 1) is None, "what a killed process left is not this one's"
    live.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"pid": 1}',
        b'{"pid": "x", "doing": "", "step": 1, "until": 2}',
        b'{"pid": 1, "doing": "", "step": null, "until": 2}',
        b'{"pid": 1, "doing": 7, "step": 1, "until": 2}',
        b'{"pid": 1, "doing": "", "step": 1, "until": 2, "seconds_left": "x"}',
        b"[" * 100_000,
    ],
)
def test_a_progress_file_that_is_none_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)

    assert read_progress(tmp_path, 1) is None


def test_a_progress_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    live = Live(tmp_path / "gone", 16)
    live.start(0, 4, Cadence(TRAINED, 4))
    live.made(1)
    live.close()

    assert not (tmp_path / "gone").exists()


def test_the_file_is_json_of_plain_facts(tmp_path: Path) -> None:
    live = Live(tmp_path, 16)
    live.begin("saving a checkpoint")
    facts: dict[str, Any] = json.loads((tmp_path / NAME).read_bytes())

    assert facts == {
        "pid": os.getpid(), "doing": "saving a checkpoint", "step": 0, "until": 0, "images_per_second": None,
        "seconds_left": None, "checkpoint_in": None,
    }  # fmt: skip
