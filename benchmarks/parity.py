"""How far the float32 file's pictures lie from torch's, for every recipe and opset: 1,000 latents in batches.

python -m benchmarks.parity [--latents 1000] [--opsets 18 23] [RECIPE ...]
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.support.machine import machine
from benchmarks.support.networks import architecture, generator
from zoo.evaluation.contract import TOLERANCE
from zoo.generators.latents import latents
from zoo.plugins.collect import load_registry
from zoo_export.convert.to_onnx import OPSETS, to_onnx
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

BATCHES = (1, 2, 7, 64, 256)


def worst(files: dict[int, OnnxGenerator], z: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the largest difference of any pixel, over all files and batch sizes."""
    found = 0.0
    for file in files.values():
        for batch in BATCHES:
            for start in range(0, len(z), batch):
                part = slice(start, start + batch)
                found = max(found, float(np.abs(file.generate(z[part]) - expected[part]).max()))
    return found


def measured(recipe: str, opsets: Iterable[int], count: int) -> tuple[float, float]:
    """Return the largest difference, and the pixels' standard deviation."""
    network, dim = generator(recipe), architecture(recipe).latent_dim
    z = latents(0, count, dim)
    with torch.inference_mode():
        expected = np.concatenate([network(part).numpy() for part in torch.split(torch.from_numpy(z), 64)])
    files = {
        opset: OnnxGenerator.from_bytes(to_onnx(network, dim, {}, opset=opset), recipe) for opset in opsets
    }
    return worst(files, z, expected), float(expected.std())


def main() -> None:
    """Print a table, and fail where a file is further away than an export may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=sorted(load_registry().recipes()))
    parser.add_argument("--latents", type=int, default=1000)
    parser.add_argument("--opsets", type=int, nargs="+", default=list(OPSETS))
    arguments = parser.parse_args()
    print("| recipe | opsets | max abs difference | pixels' std |\n|---|---|---|---|")
    found = []
    for recipe in arguments.recipes:
        difference, spread = measured(recipe, arguments.opsets, arguments.latents)
        opsets = f"{min(arguments.opsets)} to {max(arguments.opsets)}"
        print(f"| `{recipe}` | {opsets} | {difference:.1e} | {spread:.2f} |", flush=True)
        found.append(difference)
    print(f"\n{arguments.latents} latents in batches of {', '.join(map(str, BATCHES))}; {machine()}")
    if max(found) > TOLERANCE:
        raise SystemExit(f"more than {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
