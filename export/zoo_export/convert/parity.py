"""An ONNX file's pictures and speed in onnxruntime compared with the network's in torch, for several batch sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.errors import InputError, IntegrityError
from zoo.evaluation.contract import (
    BATCHES,
    TOLERANCE,
    full_precision,
    latents_by_batch,
    pictures_by_batch,
    refuse_batch_dependence,
)
from zoo.generators.generator import to_uint8
from zoo_export.convert.timing import Speed, compare_speed, median_seconds
from zoo_export.convert.to_onnx import inference_copy
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import nn

    from zoo.generators.files import Variant

ROUNDS, SECONDS = 5, 2.0
"""Rounds of timing for each batch size, and the seconds after which large generators get fewer."""
SPEED_ROUNDS, SPEED_SECONDS = 100, 8.0
"""Rounds and seconds after which it stays open whether int8 is faster than float32."""
LEVEL = 2 / 255
"""One of 255 levels, of a pixel in [-1, 1]."""


@dataclass(frozen=True)
class Tolerance:
    """How much a variant's pictures may differ from torch's, and from batch to batch; None sets no limit."""

    batches: float
    """The largest difference of a pixel in [-1, 1] from the same one in another batch."""
    difference: float | None = None
    """The largest difference of a pixel in [-1, 1]."""
    levels: int | None = None
    """The largest difference of a pixel in 0 ... 255."""
    psnr: float | None = None
    """The smallest peak signal-to-noise ratio of a batch, in dB."""


def tolerances() -> dict[Variant, Tolerance]:
    """Return the tolerance of each variant; int8 may add noise as long as it is hard to see."""
    return {
        "fp32": Tolerance(TOLERANCE, difference=TOLERANCE),
        "fp16": Tolerance(LEVEL, difference=2e-2, levels=2),
        "int8": Tolerance(4 * LEVEL, psnr=25.0),
        "uint8": Tolerance(LEVEL, levels=1),
    }


@dataclass(frozen=True)
class BatchParity:
    """How much onnxruntime's pictures differ from torch's for one batch size, and how long both take."""

    batch: int
    max: float
    """The largest |difference| of a pixel in [-1, 1]."""
    mean: float
    """The mean |difference|."""
    pixels: float
    """The fraction of uint8 pixels that differ, 0 to 1."""
    levels: int
    """The largest difference of a uint8 pixel."""
    psnr: float | None
    """In dB; None where the pictures are the same."""
    seconds: float | None = None
    """For one batch in onnxruntime; None where it was not timed."""
    torch_seconds: float | None = None
    """For one batch in torch eager, in float32 on the CPU."""


@dataclass(frozen=True)
class Parity:
    """The figures of every batch size, all within the variant's tolerance."""

    batches: tuple[BatchParity, ...]
    provider: str
    speed: Speed | None = None
    """Against float32 in the largest batch; None where it was not measured."""


class Reference:
    """A network's pictures in torch, in float32 on the CPU. Changes no global state of torch."""

    def __init__(self, module: nn.Module, latent_dim: int) -> None:
        """Make the pictures of every batch size.

        Raises:
            InputError, IntegrityError: see `pictures_by_batch`.
        """
        self._network = inference_copy(module)
        self._latents = latents_by_batch(latent_dim)
        self._images = pictures_by_batch(self._network, latent_dim, type(module).__name__)

    def compare(self, model: bytes, variant: Variant = "fp32") -> Parity:
        """Compare an ONNX file's pictures with the network's.

        Raises:
            IntegrityError: they differ by more than the variant's tolerance from torch's or from batch to batch, are
                not finite, or the shapes differ.
        """
        try:
            generator = OnnxGenerator.from_bytes(model, "the exported file", trusted=True)
            found = {batch: generator.generate(z) for batch, z in self._latents.items()}
        except InputError as error:
            raise IntegrityError(str(error)) from error
        refuse_batch_dependence(found, tolerances()[variant].batches, f"the {variant} file")
        figures = tuple(self._figures(found[batch], batch, variant) for batch in BATCHES)
        return Parity(figures, generator.provider)

    def compare_speed(self, model: bytes, fp32: bytes) -> Speed:
        """Return how long a file takes in the largest batch for each second of the float32 file."""
        runs = [
            partial(generator.generate, self._latents[BATCHES[-1]])
            for generator in (
                OnnxGenerator.from_bytes(data, "the exported file", trusted=True) for data in (model, fp32)
            )
        ]
        return compare_speed(*runs, rounds=SPEED_ROUNDS, budget=SPEED_SECONDS)

    def add_timings(
        self, models: Mapping[Variant, bytes], parities: Mapping[Variant, Parity]
    ) -> dict[Variant, Parity]:
        """Return the parities with the seconds that each file and torch eager take, measured in turns."""
        generators = {
            name: OnnxGenerator.from_bytes(model, "the exported file", trusted=True)
            for name, model in models.items()
        }
        rows: dict[Variant, list[BatchParity]] = {name: [] for name in models}
        for index, batch in enumerate(BATCHES):
            z = self._latents[batch]
            runs: dict[Variant | None, Callable[[], object]] = {None: partial(self._torch_images, z)}
            runs.update((name, partial(generator.generate, z)) for name, generator in generators.items())
            seconds = median_seconds(runs, rounds=ROUNDS, budget=SECONDS)
            for name in models:
                row = parities[name].batches[index]
                rows[name].append(replace(row, seconds=seconds[name], torch_seconds=seconds[None]))
        return {name: replace(parities[name], batches=tuple(rows[name])) for name in models}

    def _torch_images(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        with full_precision():
            images: NDArray[np.float32] = self._network(torch.from_numpy(z)).numpy()
        return images

    def _figures(self, found: NDArray[np.float32], batch: int, variant: Variant) -> BatchParity:
        expected = self._images[batch]
        if variant == "uint8" and expected.shape[1] == 1:
            expected = np.repeat(expected, 3, axis=1)
        if found.shape != expected.shape:
            raise IntegrityError(
                f"batch {batch}: onnxruntime's pictures are {found.shape}, torch's {expected.shape}. "
                "Change its forward"
            )
        difference = np.abs(found - expected)
        steps = np.abs(to_uint8(found).astype(np.int16) - to_uint8(expected))
        error = float(np.square(difference, dtype=np.float64).mean())
        row = BatchParity(
            batch,
            float(difference.max()),
            float(difference.mean()),
            float((steps > 0).mean()),
            int(steps.max()),
            # The range of a pixel is 2, from -1 to 1.
            round(10 * float(np.log10(4 / error)), 2) if error else None,
        )
        _require_within(row, variant)
        return row


def check(model: bytes, module: nn.Module, latent_dim: int, variant: Variant = "fp32") -> Parity:
    """Compare one file's pictures with the network's; raises as `Reference.compare` does."""
    return Reference(module, latent_dim).compare(model, variant)


def _require_within(row: BatchParity, variant: Variant) -> None:
    allowed = tolerances()[variant]
    advice = "report it with the recipe" if variant == "fp32" else f"leave out --{variant} for this generator"
    reason = None
    if allowed.difference is not None and row.max > allowed.difference:
        reason = f"differ from torch's by up to {row.max:.2e}, more than {allowed.difference:.0e}"
    elif allowed.levels is not None and row.levels > allowed.levels:
        reason = f"differ from torch's by up to {row.levels} of 255 levels, more than {allowed.levels}"
    elif allowed.psnr is not None and row.psnr is not None and row.psnr < allowed.psnr:
        reason = f"have a PSNR of {row.psnr:.1f} dB against torch's, less than {allowed.psnr:.0f}"
    if reason is not None:
        raise IntegrityError(
            f"{variant}, batch {row.batch}: onnxruntime's pictures {reason}. The file was not kept; {advice}"
        )
