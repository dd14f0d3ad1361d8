"""A torch generator as the bytes of one ONNX file, without anything about the machine that wrote it."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import onnx
import torch
from onnxscript import ir

from zoo.errors import InputError, ResourceError, reason_of
from zoo.generators.files import ONNX_LIMIT
from zoo.layers.computed_weights import copy_network, make_weights_plain
from zoo_export.convert.folding import optimize
from zoo_export.convert.serialize import no_logs_or_warnings, serialize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

OPSETS = range(18, 24)
"""The opsets that torch's exporter writes and onnxruntime reads."""


def to_onnx(module: nn.Module, latent_dim: int, metadata: Mapping[str, str], *, opset: int = 20) -> bytes:
    """Return the generator in eval mode as ONNX: `z` (batch, latent_dim) -> `images` (batch, C, H, W).

    Two exports of the same weights are byte-identical. `module` is not changed. `metadata` becomes the
    file's `metadata_props`.

    Raises:
        InputError: the exporter does not write this opset, or the network holds something that cannot be exported.
        ResourceError: its weights take more than is read of a file.
    """
    if opset not in OPSETS:
        raise InputError(f"--opset: {opset} is not between {OPSETS[0]} and {OPSETS[-1]}. Leave it out for 20")
    _check_size(module)
    try:
        with _quiet():
            model = _export(inference_copy(module), latent_dim, opset)
    except Exception as error:
        reason = reason_of(_root_cause(error))
        raise InputError(
            f"{type(module).__name__}: it cannot be turned into ONNX: {reason}. Change its forward"
        ) from error
    _strip_remarks(model)
    return serialize(model, metadata)


def inference_copy(module: nn.Module) -> nn.Module:
    """Return a copy in eval mode, in float32 on the CPU, with plain weights; the original is not changed.

    What spectral norm, weight norm and other parametrizations compute becomes the copy's own weights.
    """
    network = copy_network(module).float().cpu().eval()
    make_weights_plain(network)
    return network


def _check_size(module: nn.Module) -> None:
    size = sum(4 * tensor.numel() for tensor in (*module.parameters(), *module.buffers()))
    if size > ONNX_LIMIT:
        raise ResourceError(
            f"{type(module).__name__}: its weights take {size / 2**20:.0f} MiB as float32, and of an ONNX file no more "
            f"than {ONNX_LIMIT >> 20} are read. Train a smaller generator"
        )


def _export(module: nn.Module, latent_dim: int, opset: int) -> onnx.ModelProto:
    program = torch.onnx.export(
        module,
        (torch.zeros(2, latent_dim),),
        dynamo=True,
        opset_version=opset,
        input_names=["z"],
        output_names=["images"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
        verbose=False,
    )
    assert program is not None  # it is None for the old exporter only
    model = ir.to_proto(optimize(program.model))
    written = {entry.domain: entry.version for entry in model.opset_import}.get("")
    if written != opset:
        # The exporter silently falls back to another opset when it cannot convert a node.
        raise ValueError(f"the exporter wrote opset {written} instead of {opset}")
    if [output.name for output in model.graph.output] != ["images"]:
        raise ValueError(
            f"its forward gives {len(model.graph.output)} outputs instead of one tensor of images"
        )
    if not model.graph.output[0].type.tensor_type.shape.dim[0].dim_param:
        # The exporter silently fixes the batch size, too, when forward depends on it.
        raise ValueError("its forward fixes the size of the batch")
    return model


def _strip_remarks(model: onnx.ModelProto) -> None:
    """Remove the exporter's remarks about its own work: stack traces with local paths, class names."""
    model.doc_string = ""
    for graph in (model.graph, *model.functions):
        _strip_graph(graph)


def _strip_graph(graph: Any) -> None:
    graph.ClearField("metadata_props")
    graph.ClearField("doc_string")
    # The shapes of intermediate values name the exporter's symbols; onnxruntime infers them itself.
    graph.ClearField("value_info")
    entries = [*graph.node]
    if isinstance(graph, onnx.GraphProto):
        entries += [*graph.input, *graph.output, *graph.initializer]
    for entry in entries:
        entry.ClearField("metadata_props")
        entry.ClearField("doc_string")
    for node in graph.node:
        for attribute in node.attribute:
            inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            for subgraph in inner:
                _strip_graph(subgraph)


def _root_cause(error: BaseException) -> BaseException:
    """Return the error that the exporter wraps in pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's prints, warnings and log lines off the terminal."""
    with (
        no_logs_or_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield
