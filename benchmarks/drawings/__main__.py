"""Train the network behind the features `drawings`, and show what its distances see.

python -m benchmarks.drawings --data FOLDER [--epochs 12] [--seed 0] [--out drawings.safetensors]

FOLDER holds one Quick, Draw! category a file, uint8 (N, 784): bird.npy, cat.npy, dog.npy, flower.npy. A tenth of each
is held out, the one that a training of it holds out. Without --epochs nothing is learnt, and the network that ships is
looked at. The camels that ship with the zoo are never learnt from: they show what it sees in drawings of a new kind.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.drawings.ranking import ranking
from benchmarks.drawings.train import CATEGORIES, finished, learn, pictures, write
from benchmarks.support.machine import machine
from zoo.data.npy import read_images
from zoo_plugins.features import drawings

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def main() -> None:
    """Train where --epochs is given, and show what the network sees."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--epochs", type=int, help="how often to go through the drawings; without it, nothing is learnt"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("drawings.safetensors"))
    arguments = parser.parse_args()
    learnt, held_out = zip(*(pictures(arguments.data / f"{name}.npy") for name in CATEGORIES), strict=True)
    see: Callable[[Tensor], Tensor] = drawings.Drawings().extract
    if arguments.epochs:
        student = learn(list(learnt), list(held_out), arguments.epochs, arguments.seed)
        network = finished(student, torch.cat(learnt))
        write(network, arguments.out)
        see = torch.no_grad()(network)
    shown = dict(zip(CATEGORIES, held_out, strict=True))
    camels = torch.from_numpy(
        read_images(drawings.WEIGHTS.parent.parent / "datasets" / "camel-100.npy", None)[:]
    )
    with torch.no_grad():
        ranking({**shown, "camel": camels}, see)
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
