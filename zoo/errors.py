"""What the zoo raises at people: one line each, `<what>: <why>. <what to do>`, and the exit code that goes with it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


MOST_NAMES = 10
"""That a line of advice lists in full."""


LOWER_THE_RATE = (
    "Lower the learning rate with --set optimizers.critic.learning_rate=..., or let --on-nan rollback do it"
)


class ZooError(Exception):
    """An expected failure; its message is the whole line a person reads after `zoo: error:`."""

    exit_code: ClassVar[int] = 1


class UsageError(ZooError):
    """An unknown command, option, recipe or component."""

    exit_code = 2


class InputError(ZooError):
    """A file, field or value that is wrong."""

    exit_code = 3


class IntegrityError(ZooError):
    """Bytes that are not what their hash, or their proof, says."""

    exit_code = 4


class ResourceError(ZooError):
    """Disk, memory or time ran out."""

    exit_code = 5


class NetworkError(ZooError):
    """The network or the Hub did not give what was asked for."""

    exit_code = 6


class BusyError(ZooError):
    """Another process holds the run folder."""

    exit_code = 7


class DivergedError(ZooError):
    """Training produced a loss, a gradient or a weight that is not a finite number.

    Attributes:
        step: where it began.
        cause: what it began with (`the loss critic.wasserstein is nan`).
    """

    exit_code = 10

    def __init__(self, step: int, cause: str, advice: str = LOWER_THE_RATE) -> None:
        self.step = step
        self.cause = cause
        super().__init__(f"step {step}: {cause}. {advice}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the advice that ends a message about an unknown name: the near miss, or what is known instead.

    Of more than `MOST_NAMES` the first few are shown.
    """
    names = sorted(known, key=str.casefold)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    if len(names) > MOST_NAMES:
        return f"There are {len(names)}, for example {', '.join(names[:3])}."
    return f"There is {', '.join(names)}." if names else "There is none."
