"""Limits of weights, of checkpoints and of the networks that recipes ask for; reading them needs torch."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save

from tests.support.hostile.limits.limit import INPUT, INTEGRITY, Limit
from tests.support.hub.folder import make_config
from zoo.errors import IntegrityError
from zoo.generators.files import WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.generators.safetensors_header import HEADER_LIMIT, TENSOR_LIMIT
from zoo.plugins.registry import validated
from zoo.runs.checkpoints.checkpoint import MANIFEST_LIMIT, VALUES_LIMIT, load_checkpoint, save_checkpoint
from zoo.runs.generator.network import load_generator
from zoo.runs.saving import BESIDE_LIMIT
from zoo_plugins.architectures.dcgan import LAYER_LIMIT, Dcgan

if TYPE_CHECKING:
    from pathlib import Path

ROW, MANIFEST, LAYER = "`model.safetensors`", "`manifest.json` of a checkpoint", "a layer of `dcgan`"
SMALL = {
    "latent_dim": 3,
    "initial": [7, 7, 2],
    "generator_filters": [2, 2, 2, 1],
    "critic_filters": [2, 2, 2, 2],
}


def manifest_of_bytes(folder: Path, size: int) -> None:
    """Load a checkpoint whose manifest ends in spaces."""
    path = save_checkpoint(folder, 1, {"weight": torch.zeros(2)})
    text = (path / "manifest.json").read_text()
    (path / "manifest.json").write_text(text + " " * (size - len(text)))
    load_checkpoint(path)


def values_of_bytes(folder: Path, size: int) -> None:
    """Load a checkpoint whose plain values end in spaces."""
    path = save_checkpoint(folder, 1, {"weight": torch.zeros(2)})
    data = (path / "state.json").read_bytes()
    data += b" " * (size - len(data))
    (path / "state.json").write_bytes(data)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["state.json"] = hashlib.sha256(data).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
    load_checkpoint(path)


def tensors_of_bytes(folder: Path, size: int) -> None:
    """Load a checkpoint of one tensor, where the recipe's networks have no weights."""
    header = 88
    path = save_checkpoint(folder, 1, {"weight": torch.zeros(size - header, dtype=torch.uint8)})
    assert (path / "state.safetensors").stat().st_size == size
    load_checkpoint(path, most=BESIDE_LIMIT)


def dense_layer(_: Path, size: int) -> None:
    """Make an architecture whose dense layer has so many weights, 65,536 for each latent."""
    _dcgan(latent_dim=size >> 16, initial=(256, 256, 1), generator_filters=(1, 1, 1, 1))


def image_of_a_layer(_: Path, size: int) -> None:
    """Make an architecture with a layer that makes so many numbers of an image, 1,048,576 a channel."""
    _dcgan(
        latent_dim=1, initial=(256, 256, 1), generator_filters=(1, 1, size >> 20, 1), critic_filters=(8,) * 4
    )


def _dcgan(**fields: object) -> None:
    plain = json.loads(json.dumps({"generator_kernels": (1, 1, 1, 1), **fields}))
    validated(Dcgan, plain, "r.toml", "architecture")


def header_of_bytes(folder: Path, size: int) -> None:
    """Load weights whose header ends in spaces."""
    data = save(Dcgan.model_validate_json(json.dumps(SMALL)).generator().state_dict())
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length] + b" " * (size - length)
    _loaded(folder, len(header).to_bytes(8, "little") + header + data[8 + length :])


def header_of_tensors(folder: Path, count: int) -> None:
    """Load weights of so many empty tensors; up to the limit they are compared with what is needed."""
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"t{index}": entry for index in range(count)}).encode()
    try:
        _loaded(folder, len(header).to_bytes(8, "little") + header)
    except IntegrityError as error:
        if "it does not fit dcgan" not in str(error):
            raise


def _loaded(folder: Path, weights: bytes) -> None:
    config = make_config()
    architecture = config.architecture.model_copy(update={"fields": SMALL})
    GeneratorFolder.write(
        folder, {WEIGHTS: weights}, config.model_copy(update={"architecture": architecture})
    )
    load_generator(GeneratorFolder.open(folder))


WEIGHT_LIMITS = (
    Limit(MANIFEST, "64 KiB", MANIFEST_LIMIT, manifest_of_bytes, "it has 65537 bytes, and at", INTEGRITY),
    Limit(MANIFEST, "16 MiB", VALUES_LIMIT, values_of_bytes, "it has 16777217 bytes, and at", INTEGRITY),
    Limit(MANIFEST, "64 MiB", BESIDE_LIMIT, tensors_of_bytes, "state.safetensors has 67,108,865", INTEGRITY),
    Limit(LAYER, "33,554,432 numbers", LAYER_LIMIT, dense_layer, "has 33,619,968 numbers", INPUT, step=1 << 16),
    Limit(LAYER, "33,554,432 numbers", LAYER_LIMIT, image_of_a_layer, "has 34,603,008 num", INPUT, step=1 << 20),
    Limit(ROW, "1 MiB", HEADER_LIMIT, header_of_bytes, "its header has 1048577 bytes, and", INTEGRITY),
    Limit(ROW, "4,096 tensors", TENSOR_LIMIT, header_of_tensors, "it holds 4097 tensors", INTEGRITY),
)  # fmt: skip
