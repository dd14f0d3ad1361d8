"""How a proof ends: a line of a Markdown table, the machine, and exit code 1 where a claim failed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.support.machine import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def report(what: str, figures: Mapping[str, object], failures: Sequence[str]) -> None:
    """Print the figures and what contradicts the claim, then end the process."""
    cell = "; ".join(f"{name} {value}" for name, value in figures.items())
    print(f"| {what} | {cell} | {'FAILED' if failures else 'holds'} |\n\n{machine()}")
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)
