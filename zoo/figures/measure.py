"""From pictures to figures, by metrics that need torch and by those that do not."""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

import numpy as np

from zoo.__about__ import EXTRAS
from zoo.errors import InputError, ZooError, is_memory_error, kind_and_reason
from zoo.figures.result import Figure
from zoo.pace.speed import in_words
from zoo.plugins.manager import is_interruption
from zoo.system.console import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from zoo.figures.metrics import Chosen
    from zoo.figures.real import RealSet

    Pictures = NDArray[np.uint8]

NOISE_SEED = 2**43
SILENCE = 10.0
"""Seconds between two lines about a metric that takes long."""
OFTEN = 6
"""So many lines come after this silence; then it lasts as many times longer."""


class Bench(Protocol):
    """Measures one set of images against real ones."""

    def figure(self, chosen: Chosen) -> float:
        """Return a metric's figure."""


def has_torch() -> bool:
    """Whether torch can be imported."""
    try:
        return find_spec("torch") is not None
    except (ValueError, ModuleNotFoundError):  # something stands in its way
        return False


def measured(
    chosen: Sequence[Chosen], pictures: Pictures, real: RealSet, seed: int, *, ends: bool
) -> tuple[Figure, ...]:
    """Return each metric's figure of pictures (N, C, H, W); where `ends` says so, those of real images and noise too.

    Raises:
        ZooError: a metric that a person asked for cannot measure these images.
    """
    with ExitStack() as stack:
        if has_torch():
            from zoo.figures.torch_bench import TorchBench
            from zoo.training.process_state import isolated

            stack.enter_context(isolated())
            bench: Callable[[Pictures, RealSet], Bench] = TorchBench
        else:
            bench = NumpyBench
        benches = {"value": bench(pictures, real)}
        reals: dict[str, Bench] = {}
        if ends:
            said: set[str] = set()
            for kind in sorted({one.metric.compares_with for one in chosen}):
                if kind == "training" and real.training is None:
                    continue
                other, rest = real.halves(len(pictures), kind)
                reals[kind] = bench(other, rest)
                against = rest.reference if rest.training is None or kind == "held-out" else rest.training
                line = (
                    f"the ends: {len(other):,} real images against {len(against):,} others, and random pixels"
                )
                if line not in said:
                    say(line)
                said.add(line)
            benches["noise"] = bench(_noise(pictures), real)
        return tuple(_figure(one, _benches(one, benches, reals), real, len(pictures), seed) for one in chosen)


def _benches(chosen: Chosen, benches: dict[str, Bench], reals: dict[str, Bench]) -> dict[str, Bench]:
    """Return what a metric measures, the real end that is right for what it compares with included."""
    kind = chosen.metric.compares_with
    return benches | ({"real": reals[kind]} if kind in reals else {})


class NumpyBench:
    """Measures with arrays alone.

    Args:
        pictures: uint8 (N, C, H, W).
        real: what they are compared with.
    """

    def __init__(self, pictures: Pictures, real: RealSet) -> None:
        self._fake = scaled(pictures)
        self._real = real

    def figure(self, chosen: Chosen) -> float:
        """Return a metric's figure; it must be one that needs no torch."""
        places = self._real.compared(chosen.metric)
        return float(chosen.metric.measure(scaled(self._real.images.pixels[places]), self._fake))  # type: ignore[arg-type]


def scaled(pixels: Pictures) -> NDArray[np.float32]:
    """Return uint8 as float32 in [-1, 1]."""
    return pixels.astype(np.float32) / np.float32(127.5) - 1


def _noise(pictures: Pictures) -> Pictures:
    random = np.random.Generator(np.random.Philox(NOISE_SEED))
    return random.integers(0, 256, pictures.shape, np.uint8)


def _figure(chosen: Chosen, benches: dict[str, Bench], real: RealSet, count: int, seed: int) -> Figure:
    nothing = Figure(chosen.spelt, None, chosen.metric.higher_is_better, protocol="")
    try:
        protocol = real.protocol(chosen, count, seed)
        with _said(f"measuring {chosen.spelt}"):
            found = {what: _number(chosen, bench, what) for what, bench in benches.items()}
    except ZooError as error:
        if chosen.required:
            raise
        return replace(nothing, missing=" ".join(str(error).split()))
    return replace(nothing, protocol=protocol, **found)  # type: ignore[arg-type]


@contextmanager
def _said(doing: str) -> Iterator[None]:
    """Say what is being done, and again every `SILENCE` seconds, later less often: a network may take many minutes."""
    over, began = threading.Event(), time.monotonic()

    def repeat() -> None:
        times = 0
        while not over.wait(SILENCE if times < OFTEN else OFTEN * SILENCE):
            times += 1
            say(f"{doing}, {in_words(time.monotonic() - began)} so far")

    say(f"{doing} ...")
    speaker = threading.Thread(target=repeat, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()


def _number(chosen: Chosen, bench: Bench, what: str) -> float:
    """Return a figure that is a finite number.

    Raises:
        ZooError: it is none, or the metric fails.
    """
    try:
        found = bench.figure(chosen)
    except ZooError:
        raise
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        raise InputError(
            f"{chosen.spelt}: {missing} is not installed, and this needs it. "
            f'Run pip install "gan-model-zoo[{EXTRAS[missing]}]"'
        ) from error
    except Exception as error:
        if is_interruption(error) or is_memory_error(error):
            raise
        raise InputError(
            f"{chosen.spelt}: it failed on these images: {kind_and_reason(error)}. Leave it out"
        ) from error
    if not math.isfinite(found):
        of = {"value": "the pictures", "real": "real images", "noise": "noise"}[what]
        raise InputError(f"{chosen.spelt}: its figure of {of} is {found}, which is no number. Leave it out")
    return found
