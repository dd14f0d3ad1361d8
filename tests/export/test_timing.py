"""How fast files are, measured on a machine that does other things as well."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from zoo_export.convert.timing import CERTAIN, ROUNDS_AT_LEAST, compare_speed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Clock:
    """A clock that only functions move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("time.perf_counter", lambda: self.now)

    def taking(self, seconds: Iterable[float]) -> Callable[[], None]:
        """Return a function that takes so long at its first, second ... call."""
        left = iter(seconds)

        def work() -> None:
            self.now += next(left)

        return work


@pytest.mark.parametrize(("ratio", "faster"), [(0.5, True), (1.5, False)])
def test_a_clear_difference_is_certain_after_few_rounds(
    ratio: float, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    speed = compare_speed(
        clock.taking(itertools.repeat(ratio)), clock.taking(itertools.repeat(1.0)), rounds=100, budget=1e3
    )

    assert (speed.rounds, speed.faster) == (ROUNDS_AT_LEAST, faster)
    assert speed.ratio == pytest.approx(ratio)


def test_a_machine_that_becomes_slow_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every round both are called under the same load, which here grows a thousandfold."""
    clock = Clock(monkeypatch)
    load = [1.5**step for step in range(20) for _ in range(2)]
    speed = compare_speed(
        clock.taking(0.8 * factor for factor in load), clock.taking(load), rounds=20, budget=1e9
    )

    assert speed.faster
    assert speed.ratio == pytest.approx(0.8)


def test_a_burst_in_two_rounds_is_outvoted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    mine = [0.5] * 100
    mine[3] = mine[9] = 50.0
    speed = compare_speed(clock.taking(mine), clock.taking(itertools.repeat(1.0)), rounds=50, budget=1e3)

    assert (speed.ratio, speed.faster) == (0.5, True)
    assert speed.rounds > ROUNDS_AT_LEAST


def test_functions_of_one_speed_are_told_apart_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    mine = (0.9 if step // 2 % 2 else 1.1 for step in itertools.count())
    speed = compare_speed(clock.taking(mine), clock.taking(itertools.repeat(1.0)), rounds=40, budget=1e3)

    assert (speed.rounds, speed.faster) == (40, None)
    assert speed.ratio == pytest.approx(1.0)


def test_slow_functions_end_at_the_budget_and_say_that_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    speed = compare_speed(
        clock.taking(itertools.repeat(0.5)), clock.taking(itertools.repeat(1.0)), rounds=100, budget=5.0
    )

    assert (speed.rounds, speed.faster) == (2, None), "3 seconds a round"
    assert 2 * 0.5**ROUNDS_AT_LEAST <= CERTAIN, "or no number of rounds that agree were enough"
