"""Does the file make the pictures the network makes? Asked of onnxruntime, for several batch sizes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.errors import InputError, IntegrityError
from zoo.latents import latents
from zoo_export.convert import still
from zoo_export.session import OnnxGenerator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import nn

BATCHES = (1, 2, 7, 64)
TOLERANCE = 1e-4
"""The largest |difference| of a pixel in [-1, 1], for a float32 file."""


@dataclass(frozen=True)
class BatchParity:
    """How far onnxruntime's pictures lie from torch's, for one batch size."""

    batch: int
    max: float
    mean: float


@dataclass(frozen=True)
class Parity:
    """The figures of every batch size, all within `tolerance`."""

    batches: tuple[BatchParity, ...]
    provider: str
    tolerance: float = TOLERANCE


def check(model: bytes, module: nn.Module, latent_dim: int) -> Parity:
    """Compare the ONNX file's pictures with the network's, in float32 on the CPU.

    Changes no global state of torch.

    Raises:
        IntegrityError: a pixel differs by more than `TOLERANCE`, is not finite, or the shapes differ.
    """
    network = still(module)
    try:
        generator = OnnxGenerator.from_bytes(model, "the exported file")
        figures = tuple(_compare(generator, network, latents(0, n, latent_dim)) for n in BATCHES)
    except InputError as error:
        raise IntegrityError(str(error)) from error
    return Parity(figures, generator.provider)


def _compare(generator: OnnxGenerator, network: nn.Module, z: NDArray[np.float32]) -> BatchParity:
    with _exact():
        expected = network(torch.from_numpy(z)).numpy()
    batch = len(z)
    if not np.isfinite(expected).all():
        raise IntegrityError(f"batch {batch}: torch's pictures are not finite. Export another checkpoint")
    found = generator.generate(z)
    if found.shape != expected.shape:
        raise IntegrityError(
            f"batch {batch}: onnxruntime's pictures are {found.shape}, torch's {expected.shape}. "
            "Change its forward"
        )
    difference = np.abs(found - expected)
    worst = float(difference.max())
    if worst > TOLERANCE:
        raise IntegrityError(
            f"batch {batch}: onnxruntime's pictures differ from torch's by up to {worst:.2e}, "
            f"more than {TOLERANCE:.0e}. The file was not kept; report it with the recipe"
        )
    return BatchParity(batch, worst, float(difference.mean()))


@contextmanager
def _exact() -> Iterator[None]:
    """Full float32 whatever the process has set, and no trace in its random numbers."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False), torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
