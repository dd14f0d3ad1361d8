"""A torch generator as the bytes of one ONNX file that says nothing about the machine it was made on."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import onnx
import torch
from onnxscript import ir
from torch.nn.utils import parametrize

from zoo.errors import InputError, UsageError
from zoo_export.convert.folding import folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

OPSETS = range(18, 24)
"""What torch's exporter writes and onnxruntime reads."""
SIZE_LIMIT = (1 << 31) - (1 << 20)
"""Bytes of weights: one protobuf message holds less than 2 GiB, and the graph is in it too."""


def to_onnx(module: nn.Module, latent_dim: int, metadata: Mapping[str, str], *, opset: int = 20) -> bytes:
    """Return the generator in eval mode as ONNX: `z` (batch, latent_dim) -> `images` (batch, C, H, W).

    Two exports of the same weights are byte-identical. `module` is left as it is. `metadata` becomes the
    file's `metadata_props`.

    Raises:
        UsageError: the exporter does not write this opset.
        InputError: the network holds something that cannot be exported, or 2 GiB of weights.
    """
    if opset not in OPSETS:
        raise UsageError(f"--opset: {opset} is not between {OPSETS[0]} and {OPSETS[-1]}. Leave it out for 20")
    _check_size(module)
    try:
        with _quiet():
            model = _export(still(module), latent_dim, opset)
    except Exception as error:
        reason = " ".join(str(_root(error)).split())[:200].rstrip(". ")
        raise InputError(
            f"{type(module).__name__}: it cannot be turned into ONNX: {reason}. Change its forward"
        ) from error
    _strip(model)
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def still(module: nn.Module) -> nn.Module:
    """Return a copy in eval mode, in float32 on the CPU, its weights plain: the original stays as it is.

    What spectral norm, weight norm and other parametrizations make of the weights becomes the weights.
    """
    network = copy.deepcopy(module).float().cpu().eval()
    with torch.no_grad():
        for part in network.modules():
            if parametrize.is_parametrized(part):
                _make_plain(part)
    return network


def _make_plain(part: nn.Module) -> None:
    """Put the weights that a part's parametrizations give in their place."""
    shared = type(part)
    # Removing changes the class, which the copy shares with the original.
    own = {name: value for name, value in vars(shared).items() if name not in ("__dict__", "__weakref__")}
    part.__class__ = type(shared.__name__, shared.__bases__, own)
    for name in list(part.parametrizations):  # type: ignore[arg-type]
        parametrize.remove_parametrizations(part, name, leave_parametrized=True)


def _check_size(module: nn.Module) -> None:
    size = sum(4 * tensor.numel() for tensor in module.state_dict().values())
    if size > SIZE_LIMIT:
        raise InputError(
            f"{type(module).__name__}: its weights take {size / 2**30:.2f} GiB as float32, and one ONNX file holds "
            "less than 2 GiB. Train a smaller generator"
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
    model = ir.to_proto(folded(program.model))
    written = {entry.domain: entry.version for entry in model.opset_import}.get("")
    if written != opset:
        # The exporter falls back to another opset without a word when it cannot convert a node.
        raise ValueError(f"the exporter wrote opset {written} instead of {opset}")
    if [output.name for output in model.graph.output] != ["images"]:
        raise ValueError(
            f"its forward gives {len(model.graph.output)} outputs instead of one tensor of images"
        )
    if not model.graph.output[0].type.tensor_type.shape.dim[0].dim_param:
        # The exporter gives up the free batch without a word, too, when forward depends on its size.
        raise ValueError("its forward fixes the size of the batch")
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes about its own work: stack traces with local paths, class names."""
    del model.metadata_props[:]
    model.doc_string = ""
    for graph in (model.graph, *model.functions):
        _strip_graph(graph)


def _strip_graph(graph: Any) -> None:
    graph.ClearField("metadata_props")
    graph.ClearField("doc_string")
    # Shapes in between name the exporter's symbols; onnxruntime infers them itself.
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


def _root(error: BaseException) -> BaseException:
    """Return the first cause: the exporter wraps it in pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's prints, warnings and log lines off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
