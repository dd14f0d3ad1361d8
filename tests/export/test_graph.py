"""The graph made fast makes the same pictures, and what it cannot make fast it leaves alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxscript import ir

from zoo.generators.latents import latents
from zoo_export.convert.folding import optimize, without_transposed_convolutions
from zoo_export.runtime.session import OnnxGenerator

DIM = 6
IMAGE = (3, 4, 5)
"""What the dense layer makes of the latents."""


class Layers:
    """An ONNX generator in the making: latents, a dense layer, an image, whatever is added, tanh."""

    def __init__(self, *, keras: bool = False, bias: bool = True, batch: int = -1) -> None:
        self.random = np.random.default_rng(0)
        self.weights: list[onnx.TensorProto] = []
        self.nodes: list[onnx.NodeProto] = []
        self.last = "z"
        rest = [self.weight(60, scale=0.3)] if bias else []
        self.add("Gemm", self.weight(60, DIM, scale=0.3), *rest, transB=1)
        channels, height, width = IMAGE
        shape = (batch, height, width, channels) if keras else (batch, *IMAGE)
        self.add("Reshape", self.constant(np.array(shape, np.int64)))
        if keras:
            self.add("Transpose", perm=[0, 3, 1, 2])

    def constant(self, value: np.ndarray[Any, Any]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, *shape: int, scale: float = 0.2) -> str:
        return self.constant((self.random.standard_normal(shape) * scale).astype(np.float32))

    def add(self, op: str, *others: str, **attributes: Any) -> str:
        before, self.last = self.last, f"x{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [before, *others], [self.last], **attributes))
        return self.last

    def upsample(self, *scales: float, mode: str = "nearest", coordinates: str = "asymmetric") -> Layers:
        numbers = self.constant(np.array([1, 1, *scales], np.float32))
        self.add(
            "Resize", "", numbers, mode=mode, nearest_mode="floor", coordinate_transformation_mode=coordinates
        )
        return self

    def convolve(
        self, kernel: int, *, bias: bool = True, groups: int = 1, channels: int = 3, **attributes: Any
    ) -> Layers:
        rest = [self.weight(3)] if bias else []
        attributes = {"pads": [kernel // 2] * 4, **attributes}
        self.add(
            "Conv", self.weight(3, channels // groups, kernel, kernel), *rest, group=groups, **attributes
        )
        return self

    def transpose(
        self,
        kernel: int,
        stride: int,
        padding: int,
        more: int = 0,
        *,
        channels: int = 3,
        groups: int = 1,
        dilation: int = 1,
    ) -> Layers:
        self.add(
            "ConvTranspose",
            self.weight(3, channels // groups, kernel, kernel),
            self.weight(channels),
            group=groups,
            strides=[stride] * 2,
            pads=[padding] * 4,
            output_padding=[more] * 2,
            dilations=[dilation] * 2,
        )
        return self

    def norm(self) -> Layers:
        variance = self.constant(self.random.uniform(0.5, 2, 3).astype(np.float32))
        numbers = [self.weight(3, scale=1) for _ in range(3)]
        self.add("BatchNormalization", *numbers, variance, epsilon=1e-3)
        return self

    def model(self) -> onnx.ModelProto:
        self.nodes.append(helper.make_node("Tanh", [self.last], ["images"]))
        graph = helper.make_graph(
            self.nodes,
            "layers",
            [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", DIM])],
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", None, None, None])],
            self.weights,
        )
        inferred = onnx.shape_inference.infer_shapes(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10),
            data_prop=True,
        )
        inferred.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"
        return inferred


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    changed: onnx.ModelProto = ir.to_proto(optimize(ir.from_proto(model)))
    return changed


def operations(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def require_same_pictures(changed: onnx.ModelProto, model: onnx.ModelProto, layers: int = 1) -> None:
    onnx.checker.check_model(changed, full_check=True)
    z = latents(0, 7, DIM)
    found, expected = (
        OnnxGenerator.from_bytes(data.SerializeToString(), "layers").generate(z) for data in (changed, model)
    )
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(found, expected, rtol=0, atol=layers * 1e-6)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("factor", "kernel"), [(2, 1), (2, 3), (2, 5), (2, 7), (3, 1), (3, 3), (3, 5), (4, 5)]
)
def test_upsampling_and_convolution_become_one_convolution(factor: int, kernel: int, bias: bool) -> None:
    model = Layers().upsample(factor, factor).convolve(kernel, bias=bias).model()
    changed = fold(model)
    assert operations(changed) == Counter(["Gemm", "Reshape", "Conv", "DepthToSpace", "Tanh"])
    require_same_pictures(changed, model)


def test_two_in_a_row_become_two() -> None:
    model = Layers().upsample(2, 2).convolve(5).norm().upsample(2, 2).convolve(5).model()
    changed = fold(model)
    assert operations(changed)["DepthToSpace"] == operations(changed)["Conv"] == 2
    require_same_pictures(changed, model, layers=3)


def test_five_by_five_after_doubling_becomes_three_by_three() -> None:
    changed = fold(Layers().upsample(2, 2).convolve(5).model())
    (weight,) = (tensor.dims for tensor in changed.graph.initializer if len(tensor.dims) == 4)
    assert list(weight) == [2 * 2 * 3, 3, 3, 3]


@pytest.mark.parametrize(
    "layers",
    [
        Layers().upsample(2, 2, mode="linear").convolve(3),
        Layers().upsample(2, 2, coordinates="align_corners").convolve(3),
        Layers().upsample(2, 3).convolve(3),
        Layers().upsample(1.5, 1.5).convolve(3),
        Layers().upsample(2, 2).convolve(3, strides=[2, 2]),
        Layers().upsample(2, 2).convolve(3, pads=[0, 0, 0, 0]),
        Layers().upsample(2, 2).convolve(3, groups=3),
        Layers().upsample(2, 2).convolve(3, dilations=[2, 2], pads=[2, 2, 2, 2]),
        Layers().upsample(2, 2).convolve(2, pads=[0, 0, 1, 1]),
    ],
    ids=["linear", "corners", "two factors", "half", "stride", "shrinking", "groups", "dilation", "even"],
)
def test_other_upsamplings_are_left_alone(layers: Layers) -> None:
    model = layers.model()
    changed = fold(model)
    assert operations(changed) == operations(model)
    require_same_pictures(changed, model)


def test_an_upsampled_image_that_others_see_stays() -> None:
    layers = Layers().upsample(2, 2)
    upsampled = layers.last
    layers.convolve(3)
    layers.add("Add", upsampled)
    model = layers.model()
    changed = fold(model)
    assert operations(changed)["Resize"] == 1
    require_same_pictures(changed, model)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "more"),
    [(5, 1, 2, 0), (5, 2, 2, 1), (4, 2, 1, 0), (3, 2, 1, 1), (2, 2, 0, 0), (3, 3, 0, 0), (1, 1, 0, 0)],
)
def test_transposed_convolutions_become_convolutions(
    kernel: int, stride: int, padding: int, more: int
) -> None:
    model = Layers().transpose(kernel, stride, padding, more).model()
    assert operations(fold(model))["ConvTranspose"] == 1, "in float32 it is the faster of the two"
    changed = without_transposed_convolutions(model)
    assert (operations(changed)["ConvTranspose"], operations(changed)["Conv"]) == (0, 1)
    require_same_pictures(changed, model)


@pytest.mark.parametrize(("channels", "stride", "left"), [(7, 1, 1), (8, 1, 0), (8, 2, 1)])
def test_only_wide_transposed_convolutions_of_stride_1_are_turned_in_float32(
    channels: int, stride: int, left: int
) -> None:
    layers = Layers().transpose(5, stride, 2, stride - 1, channels=channels)
    model = layers.convolve(3, channels=channels).model()
    changed = fold(model)
    assert operations(changed)["ConvTranspose"] == left
    require_same_pictures(changed, model, layers=2)


@pytest.mark.parametrize(
    "layers",
    [
        Layers().transpose(5, 2, 2),
        Layers().transpose(4, 2, 1, groups=3),
        Layers().transpose(4, 1, 0),
        Layers().transpose(3, 1, 2, dilation=2),
    ],
    ids=["odd size", "groups", "growing", "dilation"],
)
def test_other_transposed_convolutions_are_left_alone(layers: Layers) -> None:
    model = layers.model()
    assert operations(without_transposed_convolutions(model))["ConvTranspose"] == 1


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("keras", [True, False])
@pytest.mark.parametrize("batch", [-1, 0])
def test_batch_norm_after_the_reshape_is_folded(bias: bool, keras: bool, batch: int) -> None:
    model = Layers(bias=bias, keras=keras, batch=batch).norm().model()
    changed = fold(model)
    assert operations(model)["BatchNormalization"] == 1
    assert operations(changed)["BatchNormalization"] == 0
    require_same_pictures(changed, model)


def test_batch_norm_after_an_activation_stays() -> None:
    layers = Layers()
    layers.add("Relu")
    model = layers.norm().model()
    changed = fold(model)
    assert operations(changed) == operations(model)
    require_same_pictures(changed, model)
