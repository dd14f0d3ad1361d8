"""Each symptom in a run that is made sick on purpose, and none in healthy runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sick.trainings import HEALTHY, SICK, train, train_overfitted
from zoo.plugins.collect import load_registry

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.components import Symptom
    from zoo.history import History

NAMES = load_registry().names("symptom")


@pytest.fixture(autouse=True)
def _no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_REPORT", "0")


def found(history: History) -> list[str]:
    symptoms: dict[str, type[Symptom]] = {
        name: entry.component  # type: ignore[misc]
        for name, entry in load_registry().entries("symptom").items()
    }
    return [name for name, symptom in symptoms.items() if symptom().find(history)]


def test_every_symptom_has_a_sick_run() -> None:
    assert sorted([*SICK, "overfitted-critic"]) == NAMES


@pytest.mark.parametrize("name", SICK)
def test_a_sick_run_has_its_symptom(tmp_path: Path, name: str) -> None:
    assert name in found(train(SICK[name], tmp_path))


def test_a_critic_that_can_only_learn_by_heart_is_overfitted(tmp_path: Path) -> None:
    assert "overfitted-critic" in found(train_overfitted(tmp_path))


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_has_none(tmp_path: Path, name: str) -> None:
    # So short a run is still getting better, and that is said of it.
    assert set(found(train(HEALTHY[name], tmp_path))) <= {"not-trained-long-enough"}
