"""A generator folder made by hand around a tiny ONNX model: z -> MatMul -> Reshape -> Tanh. No torch."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from zoo.generators.config import ComponentRecord, DataRecord, GeneratorConfig, Provider, TrainingRecord
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from pathlib import Path

LATENT_DIM = 3
SHAPE = (1, 4, 4)
BUILTIN = Provider(distribution="gan-model-zoo", version="0.1.0")
PAPERS = (
    "Arjovsky, Chintala, Bottou, *Wasserstein GAN*, 2017, arXiv:1701.07875, section 3",
    "Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017, arXiv:1704.00028, section 4",
)
"""As a training records them: without them a card asks the installed plugins, which takes torch and seconds."""


def tiny_onnx(seed: int) -> bytes:
    """Return a model from `z` (batch, 3) to `images` (batch, 1, 4, 4) with seeded weights."""
    weights = np.random.default_rng(seed).standard_normal((LATENT_DIM, 16), dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["z", "weights"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["square"]),
            helper.make_node("Tanh", ["square"], ["images"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", LATENT_DIM])],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *SHAPE])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array([-1, *SHAPE]), "shape"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


def make_config(*, stand_in: str | None = None, licence: str = "cc-by-4.0") -> GeneratorConfig:
    """Return a configuration with every part of the record filled in."""
    wasserstein = ComponentRecord(name="wasserstein", provider=BUILTIN, fields={"weight": 1.0})
    penalty = ComponentRecord(name="gradient-penalty", provider=BUILTIN, fields={"weight": 10.0})
    return GeneratorConfig(
        library="gan-model-zoo 0.1.0",
        recipe="camel-wgangp",
        architecture=ComponentRecord(name="dcgan", provider=BUILTIN, fields={"latent_dim": LATENT_DIM}),
        latent_dim=LATENT_DIM,
        image_shape=SHAPE,
        training=TrainingRecord(
            step=200,
            steps=300,
            batch_size=64,
            critic_steps=5,
            seed=7,
            seconds=61.5,
            hardware="a test",
            precision="fp32",
            metric="swd",
            value=12.5,
            protocol="256 held-out images | 16 and 8 pixels",
            losses=(wasserstein, penalty),
        ),
        data=DataRecord(
            name="quickdraw",
            source="bundled sample",
            licence=licence,
            images=100,
            fingerprint="0" * 64,
            stand_in=stand_in,
        ),
        papers=PAPERS,
    )


def report(models: dict[str, bytes]) -> bytes:
    """Return an export report that is about these files."""
    rows = {
        f"variant {number}": {"file": name, "sha256": hashlib.sha256(data).hexdigest()}
        for number, (name, data) in enumerate(models.items())
    }
    return json.dumps({"format": 1, "variants": rows}).encode()


def make_folder(folder: Path, *, seed: int = 0, stand_in: str | None = None) -> Path:
    """Write a whole generator folder, with files in it that are nobody's business, and return it."""
    picture = BytesIO()
    Image.fromarray(np.full((8, 8), 100 + seed, np.uint8)).save(picture, "PNG")
    model = tiny_onnx(seed)
    files = {
        "model.safetensors": b"weights %d" % seed,
        "samples.png": picture.getvalue(),
        "onnx/model.onnx": model,
        "onnx/report.json": report({"onnx/model.onnx": model}),
    }
    GeneratorFolder.write(folder, files, make_config(stand_in=stand_in))
    (folder / "secret.env").write_text("HF_TOKEN=hf_secret\n")
    (folder / "onnx" / "scratch.onnx").write_bytes(b"not listed")
    return folder
