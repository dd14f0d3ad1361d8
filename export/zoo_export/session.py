"""A generator that onnxruntime runs. Needs onnxruntime and numpy; imports neither torch nor onnx."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zoo.errors import InputError, IntegrityError, ResourceError
from zoo.generator_folder import ONNX, WEIGHTS, GeneratorConfig
from zoo.generators import Generator
from zoo_export.model_file import check_bytes, read_listed, read_model
from zoo_export.runtime import Device, first_line, new_session

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

SIDE_LIMIT = 4096
RANGE_SLACK = 1e-3
"""How far beyond [-1, 1] a pixel may lie: rounding is forgiven, a generator without tanh is not."""


class OnnxGenerator(Generator):
    """Pictures from an .onnx file, or from a generator folder whose `config.json` lists its sha256."""

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        name: str | None = None,
        device: Device = "cpu",
        threads: int | None = None,
    ) -> None:
        """Open a file or folder; `name` is what messages call it.

        Raises:
            InputError: it is no ONNX file from latents to images, or `device` is not there.
            IntegrityError: in a folder: the bytes, or the weights behind them, are not the listed.
        """
        path = Path(path)
        config = None
        if path.is_dir():
            model, config = read_listed(path)
        else:
            model = read_model(path)
        self._open(model, name or str(path), device, threads)
        if config is not None:
            self._check_config(config, path)

    @classmethod
    def from_bytes(
        cls, model: bytes, name: str, *, device: Device = "cpu", threads: int | None = None
    ) -> Self:
        """Open the bytes of an .onnx file; raises as opening the file does."""
        check_bytes(model, name)
        generator = cls.__new__(cls)
        generator._open(model, name, device, threads)
        return generator

    def using(self, device: Device = "cpu", threads: int | None = None) -> Self:
        """Return the same generator on another device, or on a number of threads of the CPU."""
        return self.from_bytes(self._model, self.name, device=device, threads=threads)

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says about itself: `zoo.architecture`, `zoo.recipe`, `zoo.licence` and the like."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def generate(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return images (N, C, H, W) in [-1, 1] for latents (N, latent_dim).

        Raises:
            InputError: `z` has another shape, or the pictures hold NaN or leave the range.
            ResourceError: there is not enough memory for so many at once.
        """
        if z.ndim != 2 or z.shape[1] != self.latent_dim or not len(z):
            raise InputError(
                f"{self.name}: z must be (N, {self.latent_dim}) with N >= 1, found {z.shape}. Reshape it"
            )
        try:
            images = self._session.run(None, {self._input: np.ascontiguousarray(z, np.float32)})[0]
        except Exception as error:  # onnxruntime's errors share no base class
            if "alloc" in str(error):
                raise ResourceError(
                    f"{self.name}: there is not enough memory for {len(z)} pictures at once. "
                    "Use a smaller batch"
                ) from error
            raise InputError(
                f"{self.name}: onnxruntime cannot run it: {first_line(error)}. Export it again"
            ) from error
        self._check_images(images, len(z))
        return np.asarray(images)

    def _open(self, model: bytes, name: str, device: Device, threads: int | None) -> None:
        self.name = name
        self._model = model
        self._session = new_session(model, name, device, threads)
        self.provider = self._session.get_providers()[0]
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if not (_are_latents(inputs) and _are_images(outputs)):
            raise InputError(
                f"{name}: a generator takes one float (batch, latent_dim) and gives one float "
                f"(batch, 1 or 3, H, W); this takes {_signature(inputs)} and gives {_signature(outputs)}. "
                "Give another file"
            )
        self._input = inputs[0].name
        self.latent_dim = inputs[0].shape[1]
        self.image_shape = tuple(outputs[0].shape[1:])

    def _check_config(self, config: GeneratorConfig, folder: Path) -> None:
        listed = config.latent_dim, config.image_shape
        if (self.latent_dim, self.image_shape) != listed:
            raise InputError(
                f"{folder}: {ONNX} makes {self.image_shape} from {self.latent_dim} latents, config.json says "
                f"{listed[1]} from {listed[0]}. Export it again"
            )
        exported, weights = self.metadata.get("zoo.weights_sha256"), config.files.get(WEIGHTS)
        if exported and weights and exported != weights.sha256:
            raise IntegrityError(
                f"{folder}: {ONNX} was made from other weights than {WEIGHTS}. "
                f"Make it anew with `zoo export {folder} --onnx`"
            )

    def _check_images(self, images: NDArray[np.float32], count: int) -> None:
        if images.shape != (count, *self.image_shape):
            raise InputError(
                f"{self.name}: {count} latents gave images {images.shape}, not {(count, *self.image_shape)}. "
                "Export it again"
            )
        peak = float(np.abs(images).max())  # NaN when any pixel is
        if not np.isfinite(peak):
            raise InputError(
                f"{self.name}: its pictures hold pixels that are not finite. Export another checkpoint"
            )
        if peak > 1 + RANGE_SLACK:
            raise InputError(
                f"{self.name}: its pictures reach {peak:.4g}, outside [-1, 1]. It is no generator of this zoo"
            )


def _are_latents(inputs: list[Any]) -> bool:
    return len(inputs) == 1 and _is_batch(inputs[0], 2) and 1 <= inputs[0].shape[1] <= SIDE_LIMIT


def _are_images(outputs: list[Any]) -> bool:
    return (
        len(outputs) == 1
        and _is_batch(outputs[0], 4)
        and outputs[0].shape[1] in (1, 3)
        and max(outputs[0].shape[2:]) <= SIDE_LIMIT
    )


def _is_batch(value: Any, rank: int) -> bool:
    """Whether it is a float tensor of this rank, of any number of rows but otherwise of one size."""
    if value.type != "tensor(float)" or len(value.shape) != rank or isinstance(value.shape[0], int):
        return False
    return all(isinstance(size, int) and size >= 1 for size in value.shape[1:])


def _signature(values: list[Any]) -> str:
    """Return names, types and shapes in words, at most three: `z float (batch, 100)`."""
    parts = []
    for value in values[:3]:
        sizes = ", ".join("?" if size is None else str(size) for size in value.shape)
        parts.append(f"{value.name} {value.type.removeprefix('tensor(').removesuffix(')')} ({sizes})")
    more = [f"{len(values) - 3} more"] if len(values) > 3 else []
    return ", ".join(parts + more) or "nothing"
