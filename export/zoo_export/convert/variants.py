"""The same generator in other numbers, each made from the float32 file: half the size, quantised, or whole pixels."""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxscript import ir

from zoo.generators.latents import latents
from zoo_export.convert.folding import without_transposed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from zoo.generators.files import Variant

CALIBRATION_SEED = 1
"""The check measures on seed 0."""
CALIBRATION_BATCHES, CALIBRATION_BATCH = 8, 32
_QUANTISED = ("Conv", "Gemm", "MatMul", "Relu", "LeakyRelu", "Reshape", "Transpose", "Resize", "DepthToSpace")


def made(variant: Variant, model: bytes) -> bytes:
    """Return a variant of a float32 generator's file; two calls give the same bytes."""
    proto = onnx.load_from_string(model)
    # The converters trust these shapes, and fail where their own changes make them wrong.
    proto.graph.ClearField("value_info")
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    if variant == "fp32":
        return model
    if variant == "fp16":
        changed = _fp16(proto)
    elif variant == "int8":
        changed = _int8(proto)
    else:
        changed = _uint8(proto)
        metadata["zoo.range"] = "0,255"
    return _written(changed, {**metadata, "zoo.variant": variant})


def _fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return it with weights and arithmetic in float16, latents and images still float32."""
    _import_converters()
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted = ir.from_proto(convert_float_to_float16(model, keep_io_types=True))
    converted.graph.sort()  # the converter puts its casts at the end
    in_order: onnx.ModelProto = ir.to_proto(converted)
    return in_order


def _int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return it with 8-bit weights, per channel, and 8-bit activations in the ranges the generator's own latents give.

    Activations are unsigned: that is what the CPUs' instructions multiply with signed weights.
    """
    _import_converters()
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = without_transposed(model)
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"  # the quantiser tells nodes apart by it
    dim = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "model.onnx"
        quantize_static(
            model,
            path,
            _Latents(model.graph.input[0].name, dim),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_QUANTISED),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        quantised = onnx.load(path)
    _drop_unused(quantised)
    return quantised


class _Latents:
    """What the quantiser calls a calibration data reader."""

    def __init__(self, name: str, dim: int) -> None:
        self._name, self._dim, self._batch = name, dim, 0

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next latents; None at the end."""
        if self._batch == CALIBRATION_BATCHES:
            return None
        start = self._batch * CALIBRATION_BATCH
        self._batch += 1
        return {self._name: latents(CALIBRATION_SEED, CALIBRATION_BATCH, self._dim, start=start)}


def _uint8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return it with uint8 images (batch, 3, H, W) as output, `rint((x + 1) * 127.5)` clamped, grey three times."""
    graph = model.graph
    images = graph.output[0]
    sizes = images.type.tensor_type.shape.dim
    last = images.name
    for node in graph.node:
        node.output[:] = ["floats" if name == last else name for name in node.output]
        node.input[:] = ["floats" if name == last else name for name in node.input]
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
    levels = "uint8.levels" if grey else last
    graph.node.append(helper.make_node("Cast", ["uint8.clamped"], [levels], to=TensorProto.UINT8))
    if grey:
        graph.node.append(helper.make_node("Concat", [levels] * 3, [last], axis=1))
    images.type.tensor_type.elem_type = TensorProto.UINT8
    sizes[1].dim_value = 3
    return model


def _written(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a converter's model, with nothing in them about the conversion."""
    del model.metadata_props[:]
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)
    model.graph.ClearField("value_info")
    model.producer_name = model.producer_version = model.doc_string = ""
    # Converters add domains that nothing uses, and a reader would have to know them.
    used = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _drop_unused(model: onnx.ModelProto) -> None:
    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _import_converters() -> None:
    """onnxruntime's converters put their folder, with a `benchmark.py` in it, on everybody's import path for good.

    They need it there only while they are imported, all of them at once.
    """
    before = list(sys.path)
    try:
        import onnxruntime.quantization
        import onnxruntime.transformers.float16  # noqa: F401
    finally:
        sys.path[:] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's log lines and warnings off the terminal."""
    before: Any = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
