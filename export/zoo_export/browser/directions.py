"""The directions of a generator's latent space in which its pictures change the most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.generators.latents import latents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.generators.generator import Generator

MOST = 6
"""Directions that a page has sliders for."""
SEED = 2
"""Of the latents around which is looked; a generator's samples are usually seen from seed 0 on."""
BASES = 8
STEP = 0.5
"""Of a latent number, in standard deviations: large enough to see what changes, not how the pixels tremble."""
WORK = 1e12
"""Multiplications to spend: about half a minute of two cores."""
MEMORY = 1 << 30
"""Bytes that the pictures around one base may take."""
BYTES_PER_PIXEL = 20
"""The float32 pictures, once more as they are joined, and their changes in float32 and float64."""


@dataclass(frozen=True)
class Directions:
    """Unit vectors of the latent space, the one that changes pictures the most first."""

    vectors: NDArray[np.float32]
    """(K, latent_dim), orthonormal; K is `MOST`, or less where there are fewer latents."""
    shares: tuple[float, ...]
    """Each one's part of the whole change, between 0 and 1."""


def pictures_needed(latent_dim: int, work: float, pixels: int) -> int:
    """Return how many pictures are made for them; 0 where they would take too long or too much memory.

    Args:
        latent_dim: numbers of a latent.
        work: multiplications for a picture.
        pixels: of a picture, over all channels.
    """
    each = latent_dim + 1
    if each * pixels * BYTES_PER_PIXEL > MEMORY:
        return 0
    return each * min(BASES, int(WORK / (each * max(work, 1))))


def principal_directions(generator: Generator, pictures: int) -> Directions:
    """Find the directions by making `pictures` pictures, a multiple of latent_dim + 1; the same every time.

    They are the eigenvectors of the mean of J^T J, where J (pixels, latent_dim) says how the pixels respond to each
    latent number around some latents, by differences. That is GANSpace's principal component analysis (Haerkoenen et
    al. 2020, section 2.2) of the pictures' responses instead of a layer's activations: an ONNX file of any
    architecture can be asked for those. Wang & Ponce 2021 found the directions much the same around all latents.
    """
    dim = generator.latent_dim
    bases = latents(SEED, pictures // (dim + 1), dim)
    gram = np.zeros((dim, dim))
    for base in bases:
        moved = np.concatenate([base[None], base + STEP * np.eye(dim, dtype=np.float32)])
        images = _images(generator, moved).reshape(dim + 1, -1)
        change = (images[1:] - images[0]).astype(np.float64)
        gram += change @ change.T
    strengths, vectors = np.linalg.eigh(gram)
    chosen = vectors.T[::-1][: min(MOST, dim)]
    # A vector and its opposite are the same direction: let its largest number point up.
    signs = np.sign(chosen[np.arange(len(chosen)), np.abs(chosen).argmax(axis=1)])
    shares = strengths[::-1][: len(chosen)] / max(strengths.sum(), np.finfo(float).tiny)
    return Directions((chosen * signs[:, None]).astype(np.float32), tuple(map(float, shares)))


def _images(generator: Generator, z: NDArray[np.float32]) -> NDArray[np.float32]:
    batch = generator.fitting(64)
    return np.concatenate([generator.generate(z[start : start + batch]) for start in range(0, len(z), batch)])
