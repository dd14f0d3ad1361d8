"""What ails a training: each symptom of the plugins is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import by_reason, some
from zoo.plugins.collect import load_registry
from zoo.system.console import warn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.components import Symptom
    from zoo.history import Diagnosis, History


def diagnose(history: History) -> list[Diagnosis]:
    """Return what the symptoms find, in the order of their names; one that fails is left out with a warning."""
    found: list[Diagnosis] = []
    failed: list[tuple[str, str]] = []
    for name, entry in load_registry().entries("symptom").items():
        symptom: type[Symptom] = entry.component  # type: ignore[assignment]
        try:
            diagnosis = symptom().find(history)
        except Exception as error:
            failed.append((f"{name} of {entry.provider.distribution}", str(error)))
            continue
        if diagnosis is not None:
            found.append(diagnosis)
    for names, reason in by_reason(failed):
        noun, left = ("symptom", "It is") if len(names) == 1 else ("symptoms", "They are")
        warn(f"the {noun} {some(names)} failed ({reason}). {left} left out")
    return found


def in_lines(findings: Iterable[Diagnosis]) -> list[str]:
    """Return findings as lines of text: what, what shows it, why, and what to try."""
    lines = []
    for finding in findings:
        lines += [f"{finding.what}.", f"  seen:  {finding.evidence}", f"  why:   {finding.cause}"]
        lines += [f"  try:   {advice}" for advice in finding.advice]
    return lines
