"""What the zoo raises at people: one line each, `<what>: <why>. <what to do>`, and the exit code that goes with it."""

from __future__ import annotations

import difflib
import shlex
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


MOST_NAMES = 10
"""That a line of advice lists in full."""
MOST_NEAR = 5
"""Names that one word may have meant; where there are more, it says too little."""
ALIKE = 0.75
"""The share of equal letters (difflib's ratio) from which two words are one, mistyped: a unicorn is no onion."""
SHORTEST_PART = 3
"""Letters of a word that names are looked through for."""
REASON_LENGTH = 300
"""An ImportError's advice can be a page long."""


LOWER_THE_RATE = (
    "Lower the learning rate with --set optimizers.critic.learning_rate=..., or let --on-nan rollback do it"
)


class ZooError(Exception):
    """An expected failure; its message is the whole line a person reads after `zoo: error:`."""

    exit_code: int = 1


class UsageError(ZooError):
    """An unknown command, option, recipe or component."""

    exit_code = 2


class InputError(ZooError):
    """A file, field or value that is wrong."""

    exit_code = 3


class NewerFormatError(InputError):
    """A file in a form that a later release of the zoo has brought.

    Attributes:
        reason: what is wrong with it and what to do, without its name.
    """

    def __init__(self, what: object, found: int, known: int) -> None:
        self.reason = (
            f"its format is {found}, and this version reads {known}: it was made by a newer zoo. "
            "Upgrade with pip install --upgrade gan-model-zoo"
        )
        super().__init__(f"{what}: {self.reason}")


def refuse_newer(what: object, found: object, known: int) -> None:
    """Raise NewerFormatError where the format number that a file gives itself is later than the one known."""
    if type(found) is int and found > known:
        raise NewerFormatError(what, found, known)


class IntegrityError(ZooError):
    """Bytes that are not what their hash, or their proof, says."""

    exit_code = 4


class ResourceError(ZooError):
    """Disk, memory or time ran out."""

    exit_code = 5


class NoMemoryError(ResourceError):
    """A training would take more memory than is free; another of other sizes may still fit."""


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


def is_memory_error(error: BaseException) -> bool:
    """Whether there was not enough memory: Python's error, torch's own for a GPU, or its RuntimeError for the CPU.

    torch's are told by name and text, so that it need not be imported.
    """
    allocating = isinstance(error, RuntimeError) and "DefaultCPUAllocator" in _text(error)
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or allocating


def reason_of(error: BaseException) -> str:
    """Return what an exception of somebody else's code says, as a clause of one line and at most 200 characters."""
    return " ".join(_text(error).split())[:200].rstrip(". ") or type(error).__name__


def kind_and_reason(error: BaseException) -> str:
    """Return an exception's kind and text on one line of `REASON_LENGTH` characters at most, for whoever mends it."""
    words = f"{type(error).__name__}: {_text(error)}".rstrip(": ")
    return textwrap.shorten(words, REASON_LENGTH, placeholder=" …")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # its text is made by somebody else's code, too
        return ""


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return a number and its noun: `1 image`, `80,000 images`, `3 entries`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def rounded(figure: float) -> str:
    """Return a metric's figure as people read it, in 4 significant digits: `27.13`, `0.00491`."""
    return f"{figure:.4g}"


def joined(names: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def by_reason(reasons: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Return each reason once, with the names of all that it was given for, in the order in which they came.

    Args:
        reasons: a name, and why something is wrong with it; a reason that begins with its name and a colon counts as
            the one behind it.
    """
    groups: dict[str, list[str]] = {}
    for name, reason in reasons:
        groups.setdefault(reason.removeprefix(f"{name}: "), []).append(name)
    return [(list(dict.fromkeys(names)), reason) for reason, names in groups.items()]


def left_out(reasons: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for each reason: `fid and kid are left out: torchmetrics is not installed`."""
    return [
        f"{some(names)} {'is' if len(names) == 1 else 'are'} left out: {reason}"
        for names, reason in by_reason(reasons)
    ]


def some(names: Sequence[str]) -> str:
    """Return `a, b and c`; of more than `MOST_NAMES` the first few and how many others there are."""
    others = len(names) - MOST_NAMES
    return joined(names if others < 2 else [*names[:MOST_NAMES], f"{others:,} others"])


def quoted(path: object) -> str:
    """Return a path or name as a shell takes it, for a command to copy: `'my runs/camel'`."""
    return shlex.quote(str(path))


def near_misses(word: str, known: Iterable[str]) -> list[str]:
    """Return what somebody who wrote `word` may have meant, the best first: at most `MOST_NEAR`, often one or none.

    A name differs in a letter or two of many, or goes on where the word ends (`camel`, and `camelz`, for the three
    recipes of camels), or holds it (`wgangp`).
    """
    names, typed = sorted(set(known), key=str.casefold), word.casefold()

    # A short word with several letters more is another word: `count` is no slip of `out`.
    most_more = max(1, len(typed) // 3)

    def alike(name: str) -> float:
        return difflib.SequenceMatcher(None, typed, name.casefold(), autojunk=False).ratio()

    same = [name for name in names if name.casefold() == typed]
    longer = [name for name in names if name.casefold().startswith(typed)]
    close = [name for name in names if alike(name) >= ALIKE and abs(len(name) - len(typed)) <= most_more]
    mistyped = sorted(close, key=alike, reverse=True)[:1]
    beginning = [name for name in names if len(name) > len(typed) and alike(name[: len(typed)]) >= ALIKE]
    parts = [name for name in names if typed in name.casefold().split("-")]
    holding = [name for name in names if typed in name.casefold()]
    some = [longer, mistyped, parts, beginning, holding] if len(typed) >= SHORTEST_PART else [mistyped]
    return next((found for found in (same, *some) if 0 < len(found) <= MOST_NEAR), [])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the advice that ends a message about an unknown name: the near misses, or what is known instead.

    Of more than `MOST_NAMES` the first few are shown; the word itself is never one of them.
    """
    names = sorted(set(known) - {word}, key=str.casefold)
    near = near_misses(word, names)
    if near:
        return f"Did you mean {joined([repr(name) for name in near], 'or')}?"
    if len(names) > MOST_NAMES:
        return f"There are {len(names)}, for example {', '.join(names[:3])}."
    return f"There is {', '.join(names)}." if names else "There is none."
