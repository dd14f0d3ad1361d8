"""The facts about an .onnx file, for `zoo info FILE`. Imports neither torch nor onnx."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from zoo_export.inspection.graph import Graph, read_graph
from zoo_export.inspection.tensors import printable
from zoo_export.runtime.model_file import check_model, read_model

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = {"Reshape", "Resize", "Clip", "QuantizeLinear", "DequantizeLinear"}
"""Operators whose inputs from the second on are settings, such as a shape or a scale, and no weights."""


def describe(path: Path) -> dict[str, Any]:
    """Return the facts about a generator's file: metadata, inputs, outputs, opset, size, operations, parameters.

    Raises:
        InputError: it is no ONNX file of a generator, or holds what no generator needs.
        ResourceError: it would take too much memory or time.
    """
    data, name = read_model(path), str(path)
    checked = check_model(data, name)
    graph = read_graph(data)
    return {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "opset": graph.opset,
        "inputs": [str(port) for port in graph.inputs],
        "outputs": [str(port) for port in graph.outputs],
        "parameters": parameters(graph),
        "multiplications": checked.cost(1).work,
        "operations": dict(sorted(Counter(node.op for node in graph.nodes).items())),
        "metadata": {_display(key): _display(value) for key, value in sorted(checked.metadata.items())},
    }


def parameters(graph: Graph) -> int:
    """Return the number of parameters: weights and biases, without shapes, scales and limits."""
    settings = {name for node in graph.nodes if node.op in _SETTINGS for name in node.inputs[1:] if name}
    weights = (tensor for name, tensor in graph.weights.items() if name not in settings)
    return sum(math.prod(tensor.shape) for tensor in weights if tensor.shape)


def _display(text: str) -> str:
    """Return text from the file without control characters, shortened where it is longer than a sha256."""
    return text if len(text) <= 64 and text.isprintable() else printable(text)
