"""What rank 0 sends the others: orders, what a trainer must be like, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.recipes.tables import Table
    from zoo.training.device import Precision


class Order(IntEnum):
    """What rank 0 can have the others do."""

    START = 1
    STEP = 2
    SAVE = 3
    LOAD = 4
    SLOW_DOWN = 5
    END = 6


@dataclass(frozen=True)
class TrainerSpec:
    """What a rank must know to make a trainer like rank 0's.

    Attributes:
        recipe: every field, the data and what stands in for it resolved.
        where: the recipe's file, for messages.
        fingerprint: of rank 0's images.
        device: the type of it (`cuda`).
        precision: of convolutions.
        preferred: distributions whose components are meant by names that others bring too.
    """

    recipe: Table
    where: str
    fingerprint: str
    device: str
    precision: Precision
    preferred: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """How rank 0's training ended.

    Attributes:
        code: its exit code.
        run: the run folder; None where it did not come to one.
    """

    code: int
    run: Path | None
