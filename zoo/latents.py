"""Latents that are the same everywhere: picture i of seed s is one vector, in any batch, on any machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def latents(seed: int, n: int, dim: int, *, start: int = 0) -> NDArray[np.float32]:
    """Return standard normal latents float32 (n, dim) for the pictures `start`, `start + 1`, ... of `seed`.

    Picture i takes the raw 64-bit words of `Philox(key=seed, counter=[0, i, 0, 0])`, a stream numpy guarantees,
    as 53-bit uniforms through Box-Muller in float64: numpy's own normal distribution may change between versions.

    Raises:
        InputError: `seed` is not in [0, 2^64).
    """
    if not 0 <= seed < 2**64:
        raise InputError(f"seed: {seed} is not between 0 and 2^64 - 1. Choose another")
    out = np.empty((n, dim), np.float32)
    for row, picture in enumerate(range(start, start + n)):
        out[row] = _normals(seed, picture, dim)
    return out


def _normals(seed: int, picture: int, dim: int) -> NDArray[np.float64]:
    pairs = (dim + 1) // 2
    words = np.random.Philox(key=seed, counter=[0, picture, 0, 0]).random_raw(2 * pairs)
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    radius = np.sqrt(-2.0 * np.log1p(-uniform[:pairs]))
    angle = 2.0 * np.pi * uniform[pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:dim]
