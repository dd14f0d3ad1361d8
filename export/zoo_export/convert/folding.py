"""What a trained graph does not need to do at every picture, done once: batch norm, copies of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnxscript import ir
from onnxscript.rewriter import rewrite

from zoo_export.convert.subpixel import TRANSPOSED, UPSAMPLED, WIDE_TRANSPOSED

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray


def folded(model: ir.Model) -> ir.Model:
    """Return the exporter's model made fast, with the same pictures but for rounding.

    The exporter itself folds a batch norm that directly follows its layer.
    """
    for node in list(model.graph):
        if node.op_type == "BatchNormalization":
            _fold_after_reshape(node)
    return rewrite(model, [UPSAMPLED, WIDE_TRANSPOSED])


def without_transposed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with transposed convolutions turned into convolutions, where they can be."""
    return rewrite(model, [TRANSPOSED])


def _fold_after_reshape(norm: ir.Node) -> None:
    """Fold a batch norm over channels into the dense layer (Gemm) whose reshaped output it takes, if that is so."""
    found = _dense_before(norm)
    if found is None:
        return
    dense, channel = found
    source, *parameters = norm.inputs
    assert source is not None
    scale, shift, mean, variance = (_numbers(value) for value in parameters)
    epsilon = norm.attributes.get_float("epsilon", 1e-5)
    factor = (scale / np.sqrt(variance + epsilon))[channel]
    added = shift[channel] - mean[channel] * factor
    weight, bias = dense.inputs[1], dense.inputs[2] if len(dense.inputs) > 2 else None
    assert weight is not None
    units_first = dense.attributes.get_int("transB", 0) == 1
    # Gemm's alpha multiplies the weights alone, beta the bias alone.
    _set(weight, _numbers(weight) * (factor[:, None] if units_first else factor))
    if bias is not None:
        beta = dense.attributes.get_float("beta", 1.0)
        added = added + _numbers(bias) * beta * factor
        _set(bias, added / beta)
    else:
        new = ir.val(f"{weight.name}.bias", const_value=ir.tensor(added.astype(np.float32)))
        assert dense.graph is not None
        dense.graph.register_initializer(new)
        dense.resize_inputs(3)
        dense.replace_input_with(2, new)
    norm.outputs[0].replace_all_uses_with(source, replace_graph_outputs=True)
    assert norm.graph is not None
    norm.graph.remove(norm, safe=True)


def _dense_before(norm: ir.Node) -> tuple[ir.Node, NDArray[np.int64]] | None:
    """Return the Gemm before a norm, with only reshapes and transpositions between, and each unit's channel."""
    between: list[ir.Node] = []
    value = norm.inputs[0]
    while value is not None and (node := value.producer()) is not None:
        if len(value.uses()) != 1 or value.is_graph_output():
            return None
        if node.op_type == "Gemm":
            return _with_channels(node, between[::-1]) if _is_foldable(node, norm) else None
        if node.op_type not in ("Reshape", "Transpose"):
            return None
        between.append(node)
        value = node.inputs[0]
    return None


def _is_foldable(dense: ir.Node, norm: ir.Node) -> bool:
    """Whether all weights are constants, and nobody else uses the dense layer's."""
    own = [value for value in dense.inputs[1:] if value is not None]
    return (
        all(value is not None and value.const_value is not None for value in (*own, *norm.inputs[1:]))
        and all(len(value.uses()) == 1 for value in own)
        and all(len(_numbers(value).shape) == 1 for value in own[1:])
        and dense.attributes.get_float("beta", 1.0) != 0
    )


def _with_channels(dense: ir.Node, between: list[ir.Node]) -> tuple[ir.Node, NDArray[np.int64]] | None:
    """Follow the units of one picture through `between`, and return the channel each ends in."""
    weight = _numbers(dense.inputs[1])
    units = np.arange(weight.shape[0 if dense.attributes.get_int("transB", 0) else 1])[None]
    for node in between:
        if node.op_type == "Transpose":
            order = tuple(node.attributes.get_ints("perm", tuple(reversed(range(units.ndim)))))
            if order[0] != 0:
                return None
            units = units.transpose(order)
            continue
        target = node.inputs[1]
        if target is None or target.const_value is None:
            return None
        sizes = target.const_value.numpy().tolist()
        if sizes[0] not in (-1, 0) or (sizes.count(-1) > (sizes[0] == -1)) or 0 in sizes[1:]:
            return None
        units = units.reshape(1, *sizes[1:])
    channel = np.empty(units.size, np.int64)
    channel[units] = np.arange(units.shape[1]).reshape(-1, *[1] * (units.ndim - 2))
    return dense, channel


def _numbers(value: ir.Value | None) -> NDArray[Any]:
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy().astype(np.float64)


def _set(value: ir.Value, numbers: NDArray[Any]) -> None:
    value.const_value = ir.tensor(numbers.astype(np.float32), name=value.name)
