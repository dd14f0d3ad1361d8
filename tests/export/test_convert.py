"""The ONNX file's contract, on small generators of the shapes the zoo's have."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from tests.support.tiny_generator import LATENT_DIM, Tiny, make
from zoo.errors import InputError, IntegrityError, ResourceError
from zoo.evaluation.contract import BATCHES, TOLERANCE
from zoo.generators.generator import to_uint8
from zoo.generators.latents import latents
from zoo_export.convert.parity import check
from zoo_export.convert.to_onnx import to_onnx
from zoo_export.inspection.graph import read_graph
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from collections.abc import Callable

METADATA = {"zoo.recipe": "tiny", "zoo.licence": "cc-by-4.0"}


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "colour"])
def exported(request: pytest.FixtureRequest) -> tuple[Tiny, bytes]:
    network = make(request.param)
    return network, to_onnx(network, LATENT_DIM, METADATA)


def dims(value: onnx.ValueInfoProto) -> list[Any]:
    return [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]


def test_the_file_has_one_latent_input_and_one_image_output(exported: tuple[Tiny, bytes]) -> None:
    network, data = exported
    model = onnx.load_from_string(data)
    (z,), (images,) = model.graph.input, model.graph.output
    assert (z.name, dims(z)) == ("z", ["batch", LATENT_DIM])
    assert (images.name, dims(images)) == ("images", ["batch", network.channels, 16, 16])
    assert {value.type.tensor_type.elem_type for value in (z, images)} == {onnx.TensorProto.FLOAT}
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
    assert {entry.key: entry.value for entry in model.metadata_props} == METADATA


def test_weights_are_inside_the_file_and_batch_norm_is_folded(exported: tuple[Tiny, bytes]) -> None:
    model = onnx.load_from_string(exported[1])
    assert read_graph(exported[1]).opset == 20
    assert all(
        tensor.data_location == onnx.TensorProto.DEFAULT and not tensor.external_data
        for tensor in model.graph.initializer
    )
    operations = {node.op_type for node in model.graph.node}
    assert not {"BatchNormalization", "Resize"} & operations
    assert {"DepthToSpace", "ConvTranspose"} <= operations


def test_the_file_says_nothing_about_the_machine(exported: tuple[Tiny, bytes]) -> None:
    for word in (b"site-packages", b".py", b"/home", b"/tmp", b"File ", b"Tiny", b"namespace", b"pkg."):
        assert word not in exported[1]


@pytest.mark.parametrize("batch", [1, 3, 64, 65])
def test_pictures_are_torchs_for_any_batch(exported: tuple[Tiny, bytes], batch: int) -> None:
    network, data = exported
    z = latents(5, batch, LATENT_DIM)
    network.eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(z)).numpy()
    network.train()
    found = OnnxGenerator.from_bytes(data, "tiny").generate(z)
    assert found.dtype == np.float32
    assert float(np.ptp(expected)) > 0.1, "a grey picture would prove nothing"
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def test_picture_i_is_the_same_in_any_batch(exported: tuple[Tiny, bytes]) -> None:
    generator = OnnxGenerator.from_bytes(exported[1], "tiny")
    whole = generator.generate(latents(3, 64, LATENT_DIM))
    for batch in (1, 7):
        starts = range(0, 64, batch)
        parts = [generator.generate(latents(3, min(batch, 64 - i), LATENT_DIM, start=i)) for i in starts]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=1e-6)
    assert np.array_equal(generator.sample(7, seed=3, batch=7), to_uint8(whole[:7]))


def test_check_gives_figures_for_every_batch_size(exported: tuple[Tiny, bytes]) -> None:
    network, data = exported
    parity = check(data, network, LATENT_DIM)
    assert tuple(row.batch for row in parity.batches) == BATCHES == (1, 2, 7, 64)
    assert all(0 <= row.mean <= row.max <= TOLERANCE for row in parity.batches)
    assert parity.provider == "CPUExecutionProvider"


def test_exporting_and_checking_leave_torch_and_the_network_alone() -> None:
    network = make()
    network.dense[1].eval()
    modes = [module.training for module in network.modules()]
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    disabled, filters, threads = logging.root.manager.disable, list(warnings.filters), torch.get_num_threads()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    check(to_onnx(network, LATENT_DIM, {}), network, LATENT_DIM)
    assert torch.equal(torch.get_rng_state(), before)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())
    assert (logging.root.manager.disable, warnings.filters, torch.get_num_threads()) == (
        disabled,
        filters,
        threads,
    )
    assert torch.get_float32_matmul_precision() == "highest"
    assert torch.is_grad_enabled()


def test_two_exports_of_the_same_weights_are_the_same_bytes(
    exported: tuple[Tiny, bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    network, data = exported
    channels_last = make(network.channels)
    for weight in (weight for weight in channels_last.parameters() if weight.ndim == 4):
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    assert to_onnx(channels_last, LATENT_DIM, METADATA) == data
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_file_of_other_weights_is_refused(exported: tuple[Tiny, bytes]) -> None:
    network, data = exported
    other = make(network.channels)
    with torch.no_grad():
        other.last.weight += 0.01
    with pytest.raises(
        IntegrityError, match=r"^fp32, batch 1: onnxruntime's pictures differ from torch's by up to .*e-"
    ):
        check(data, other, LATENT_DIM)


def test_pictures_that_are_not_finite_are_refused(exported: tuple[Tiny, bytes]) -> None:
    network, data = exported
    broken = make(network.channels)
    with torch.no_grad():
        broken.last.weight[0] = float("nan")
    with pytest.raises(IntegrityError) as caught:
        check(data, broken, LATENT_DIM)
    assert str(caught.value) == (
        "Tiny: batch 64: its pictures are not finite. Export another checkpoint, or mend its forward"
    )


@pytest.mark.parametrize("opset", [9, 17, 24])
def test_an_opset_out_of_range_is_refused(opset: int) -> None:
    with pytest.raises(InputError) as caught:
        to_onnx(make(), LATENT_DIM, {}, opset=opset)
    assert str(caught.value) == f"--opset: {opset} is not between 18 and 23. Leave it out for 20"


@pytest.mark.parametrize("opset", [18, 23])
def test_another_opset_is_written_as_asked(opset: int) -> None:
    network = make()
    data = to_onnx(network, LATENT_DIM, {}, opset=opset)
    assert [(e.domain, e.version) for e in onnx.load_from_string(data).opset_import] == [("", opset)]
    check(data, network, LATENT_DIM)


class FixedBatch(Tiny):
    """A forward that python decides by the batch."""

    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z.view(2, LATENT_DIM))


class TwoOutputs(Tiny):
    """A forward that gives more than images."""

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        images = super().forward(z)
        return images, images.mean()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FixedBatch, "its forward fixes the size of the batch"),
        (TwoOutputs, "its forward gives 2 outputs instead of one tensor of images"),
    ],
)
def test_a_network_that_cannot_be_exported_is_refused_with_its_reason(kind: type[Tiny], reason: str) -> None:
    with pytest.raises(InputError) as caught:
        to_onnx(kind(3), LATENT_DIM, {})
    assert (
        str(caught.value) == f"{kind.__name__}: it cannot be turned into ONNX: {reason}. Change its forward"
    )


def older_norms(network: Tiny) -> None:
    """Give it spectral and weight norm as torch had them before parametrizations."""
    nn.utils.spectral_norm(network.last)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it advises the newer kind
        nn.utils.weight_norm(network.body[1])


def newer_norms(network: Tiny) -> None:
    parametrizations.spectral_norm(network.last)
    parametrizations.weight_norm(network.body[1])


@pytest.mark.parametrize("add_norms", [older_norms, newer_norms])
def test_weights_that_are_computed_become_plain_ones(add_norms: Callable[[Tiny], None]) -> None:
    network = make()
    add_norms(network)
    network(torch.randn(4, LATENT_DIM))
    network.eval()
    names = set(network.state_dict())
    data = to_onnx(network, LATENT_DIM, {})
    check(data, network, LATENT_DIM)
    plain = onnx.load_from_string(to_onnx(make(), LATENT_DIM, {}))
    found = onnx.load_from_string(data)
    assert [node.op_type for node in found.graph.node] == [node.op_type for node in plain.graph.node]
    assert set(network.state_dict()) == names, "the network itself keeps what computes them"
    assert network(torch.zeros(1, LATENT_DIM)).shape == (1, 3, 16, 16), "and works"


class Huge(nn.Module):
    """A gigabyte of weights that take no memory."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(LATENT_DIM, 1 << 24, device="meta")
        self.tied = self.dense  # counted once


def test_more_weights_than_a_file_may_have_are_refused_before_anything_is_made() -> None:
    with pytest.raises(ResourceError) as caught:
        to_onnx(Huge(), LATENT_DIM, {})
    assert str(caught.value) == (
        "Huge: its weights take 832 MiB as float32, and of an ONNX file no more than 104 are read. "
        "Train a smaller generator"
    )
