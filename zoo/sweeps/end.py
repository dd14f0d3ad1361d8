"""How a sweep ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import ZooError, by_reason, counted, some

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zoo.sweeps.record import Failure


class FailedRunsError(ZooError):
    """Some runs of a sweep failed; the exit code is that of the first."""

    def __init__(self, sweep: Path, failures: Mapping[str, Failure]) -> None:
        reasons = by_reason((name, failure.message) for name, failure in failures.items())
        told = "; ".join(f"{some(names)}: {reason}" for names, reason in reasons)
        super().__init__(f"{sweep}: {counted(len(failures), 'run')} failed: {told}")
        self.exit_code = next(iter(failures.values())).exit_code


@dataclass(frozen=True)
class Ended:
    """How a sweep ended.

    Attributes:
        path: its folder.
        signal: what stopped it; None where it came to its end, or the time was up.
        left: how many runs have not come to their end.
        failures: by the folders of the runs that failed, why.
    """

    path: Path
    signal: int | None
    left: int
    failures: Mapping[str, Failure]
