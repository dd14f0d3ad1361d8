"""Variants of the float32 file: weights in float16, weights and activations in 8 bits, or images as uint8."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxscript import ir

from zoo.generators.latents import latents
from zoo_export.convert.folding import without_transposed_convolutions
from zoo_export.convert.serialize import no_logs_or_warnings, serialize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from zoo.generators.files import Variant

CALIBRATION_SEED = 1
"""Another seed than 0, on which `parity` compares: int8 is not measured on its own calibration data."""
CALIBRATION_BATCHES, CALIBRATION_BATCH = 8, 32
_QUANTISED = ("Conv", "Gemm", "MatMul", "Relu", "LeakyRelu", "Reshape", "Transpose", "Resize", "DepthToSpace")


def convert(variant: Variant, model: bytes) -> bytes:
    """Return the bytes of a variant of a generator, given those of its float32 file; two calls give the same bytes."""
    proto = onnx.load_from_string(model)
    # The converters trust these shapes, and fail where their own changes make the shapes wrong.
    proto.graph.ClearField("value_info")
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    if variant == "fp32":
        return model
    if variant == "fp16":
        converted = _fp16(proto)
    elif variant == "int8":
        converted = _int8(proto)
    else:
        converted = _uint8(proto)
        metadata["zoo.range"] = "0,255"
    return _finished(converted, {**metadata, "zoo.variant": variant})


def _fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with weights and arithmetic in float16; latents and images stay float32."""
    _import_converters()
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted = ir.from_proto(convert_float_to_float16(model, keep_io_types=True))
    converted.graph.sort()  # the converter appends its casts at the end of the graph
    sorted_model: onnx.ModelProto = ir.to_proto(converted)
    return sorted_model


def _int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with int8 weights, scaled per channel, and uint8 activations.

    The activations' ranges are calibrated on pictures of seeded latents. Activations are unsigned because the CPUs'
    instructions multiply unsigned by signed numbers.
    """
    _import_converters()
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = without_transposed_convolutions(model)
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"  # the quantiser identifies nodes by name
    dim = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    with tempfile.TemporaryDirectory() as folder, no_logs_or_warnings():
        path = Path(folder) / "model.onnx"
        quantize_static(
            model,
            path,
            _CalibrationLatents(model.graph.input[0].name, dim),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_QUANTISED),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        quantised = onnx.load(path)
    _drop_unused_weights(quantised)
    return quantised


class _CalibrationLatents:
    """Batches of seeded latents; what the quantiser calls a calibration data reader."""

    def __init__(self, name: str, dim: int) -> None:
        self._name, self._dim, self._batch = name, dim, 0

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next batch of latents (CALIBRATION_BATCH, latent_dim) by the input's name; None at the end."""
        if self._batch == CALIBRATION_BATCHES:
            return None
        start = self._batch * CALIBRATION_BATCH
        self._batch += 1
        return {self._name: latents(CALIBRATION_SEED, CALIBRATION_BATCH, self._dim, start=start)}


def _uint8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with uint8 images (batch, 3, H, W) as output: `rint((x + 1) * 127.5)`, clamped to 0 ... 255.

    A grey channel is repeated three times.
    """
    graph = model.graph
    images = graph.output[0]
    sizes = images.type.tensor_type.shape.dim
    output_name = images.name
    for node in graph.node:
        node.output[:] = ["floats" if name == output_name else name for name in node.output]
        node.input[:] = ["floats" if name == output_name else name for name in node.input]
    numbers = {"one": 1.0, "half": 127.5, "low": 0.0, "high": 255.0}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(number, np.float32), f"uint8.{name}")
        for name, number in numbers.items()
    )
    steps = [
        ("Add", ["floats", "uint8.one"], "uint8.shifted"),
        ("Mul", ["uint8.shifted", "uint8.half"], "uint8.scaled"),
        ("Round", ["uint8.scaled"], "uint8.rounded"),
        ("Clip", ["uint8.rounded", "uint8.low", "uint8.high"], "uint8.clamped"),
    ]
    graph.node.extend(helper.make_node(op, inputs, [output]) for op, inputs, output in steps)
    grey = sizes[1].dim_value == 1
    levels = "uint8.levels" if grey else output_name
    graph.node.append(helper.make_node("Cast", ["uint8.clamped"], [levels], to=TensorProto.UINT8))
    if grey:
        graph.node.append(helper.make_node("Concat", [levels] * 3, [output_name], axis=1))
    images.type.tensor_type.elem_type = TensorProto.UINT8
    sizes[1].dim_value = 3
    return model


def _finished(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a converter's model, without its remarks about the conversion."""
    model.graph.ClearField("value_info")
    model.producer_name = model.producer_version = model.doc_string = ""
    # Converters import operator domains that no node uses, and runtimes refuse domains that they do not know.
    used = {node.domain for node in model.graph.node}
    opsets = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return serialize(model, metadata)


def _drop_unused_weights(model: onnx.ModelProto) -> None:
    names = {name for node in model.graph.node for name in node.input}
    used = [tensor for tensor in model.graph.initializer if tensor.name in names]
    del model.graph.initializer[:]
    model.graph.initializer.extend(used)


def _import_converters() -> None:
    """Import onnxruntime's converters and restore `sys.path`, to which they add their own folder.

    The folder holds a `benchmark.py` and the like, which would shadow other people's modules. The converters need it
    on the path only while they are imported, so all of them are imported at once.
    """
    before = list(sys.path)
    try:
        import onnxruntime.quantization
        import onnxruntime.transformers.float16  # noqa: F401
    finally:
        sys.path[:] = before
