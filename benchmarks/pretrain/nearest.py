"""How near generated drawings are to training images.

python -m benchmarks.pretrain.nearest NAME --data PATH [--count 100] [--out FILE]

For each of some generated pictures, the nearest training image, mirrored and moved by up to two pixels too, by the root
of the mean squared difference in levels of 255; and the same of each of as many training images among the others. Where
the first is far below the second, the generator copies. `--out` writes the pictures above their nearest images.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import zoo
from benchmarks.support.machine import machine
from zoo.generators.pictures import grid, png

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Drawings = NDArray[np.uint8]

SEED = 3
REACH = 2
"""Pixels of a move in each direction."""


def moved(images: Drawings) -> Drawings:
    """Return each image (N, H, W) mirrored or not and moved: (N * 50, H, W)."""
    steps = range(-REACH, REACH + 1)
    both = np.stack([images, images[:, :, ::-1]], axis=1)
    every = [np.roll(both, (down, right), (2, 3)) for down in steps for right in steps]
    return np.stack(every, axis=1).reshape(-1, *images.shape[1:])


class Nearest:
    """Finds the nearest of many images."""

    def __init__(self, images: Drawings) -> None:
        self.images = images
        self._flat = images.reshape(len(images), -1).astype(np.float32)
        self._squares = (self._flat**2).sum(axis=1)

    def find(self, image: Drawings, without: slice = slice(0, 0)) -> tuple[int, float]:
        """Return which one it is and how far it is, in levels."""
        flat = image.ravel().astype(np.float32)
        away = self._squares - 2 * self._flat @ flat + (flat**2).sum()
        away[without] = np.inf
        index = int(away.argmin())
        return index, float(np.sqrt(max(away[index], 0) / flat.size))


def main() -> None:
    """Print both distances."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    parser.add_argument(
        "--data", type=Path, required=True, help="grey drawings: .npy of (N, H, W) or (N, H * W)"
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    generator = zoo.load(arguments.name)
    made = generator.sample(arguments.count, seed=SEED)
    real = np.load(arguments.data).reshape(-1, *made.shape[1:])
    nearest = Nearest(moved(real))
    copies = len(nearest.images) // len(real)
    found = [nearest.find(picture) for picture in made]
    others = [
        nearest.find(image, slice(copies * index, copies * (index + 1)))[1]
        for index, image in enumerate(real[: arguments.count])
    ]
    distances = np.array([away for _, away in found])
    print(f"`{arguments.name}`, {len(made)} pictures of seed {SEED} against {len(real)} training images")
    print(f"to the nearest training image: mean {distances.mean():.0f}, least {distances.min():.0f}")
    print(
        f"of a training image to the nearest other one: mean {np.mean(others):.0f}, least {min(others):.0f}"
    )
    if arguments.out is not None:
        pairs = np.concatenate([made[:16], nearest.images[[index for index, _ in found[:16]]]])
        arguments.out.write_bytes(png(grid(pairs, columns=16)))
    print(machine())


if __name__ == "__main__":
    main()
