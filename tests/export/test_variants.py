"""Half and 8-bit numbers, and pictures as uint8: how far from torch's, how large, what converters must not leave."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from typing import TYPE_CHECKING, get_args

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from tests.support.tiny_generator import LATENT_DIM, Tiny, make
from zoo.errors import IntegrityError
from zoo.generators.files import FILES, Variant
from zoo.generators.generator import to_uint8
from zoo.generators.latents import latents
from zoo_export.convert.parity import Parity, check
from zoo_export.convert.to_onnx import to_onnx
from zoo_export.convert.variants import convert
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

METADATA = {"zoo.recipe": "tiny", "zoo.range": "-1,1", "zoo.variant": "fp32"}


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "colour"])
def exported(request: pytest.FixtureRequest) -> tuple[Tiny, dict[Variant, bytes]]:
    network = make(request.param)
    model = to_onnx(network, LATENT_DIM, METADATA)
    return network, {variant: convert(variant, model) for variant in get_args(Variant)}


def weights_types(model: bytes) -> set[int]:
    proto = onnx.load_from_string(model)
    return {tensor.data_type for tensor in proto.graph.initializer if len(tensor.dims) > 1}


def test_each_variant_is_as_near_to_torch_as_it_must_be(
    exported: tuple[Tiny, dict[Variant, bytes]],
) -> None:
    network, models = exported
    found: dict[Variant, Parity] = {
        variant: check(model, network, LATENT_DIM, variant) for variant, model in models.items()
    }
    last = {variant: parity.batches[-1] for variant, parity in found.items()}
    assert last["fp32"].max <= 1e-4
    assert last["fp16"].max <= 2e-2
    assert last["fp16"].levels <= 2
    assert last["uint8"].levels <= 1
    noise = last["int8"].psnr
    assert noise is not None
    assert noise > 25
    assert last["fp32"].max < last["fp16"].max < last["int8"].max, "or nothing was converted"


def test_sizes_and_types_are_what_the_names_promise(exported: tuple[Tiny, dict[Variant, bytes]]) -> None:
    models = exported[1]
    assert weights_types(models["fp32"]) == {TensorProto.FLOAT}
    assert weights_types(models["fp16"]) == {TensorProto.FLOAT16}
    assert weights_types(models["int8"]) == {TensorProto.INT8}
    numbers = sum(np.prod(tensor.dims) for tensor in onnx.load_from_string(models["fp32"]).graph.initializer)
    assert 1.9 * numbers < len(models["fp32"]) - len(models["fp16"]) < 2.1 * numbers


def test_each_variant_is_one_strangers_file(exported: tuple[Tiny, dict[Variant, bytes]]) -> None:
    for variant, model in exported[1].items():
        proto = onnx.load_from_string(model)
        assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", 20)]
        assert not any(tensor.external_data for tensor in proto.graph.initializer)
        wanted = {**METADATA, "zoo.variant": variant}
        if variant == "uint8":
            wanted["zoo.range"] = "0,255"
        assert {entry.key: entry.value for entry in proto.metadata_props} == wanted
        for word in (b"site-packages", b".py", b"/home", b"/tmp", b"onnx.quantize"):
            assert word not in model
        for port in (*proto.graph.input, *proto.graph.output):
            assert port.type.tensor_type.shape.dim[0].dim_param == "batch"
            float_io = TensorProto.UINT8 if (variant, port.name) == ("uint8", "images") else TensorProto.FLOAT
            assert port.type.tensor_type.elem_type == float_io


@pytest.mark.parametrize("variant", ["fp16", "int8", "uint8"])
def test_two_conversions_are_the_same_bytes_and_leave_nothing_behind(
    exported: tuple[Tiny, dict[Variant, bytes]], variant: Variant, capfd: pytest.CaptureFixture[str]
) -> None:
    models = exported[1]
    state = list(sys.path), logging.root.manager.disable, list(warnings.filters)
    assert convert(variant, models["fp32"]) == models[variant]
    assert (list(sys.path), logging.root.manager.disable, list(warnings.filters)) == state
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize("variant", ["fp16", "int8"])
def test_shapes_that_are_wrong_in_between_do_not_confuse_the_converters(
    exported: tuple[Tiny, dict[Variant, bytes]], variant: Variant
) -> None:
    models = exported[1]
    proto = onnx.load_from_string(models["fp32"])
    # What an optimiser that changed the graph leaves behind.
    for node in proto.graph.node[:-1]:
        proto.graph.value_info.append(
            onnx.helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, ["batch", 99])
        )
    assert convert(variant, proto.SerializeToString()) == models[variant]


def test_int8_has_a_scale_for_each_channel(exported: tuple[Tiny, dict[Variant, bytes]]) -> None:
    graph = onnx.load_from_string(exported[1]["int8"]).graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    scales = [
        (list(tensors[node.input[0]].dims), list(tensors[node.input[1]].dims))
        for node in graph.node
        if node.op_type == "DequantizeLinear" and len(tensors.get(node.input[0], TensorProto()).dims) == 4
    ]
    assert len(scales) == 2, "the transposed convolution too"
    assert all(scale == [weight[0]] for weight, scale in scales)
    assert not {"ConvTranspose", "Resize"} & {node.op_type for node in graph.node}


def test_the_uint8_file_is_what_torch_fidelity_reads(
    exported: tuple[Tiny, dict[Variant, bytes]], tmp_path: Path
) -> None:
    """Its wrapper gives latents to the first input and wants uint8 (N, 3, H, W) from the first output."""
    network, models = exported
    path = tmp_path / "images_uint8.onnx"
    path.write_bytes(models["uint8"])
    z = latents(3, 16, LATENT_DIM)
    try:
        fidelity = importlib.import_module("torch_fidelity.generative_model_onnx")
    except ImportError:
        images = _plainly(path, z)
    else:
        images = fidelity.GenerativeModelONNX(str(path), LATENT_DIM, "normal", 0)(torch.from_numpy(z)).numpy()
    network.eval()
    with torch.no_grad():
        expected = to_uint8(network(torch.from_numpy(z)).numpy())
    network.train()
    assert images.dtype == np.uint8
    assert images.shape == (16, 3, 16, 16)
    last = images.transpose(0, 2, 3, 1)
    wanted = expected if expected.ndim == 4 else np.repeat(expected[..., None], 3, axis=3)
    assert int(np.abs(last.astype(int) - wanted).max()) <= 1
    assert float((last != wanted).mean()) < 1e-3


def _plainly(path: Path, z: NDArray[np.float32]) -> NDArray[np.uint8]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (image,) = session.run(None, {session.get_inputs()[0].name: z})
    return np.asarray(image)


def test_levels_are_clamped_and_rounded_as_numpy_does() -> None:
    """Half levels go to the even one, and what is beyond [-1, 1] to the nearest end."""
    floats = np.array([-1.5, -1, -1 + 0.5 / 127.5, 0, 1 - 1.5 / 127.5, 1, 1.5], np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Reshape", ["z", "shape"], ["images"])],
        "pixels",
        [onnx.helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 7])],
        [onnx.helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 1, 7])],
        [onnx.numpy_helper.from_array(np.array([-1, 1, 1, 7]), "shape")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    generator = OnnxGenerator.from_bytes(convert("uint8", model.SerializeToString()), "pixels")
    found = to_uint8(generator.generate(floats[None]))[0, 0]
    assert found[:, 0].tolist() == [0, 0, 0, 128, 254, 255, 255]
    assert (found == found[:, :1]).all()


def test_a_variant_of_another_network_is_refused(exported: tuple[Tiny, dict[Variant, bytes]]) -> None:
    network, models = exported
    other = make(network.channels)
    with torch.no_grad():
        other.last.weight.mul_(-5)
    advice = r"\. The file was not kept; leave out --"
    reasons: dict[Variant, str] = {
        "fp16": rf"differ from torch's by up to .*, more than 2e-02{advice}fp16",
        "uint8": rf"differ from torch's by up to \d+ of 255 levels, more than 1{advice}uint8",
        "int8": rf"have a PSNR of \S+ dB against torch's, less than 25{advice}int8",
    }
    for variant, reason in reasons.items():
        with pytest.raises(IntegrityError, match=rf"^{variant}, batch 1: onnxruntime's pictures {reason}"):
            check(models[variant], other, LATENT_DIM, variant)


def test_the_files_have_the_names_that_others_know() -> None:
    assert FILES == {
        "fp32": "onnx/model.onnx",
        "fp16": "onnx/model_fp16.onnx",
        "int8": "onnx/model_int8.onnx",
        "uint8": "onnx/images_uint8.onnx",
    }
