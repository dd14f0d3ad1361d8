"""Generators made by hand, in a few nodes of ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from zoo.generators.config import ComponentRecord, DataRecord, GeneratorConfig, Provider, TrainingRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATENT_DIM = 4
SHAPE = (1, 2, 3)


def build(
    *,
    gain: float = 0.5,
    channels: int = 1,
    batch: str | int = "batch",
    output: int = TensorProto.FLOAT,
    rank: int = 4,
) -> onnx.ModelProto:
    """Return a generator made by hand: tanh of a matrix product, reshaped to (batch, channels, 2, 3)."""
    size = channels * 6
    weights = np.linspace(-gain, gain, LATENT_DIM * size, dtype=np.float32).reshape(LATENT_DIM, size)
    shape = [-1, channels, 2, 3][:rank] if rank == 4 else [-1, size]
    nodes = [
        helper.make_node("MatMul", ["z", "w"], ["x"]),
        helper.make_node("Tanh" if gain < 10 else "Identity", ["x"], ["t"]),
        helper.make_node("Reshape", ["t", "s"], ["r"]),
        helper.make_node("Cast", ["r"], ["images"], to=output),
    ]
    sizes = [batch, *shape[1:]]
    graph = helper.make_graph(
        nodes,
        "hand",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [batch, LATENT_DIM])],
        [helper.make_tensor_value_info("images", output, sizes)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array(shape), "s")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def pictures_of(z: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = np.linspace(-0.5, 0.5, LATENT_DIM * 6, dtype=np.float32).reshape(LATENT_DIM, 6)
    pictures: NDArray[np.float32] = np.tanh(z @ weights).reshape(-1, *SHAPE)
    return pictures


def config(latent_dim: int = LATENT_DIM) -> GeneratorConfig:
    provider = Provider(distribution="gan-model-zoo", version="0.1.0")
    return GeneratorConfig(
        library="gan-model-zoo 0.1.0",
        recipe="hand",
        architecture=ComponentRecord(name="by-hand", provider=provider),
        latent_dim=latent_dim,
        image_shape=SHAPE,
        training=TrainingRecord(
            step=1,
            steps=1,
            batch_size=1,
            critic_steps=1,
            seed=0,
            seconds=0.0,
            hardware="cpu",
            precision="fp32",
        ),
        data=DataRecord(name="d", source="s", licence="cc-by-4.0", images=1, fingerprint="f"),
    )
