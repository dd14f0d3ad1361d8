"""Latents that are the same everywhere: picture i of seed s is one vector, in any batch, on any machine."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import InputError
from zoo.system.arguments import given_number, given_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 1024
"""Pictures whose numbers are made together: numpy's calls cost more than what they do to one picture's."""
WORDS_AT_A_TIME = 4
"""How many words a step of Philox's counter gives."""
LEAST_TRUNCATION = 0.02
"""Of which 1.6 % of normal numbers are within: below it, drawing again would take too long."""


def latents(
    seed: int, n: int, dim: int, *, start: int = 0, truncation: float | None = None
) -> NDArray[np.float32]:
    """Return standard normal latents float32 (n, dim) for the pictures `start`, `start + 1`, ... of `seed`.

    Picture i takes the raw 64-bit words of `Philox(key=seed, counter=[0, i, 0, 0])`, a stream numpy guarantees,
    as 53-bit uniforms through Box-Muller in float64: numpy's own normal distribution may change between versions.

    With `truncation`, numbers beyond it on either side are drawn again, further along the same stream (Brock et al.
    2019, section 3.1): pictures vary less and look better. Those within stay what they are without it.

    Raises:
        InputError: `seed` is not in [0, 2^64), a picture's number is not, or `truncation` is below `LEAST_TRUNCATION`.
    """
    seed, n, dim, start = (
        given_whole(value, what)
        for value, what in ((seed, "seed"), (n, "n"), (dim, "dim"), (start, "picture"))
    )
    if not 0 <= seed < 2**64:
        raise InputError(f"seed: {seed} is not between 0 and 2^64 - 1. Choose another")
    if start < 0:
        raise InputError(f"picture: {start} is below 0, and the first is 0. Choose another")
    if start + n > 2**64:
        raise InputError(f"picture: {start + n - 1} is over 2^64 - 1, and the last is that. Choose another")
    if truncation is not None and not given_number(truncation, "truncation") >= LEAST_TRUNCATION:
        raise InputError(f"truncation: {truncation} is not at least {LEAST_TRUNCATION}. Choose another")
    out = np.empty((n, dim), np.float32)
    for first in range(0, n, AT_ONCE):
        some = out[first : first + AT_ONCE]
        if truncation is None:
            some[:] = _box_muller(_words(seed, start + first, len(some), dim), dim)
        else:
            some[:] = [_truncated(seed, start + first + row, dim, truncation) for row in range(len(some))]
    return out


@lru_cache(maxsize=4)
def fixed_latents(seed: int, n: int, dim: int) -> NDArray[np.float32]:
    """Return `latents(seed, n, dim)`, read-only: of what is looked at again and again they are made once."""
    found = latents(seed, n, dim)
    found.flags.writeable = False
    return found


def walk(start: NDArray[np.float32], end: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Return latents float32 (steps, dim) from `start` to `end`, both included, at even angles (slerp).

    Normal vectors of many numbers lie near a sphere. The straight line between two of them cuts through its inside,
    where the generator was never trained: halfway it is about 0.7 times as long (White 2016, section 2.1).

    Raises:
        InputError: `steps` is below 2.
    """
    if steps < 2:
        raise InputError(f"steps: {steps} do not lead from one picture to another. Give at least 2")
    first, last = start.astype(np.float64), end.astype(np.float64)
    lengths = np.linalg.norm(first) * np.linalg.norm(last)
    angle = np.arccos(np.clip(first @ last / lengths, -1, 1)) if lengths else 0.0
    along = np.linspace(0, 1, steps)[:, None]
    if np.sin(angle) < 1e-6:  # one direction, or opposite ones: there is no single arc
        path = (1 - along) * first + along * last
    else:
        path = (np.sin((1 - along) * angle) * first + np.sin(along * angle) * last) / np.sin(angle)
    path[0], path[-1] = first, last
    return path.astype(np.float32)


def tour(stops: NDArray[np.float32], steps: int, *, loop: bool = False) -> NDArray[np.float32]:
    """Return latents float32 (steps, dim) that lead past all stops (n, dim) in turn, each way between two a `walk`.

    Every stop is one of them. The ways get the same number of steps, to within one. With `loop` the last way leads
    back to the first stop, which is not repeated: shown again and again, the pictures go round.

    Raises:
        InputError: there are fewer than two stops, or fewer steps than stops.
    """
    if len(stops) < 2:
        raise InputError(f"stops: {len(stops)} make no way. Give at least 2")
    if steps < max(2, len(stops)):
        raise InputError(f"steps: {steps} do not lead past {len(stops)} pictures. Give at least {len(stops)}")
    marks = np.rint(np.linspace(0, steps if loop else steps - 1, len(stops) + loop)).astype(int)
    ways = [
        walk(stop, stops[(leg + 1) % len(stops)], int(marks[leg + 1] - marks[leg]) + 1)[:-1]
        for leg, stop in enumerate(stops[: len(marks) - 1])
    ]
    return np.concatenate([*ways, *([] if loop else [stops[-1:]])])


def _words(seed: int, start: int, n: int, dim: int) -> NDArray[np.uint64]:
    """Return the first words of the pictures `start`, `start + 1`, ... of a seed: (n, dim or one more)."""
    words = np.empty((n, 2 * ((dim + 1) // 2)), np.uint64)
    stream = _stream(seed, start)
    drawn = -(-words.shape[1] // WORDS_AT_A_TIME)
    for row in words:
        row[:] = stream.random_raw(words.shape[1])
        stream.advance(2**64 - drawn)
    return words


def _stream(seed: int, picture: int) -> np.random.Philox:
    return np.random.Philox(key=seed, counter=np.array([0, picture, 0, 0], np.uint64))


def _box_muller(words: NDArray[np.uint64], dim: int) -> NDArray[np.float64]:
    """Return normal numbers (..., dim) for words (..., dim or one more)."""
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    first, second = np.split(uniform, 2, axis=-1)
    radius = np.sqrt(-2.0 * np.log1p(-first))
    angle = 2.0 * np.pi * second
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)[..., :dim]


def _truncated(seed: int, picture: int, dim: int, truncation: float) -> NDArray[np.float64]:
    stream = _stream(seed, picture)
    found = _block(stream, dim)
    beyond = np.flatnonzero(abs(found) > truncation)
    while len(beyond):
        fresh = _block(stream, dim)
        fresh = fresh[abs(fresh) <= truncation][: len(beyond)]
        found[beyond[: len(fresh)]] = fresh
        beyond = beyond[len(fresh) :]
    return found


def _block(stream: np.random.Philox, dim: int) -> NDArray[np.float64]:
    """Return the next `dim` normal numbers of a stream."""
    return _box_muller(stream.random_raw(2 * ((dim + 1) // 2)), dim)
