"""A generator that onnxruntime runs. Needs onnxruntime and numpy; imports neither torch nor onnx."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zoo.errors import InputError, IntegrityError, ResourceError, counted, quoted
from zoo.generators.generator import Generator
from zoo_export.inspection.limits import RUN_LIMIT, WORK_LIMIT, CheckedModel, bytes_text
from zoo_export.runtime.model_file import check_model, read_listed, read_model
from zoo_export.runtime.providers import Device, first_line, new_session, run

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from zoo.generators.folder import GeneratorFolder

RANGE_SLACK = 1e-3
"""How far beyond [-1, 1] a pixel may lie: enough for rounding, not for a generator without tanh."""


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
            ResourceError: it would take too much memory or time.
            IntegrityError: in a folder: the bytes, or the weights they were exported from, are not the listed ones.
        """
        path = Path(path)
        if path.is_dir():
            from zoo.generators.folder import GeneratorFolder

            self._open_folder(GeneratorFolder.open(path), name, device, threads)
            return
        model, name = read_model(path), name or str(path)
        self._open(model, check_model(model, name), name, device, threads)

    @classmethod
    def from_folder(
        cls,
        folder: GeneratorFolder,
        *,
        name: str | None = None,
        device: Device = "cpu",
        threads: int | None = None,
    ) -> Self:
        """Open the ONNX file of an open generator folder; raises as opening its path does."""
        generator = cls.__new__(cls)
        generator._open_folder(folder, name, device, threads)
        return generator

    @classmethod
    def from_bytes(
        cls, model: bytes, name: str, *, device: Device = "cpu", threads: int | None = None
    ) -> Self:
        """Open the bytes of an .onnx file; raises as opening the file does."""
        generator = cls.__new__(cls)
        generator._open(model, check_model(model, name), name, device, threads)
        return generator

    def using(self, device: Device = "cpu", threads: int | None = None) -> Self:
        """Return the same generator on another device, or on a number of threads of the CPU."""
        other = self.__class__.__new__(self.__class__)
        other._open(self._model, self._checked, self.name, device, threads)
        return other

    @property
    def model(self) -> bytes:
        """The bytes of the file that runs."""
        return self._model

    @property
    def metadata(self) -> dict[str, str]:
        """The file's metadata: `zoo.architecture`, `zoo.recipe`, `zoo.licence` and the like."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def generate(
        self, z: NDArray[np.float32], labels: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Return images (N, C, H, W) in [-1, 1] for latents (N, latent_dim).

        `labels` (N,) are the classes for a generator that takes them; without them all pictures are of class 0.
        On the CPU an image is the same, to the last bit, in any batch.

        Raises:
            InputError: `z` or `labels` has another shape, or the pictures hold NaN or leave the range.
            ResourceError: there is not enough memory for so many at once.
        """
        if z.ndim != 2 or z.shape[1] != self.latent_dim or not len(z):
            raise InputError(
                f"{self.name}: z must be (N, {self.latent_dim}) with N >= 1, found {z.shape}. Reshape it"
            )
        self._check_batch(len(z))
        feeds: dict[str, NDArray[Any]] = {self._input: np.ascontiguousarray(z, np.float32)}
        if self._checked.label is not None:
            feeds[self._checked.label] = self._labels(labels, len(z))
        elif labels is not None:
            raise InputError(f"{self.name}: it takes no labels. Leave them out")
        images = self._run(feeds, len(z))
        if images.dtype == np.uint8:
            return (images / np.float32(127.5) - 1).astype(np.float32)
        self._check_range(images)
        return images

    def fitting(self, count: int) -> int:
        """Return how large a batch, of at most `count` pictures, is allowed: its memory and time are known before."""
        return self._checked.fitting(count)

    def _check_batch(self, count: int) -> None:
        if self.fitting(count) < count:
            cost = self._checked.cost(count)
            raise ResourceError(
                f"{self.name}: {counted(count, 'picture')} at once would take {bytes_text(cost.bytes)} of memory and "
                f"{cost.work:.2g} multiplications, over {bytes_text(RUN_LIMIT)} or {WORK_LIMIT:.2g}. "
                "Use a smaller batch"
            )

    def _labels(self, labels: NDArray[np.int64] | None, count: int) -> NDArray[np.int64]:
        if labels is None:
            return np.zeros(count, np.int64)
        if labels.shape != (count,):
            raise InputError(
                f"{self.name}: labels must be ({count},), found {labels.shape}. Give one a picture"
            )
        return np.ascontiguousarray(labels, np.int64)

    def _run(self, feeds: dict[str, NDArray[Any]], count: int) -> NDArray[Any]:
        try:
            images = run(self._session, feeds)
        except Exception as error:  # onnxruntime's errors share no base class
            if "alloc" in str(error):
                raise ResourceError(
                    f"{self.name}: there is not enough memory for {counted(count, 'picture')} at once. "
                    "Use a smaller batch"
                ) from error
            raise InputError(
                f"{self.name}: onnxruntime cannot run it: {first_line(error)}. Export it again"
            ) from error
        if images.shape != (count, *self.image_shape):
            raise InputError(
                f"{self.name}: {counted(count, 'latent')} gave images {images.shape}, "
                f"not {(count, *self.image_shape)}. Export it again"
            )
        return images

    def _open_folder(
        self, folder: GeneratorFolder, name: str | None, device: Device, threads: int | None
    ) -> None:
        model, name = read_listed(folder), name or str(folder.path)
        self._open(model, check_model(model, name), name, device, threads)
        self._check_config(folder)

    def _open(
        self, model: bytes, checked: CheckedModel, name: str, device: Device, threads: int | None
    ) -> None:
        self.name = name
        self._model = model
        self._checked = checked
        self.latent_dim, self.image_shape = checked.latent_dim, checked.image_shape
        self._session = new_session(model, name, device, threads)
        self.provider = self._session.get_providers()[0]
        self._input = self._session.get_inputs()[0].name

    def _check_config(self, folder: GeneratorFolder) -> None:
        from zoo.generators.files import ONNX, WEIGHTS

        path, config = folder.path, folder.config
        listed = config.latent_dim, config.image_shape
        if (self.latent_dim, self.image_shape) != listed:
            raise InputError(
                f"{path}: {ONNX} makes {self.image_shape} from {self.latent_dim} latents, config.json says "
                f"{listed[1]} from {listed[0]}. Export it again"
            )
        exported, weights = self.metadata.get("zoo.weights_sha256"), config.files.get(WEIGHTS)
        if exported and weights and exported != weights.sha256:
            raise IntegrityError(
                f"{path}: {ONNX} was made from other weights than {WEIGHTS}. "
                f"Make it anew with `zoo export {quoted(path)} --onnx`"
            )

    def _check_range(self, images: NDArray[np.float32]) -> None:
        peak = float(np.abs(images).max())  # NaN when any pixel is
        if not np.isfinite(peak):
            raise InputError(
                f"{self.name}: its pictures hold pixels that are not finite. Export another checkpoint"
            )
        if peak > 1 + RANGE_SLACK:
            raise InputError(
                f"{self.name}: its pictures reach {peak:.4g}, outside [-1, 1]. It is no generator of this zoo"
            )
