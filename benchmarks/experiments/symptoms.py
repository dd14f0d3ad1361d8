"""Which symptoms are found in the trainings, and in small ones that are made sick on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.sick.trainings import HEALTHY, SICK, train, train_overfitted
from zoo.plugins.collect import load_registry
from zoo.reports.read import read_history

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from zoo.components import Symptom
    from zoo.history import History

CASES = HEALTHY | SICK
OVERFITTED = "overfitted-critic"


def symptom_names() -> list[str]:
    """Return the name of every symptom."""
    return load_registry().names("symptom")


def symptom_row(title: str, history: History) -> str:
    """Return a row of a table: which symptoms are found."""
    cells = []
    for entry in load_registry().entries("symptom").values():
        symptom: type[Symptom] = entry.component  # type: ignore[assignment]
        cells.append("**yes**" if symptom().find(history) else "")
    return f"| {title} | {' | '.join(cells)} |"


def sick_histories(out: Path, names: Iterable[str] = (*CASES, OVERFITTED)) -> Iterator[tuple[str, History]]:
    """Yield the small trainings of discs, those that are healthy first; what is missing is trained."""
    for name in names:
        folder = out / name
        if (folder / "run" / "run.json").exists():
            yield name, read_history(folder / "run")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        yield name, train_overfitted(folder) if name == OVERFITTED else train(CASES[name], folder)
