"""A generator that onnxruntime runs. Needs onnxruntime and numpy; imports neither torch nor onnx.

A file from anywhere runs in a process of its own (`child.py`): what inspection says of its time and memory is an
estimate, and that process can be ended. What this package brings, or has just made, runs in this one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zoo.errors import InputError, IntegrityError, counted, quoted
from zoo.generators.bundled import FOLDER as BUNDLED
from zoo.generators.generator import RANGE_SLACK, Generator, checked_latents
from zoo.system.arguments import given_choice, given_count, given_kind, given_text, given_whole, shown
from zoo.system.paths import given_path
from zoo_export.inspection.limits import BATCH_LIMIT
from zoo_export.runtime.child import Bounds, ChildSession
from zoo_export.runtime.local import LocalSession
from zoo_export.runtime.model_file import check_model, read_listed, read_model
from zoo_export.runtime.providers import PROVIDERS

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from zoo.generators.folder import GeneratorFolder
    from zoo_export.inspection.limits import CheckedModel
    from zoo_export.runtime.providers import Device

LEAST_SECONDS, MOST_SECONDS = 20.0, 70.0
"""The least and the most that a batch may take before its process is ended; the estimate is at most 5 s."""
SPARE_BYTES = 512 << 20
"""Beyond twice the estimate: for onnxruntime itself, and for threads, of which each core has one."""


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
        path = given_path(path, "path", needed=True)
        if path.is_dir():
            from zoo.generators.folder import GeneratorFolder

            self._open_folder(GeneratorFolder.open(path), name, device, threads)
            return
        model, name = read_model(path), name or str(path)
        self._open(model, check_model(model, name), name, device, threads, trusted=False)

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
        from zoo.generators.folder import GeneratorFolder

        given_kind(folder, "folder", GeneratorFolder)
        generator = cls.__new__(cls)
        generator._open_folder(folder, name, device, threads)
        return generator

    @classmethod
    def from_bytes(
        cls,
        model: bytes,
        name: str,
        *,
        device: Device = "cpu",
        threads: int | None = None,
        trusted: bool = False,
    ) -> Self:
        """Open the bytes of an .onnx file; raises as opening the file does.

        `trusted` runs it in this process: for bytes that this process has made itself.
        """
        if not isinstance(model, bytes):
            raise InputError(
                f"{shown(name)}: {shown(model)} is no bytes of a file. Give those of an .onnx file"
            )
        generator = cls.__new__(cls)
        generator._open(model, check_model(model, name), name, device, threads, trusted=trusted)
        return generator

    def using(self, device: Device = "cpu", threads: int | None = None) -> Self:
        """Return the same generator on another device, or on a number of threads of the CPU."""
        other = self.__class__.__new__(self.__class__)
        other._open(self._model, self._checked, self.name, device, threads, trusted=self._trusted)
        other.config = self.config
        return other

    def close(self) -> None:
        """End the process that runs it, where it has one; the next pictures would start another."""
        self._session.close()

    @property
    def model(self) -> bytes:
        """The bytes of the file that runs."""
        return self._model

    @property
    def metadata(self) -> dict[str, str]:
        """The file's metadata: `zoo.architecture`, `zoo.recipe`, `zoo.licence` and the like."""
        return self._checked.metadata

    @property
    def recipe(self) -> str | None:
        """The recipe's name, of the folder or of the file itself."""
        return super().recipe or self.metadata.get("zoo.recipe")

    def generate(
        self, z: NDArray[np.float32], labels: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Return images (N, C, H, W) in [-1, 1] for latents (N, latent_dim).

        `labels` (N,) are the classes for a generator that takes them; without them all pictures are of class 0.
        On the CPU an image is the same, to the last bit, in any batch; more than `fitting` are made in parts.

        Raises:
            InputError: `z` or `labels` has another shape, or the pictures hold NaN or leave the range.
            ResourceError: it takes too long or too much memory, or its process was ended from outside.
        """
        z = checked_latents(z, self.latent_dim, self.name)
        if labels is not None and self._checked.label is None:
            raise InputError(f"{self.name}: it takes no labels. Leave them out")
        classes = None if self._checked.label is None else self._labels(labels, len(z))
        part = self.fitting(max(1, len(z)))
        parts = [
            self._part(z[start : start + part], None if classes is None else classes[start : start + part])
            for start in range(0, len(z), part)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _part(self, z: NDArray[np.float32], labels: NDArray[np.int64] | None) -> NDArray[np.float32]:
        """Return images for so many latents as fit."""
        feeds: dict[str, NDArray[Any]] = {self._checked.latents: np.ascontiguousarray(z, np.float32)}
        if self._checked.label is not None and labels is not None:
            feeds[self._checked.label] = labels
        images = self._run(feeds, len(z))
        if images.dtype == np.uint8:
            return (images / np.float32(127.5) - 1).astype(np.float32)
        self._check_range(images)
        return images

    def fitting(self, count: int) -> int:
        """Return how large a batch, of at most `count` pictures, is made at once: its memory and time are estimated.

        Raises:
            InputError: `count` is no whole number from 1.
        """
        return self._checked.fitting(given_count(count, "count"))

    def _labels(self, labels: NDArray[np.int64] | None, count: int) -> NDArray[np.int64]:
        if labels is None:
            return np.zeros(count, np.int64)
        if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
            raise InputError(
                f"{self.name}: labels are {shown(labels)}, no array of whole numbers. Give int64"
            )
        if labels.shape != (count,):
            raise InputError(
                f"{self.name}: labels must be ({count},), found {labels.shape}. Give one a picture"
            )
        return np.ascontiguousarray(labels, np.int64)

    def _run(self, feeds: dict[str, NDArray[Any]], count: int) -> NDArray[Any]:
        most = 4 * count * math.prod(self.image_shape)
        images = self._session.run(feeds, most, self._seconds(count))
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
        trusted = folder.path.parent == BUNDLED
        self._open(model, check_model(model, name), name, device, threads, trusted=trusted)
        self._check_config(folder)
        self.config = folder.config

    def _open(
        self,
        model: bytes,
        checked: CheckedModel,
        name: str,
        device: Device,
        threads: int | None,
        *,
        trusted: bool,
    ) -> None:
        given_choice(device, "device", PROVIDERS)
        if threads is not None and given_whole(threads, "threads") < 1:
            raise InputError(f"threads: {threads} is below 1. Give at least 1, or leave it out")
        self.name = given_text(name, "name")
        self._model = model
        self._checked = checked
        self._device: Device = device
        self._trusted = trusted
        self.latent_dim, self.image_shape = checked.latent_dim, checked.image_shape
        self._session: ChildSession | LocalSession
        if trusted:
            self._session = LocalSession(model, name, device, threads)
        else:
            self._session = ChildSession(model, name, device, threads, self._bounds(device))
        self.provider = self._session.provider

    def _bounds(self, device: Device) -> Bounds:
        """Return what loading the model may take; a GPU's driver takes memory and time of its own."""
        if device != "cpu":
            return Bounds(MOST_SECONDS, 0)
        cost = self._checked.cost(1)
        return Bounds(self._seconds(1), 2 * max(cost.bytes, BATCH_LIMIT) + SPARE_BYTES, cost.bytes)

    def _seconds(self, count: int) -> float:
        """Return how long a batch may take: ten times what is estimated, for slow and busy machines."""
        estimate = self._checked.cost(count).seconds
        return MOST_SECONDS if self._device != "cpu" else min(LEAST_SECONDS + 10 * estimate, MOST_SECONDS)

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
        peak = float(np.maximum(images.max(), -images.min()))  # NaN when any pixel is
        if not np.isfinite(peak):
            raise InputError(
                f"{self.name}: its pictures hold pixels that are not finite. Export another checkpoint"
            )
        if peak > 1 + RANGE_SLACK:
            raise InputError(
                f"{self.name}: its pictures reach {peak:.4g}, outside [-1, 1]. It is no generator of this zoo"
            )
