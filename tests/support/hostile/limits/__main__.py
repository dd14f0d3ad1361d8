"""Meet every limit below, at and over it, each time in a process of its own, and print what it took.

python -m tests.support.hostile.limits [WORD ...]: a line of JSON for each, of limits whose row holds a word.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError

from zoo.plugins.collect import load_registry

if TYPE_CHECKING:
    from tests.support.hostile.limits.limit import Limit

GROUPS = {
    "onnx_files": "ONNX_LIMITS",
    "texts": "TEXT_LIMITS",
    "data": "DATA_LIMITS",
    "reports": "REPORT_LIMITS",
    "weights": "WEIGHT_LIMITS",
}
"""Modules and what they call their limits."""
WITH_TORCH = ("reports", "weights")
"""Those whose commands load torch; they come last, since all after them have it too."""


class Met(NamedTuple):
    """What came of meeting a limit."""

    group: str
    number: int
    """Of the limit in its group."""
    where: int
    """-1 below it, 0 at it, 1 beyond it."""
    error: str | None
    """The kind of error, None where there was none."""
    code: int | None
    said: str
    processor: float
    """Seconds of the processor: others may be using the machine."""
    megabytes: float
    """The most of the process and of any that it started, with what is loaded by all of the group."""


def limits_of(group: str) -> tuple[Limit, ...]:
    """Return the limits of a group."""
    found: tuple[Limit, ...] = getattr(import_module(f"tests.support.hostile.limits.{group}"), GROUPS[group])
    return found


def meet(limit: Limit, where: int) -> tuple[str | None, int | None, str]:
    """Return the kind of error that came of it, its exit code or status, and what it said."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            limit.meet(Path(folder), limit.most + where * limit.step)
    except Exception as error:
        said = error.read().decode() if isinstance(error, HTTPError) else str(error)
        return type(error).__name__, getattr(error, "exit_code", getattr(error, "code", None)), said
    return None, None, ""


def measured(group: str, index: int, where: int) -> Met:
    """Meet a limit in a fork of this process."""
    limit = limits_of(group)[index]
    with tempfile.TemporaryFile("w+") as told:
        child = os.fork()
        if not child:
            try:
                json.dump(meet(limit, where), told)
                told.flush()
            finally:
                os._exit(0)
        _, status, used = os.wait4(child, 0)
        assert status == 0, (limit, where)
        told.seek(0)
        error, code, said = json.load(told)
    peak = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Met(group, index, where, error, code, said, used.ru_utime + used.ru_stime, peak)


def main() -> None:
    """Print all."""
    for group in GROUPS:
        limits = limits_of(group)
        if group in WITH_TORCH:
            import torch

            # Once, for all the processes that are forked.
            load_registry()
            torch.zeros(1, device="meta").normal_()
        gc.freeze()  # a collection in a fork would copy what it looks at
        for index, limit in enumerate(limits):
            if not sys.argv[1:] or any(word in limit.row for word in sys.argv[1:]):
                for where in (-1, 0, 1):
                    print(json.dumps(measured(group, index, where)), flush=True)


if __name__ == "__main__":
    main()
