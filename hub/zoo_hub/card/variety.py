"""A check for mode collapse that needs no training images: how much a generator's pictures differ from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from zoo.generators.folder import GeneratorFolder

PICTURES, SEED = 64, 0
ALIKE = 4.0
"""The distance, in levels of 255, below which two pictures count as the same."""


class Variety(NamedTuple):
    """Distances between pictures: the root mean square over a pair's pixels, in levels of 0 to 255."""

    mean: float
    """Over all pairs."""
    alike: int
    """Pairs nearer than `ALIKE`."""


def measure(folder: GeneratorFolder) -> Variety:
    """Compare `PICTURES` pictures of seed `SEED` with each other, generated on the CPU.

    Raises:
        ZooError: the ONNX file is not the listed one, or cannot be run.
    """
    from zoo_export.runtime.session import OnnxGenerator

    pictures = OnnxGenerator.from_folder(folder, device="cpu").sample(PICTURES, seed=SEED)
    flat = pictures.reshape(PICTURES, -1).astype(np.float64)
    squares = (flat**2).sum(axis=1)
    products = squares[:, None] + squares[None, :] - 2 * flat @ flat.T
    first, second = np.triu_indices(PICTURES, k=1)
    distances = np.sqrt(np.maximum(products[first, second], 0) / flat.shape[1])
    return Variety(float(distances.mean()), int((distances < ALIKE).sum()))
