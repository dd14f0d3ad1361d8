"""Which of a training's processes this one is, as `torchrun` says in the environment. Free of torch."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Rank:
    """A process among those that train together.

    Attributes:
        rank: its number among them all, from 0.
        size: how many there are.
        local: its number among those on this machine, from 0.
    """

    rank: int
    size: int
    local: int


def this_rank() -> Rank | None:
    """Return this process's rank, or None where it trains alone.

    Other programs set `RANK` and `WORLD_SIZE` too; only torchrun and what it starts have a `TORCHELASTIC_RUN_ID`.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    rank, size, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    return Rank(rank, size, local) if size > 1 else None


def follows() -> bool:
    """Whether this process does what rank 0 of its training does, and is silent about it."""
    here = this_rank()
    return here is not None and here.rank > 0


def refuse_ranks(what: str) -> None:
    """Refuse a sweep on processes that train together: what they agree on is one training.

    Raises:
        UsageError: this process is one of several.
    """
    if this_rank() is not None:
        raise UsageError(
            f"{what}: the runs of a sweep are trained by one process, and torchrun started several. Train them one by "
            "one with torchrun, or leave torchrun out"
        )


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Spare a process of several the interpreter's teardown after the block, when all else that runs at exit has run.

    Threads of torch.distributed that are still there during it abort the process now and again.
    """
    if this_rank() is None:
        yield
        return
    code = 1

    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)

    # What is registered first runs last.
    atexit.register(end)
    try:
        yield
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise
