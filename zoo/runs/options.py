"""How to train, as whoever starts or resumes a run asks for it. Importing it does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from zoo.errors import InputError
from zoo.system.arguments import given_choice, given_flag, given_words, shown
from zoo.training.ranks import ALONE, Ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.training.device import DeviceChoice, PrecisionChoice

OnNan = Literal["stop", "rollback"]
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
YEAR = 366 * 24 * 60
"""Minutes of a year, the longest that a training may be given."""


@dataclass(frozen=True)
class TrainOptions:
    """What the command line and the Python API let people choose beside the recipe.

    Where a field is None, a resumed run has it as before; a new one takes device and precision `auto`, and a CUDA graph
    where it can.

    Raises:
        InputError: a choice is none of those there are, or `minutes` is no number above 0, or more than a year.

    Attributes:
        device: where to train.
        precision: of convolutions.
        eager: on a GPU, launch kernel by kernel and capture no CUDA graph.
        on_nan: whether a divergence ends the run, or sends it back to its last good checkpoint with half the learning
            rates, three times at most.
        minutes: how long to train in this session, from the first step on; it ends after the step in which the time
            is up, or with the last step. None for as long as the steps take.
        trackers: names of trackers that follow the run, beside the plugins that follow every one.
        ranks: who trains together; this process is the first of them.
    """

    device: DeviceChoice | None = None
    precision: PrecisionChoice | None = None
    eager: bool | None = None
    on_nan: OnNan = "stop"
    minutes: float | None = None
    trackers: Sequence[str] = ()
    ranks: Ranks = ALONE

    def __post_init__(self) -> None:
        for name, choices in (("device", DEVICES), ("precision", PRECISIONS)):
            if (choice := getattr(self, name)) is not None:
                given_choice(choice, name, choices)
        if self.eager is not None:
            given_flag(self.eager, "eager")
        given_choice(self.on_nan, "on_nan", get_args(OnNan))
        object.__setattr__(self, "trackers", tuple(given_words(self.trackers, "trackers", "NAME")))
        if self.minutes is not None:
            checked_minutes(self.minutes)


DEFAULTS = TrainOptions()


def checked_minutes(value: object, name: str = "minutes") -> float:
    """Return a number of minutes, more than none and at most a year.

    Raises:
        InputError: it is none; the message calls it by `name`.
    """
    try:
        minutes = (
            float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
        )
    except (ValueError, OverflowError):
        minutes = None
    # Not a number is neither more nor less than any other.
    if minutes is None or not 0 < minutes <= YEAR:
        told = repr(str(value)[:40]) if isinstance(value, (str, int, float)) else shown(value)
        raise InputError(
            f"{name}: {told} is no number of minutes above 0 and up to {YEAR:,} (a year). "
            "Give one like 4 or 0.5"
        )
    return minutes
