"""A trained graph made faster: batch norm folded into the weights, upsampling into convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnxscript import ir
from onnxscript.rewriter import rewrite

from zoo_export.convert.subpixel import TRANSPOSED, UPSAMPLED, WIDE_TRANSPOSED

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray


def optimize(model: ir.Model) -> ir.Model:
    """Return the exporter's model made faster; its pictures differ by rounding only.

    The exporter itself folds a batch norm that directly follows its layer; here those behind a reshape are folded.
    """
    for node in list(model.graph):
        if node.op_type == "BatchNormalization":
            _fold_after_reshape(node)
    return rewrite(model, [UPSAMPLED, WIDE_TRANSPOSED])


def without_transposed_convolutions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with each transposed convolution replaced by a convolution, where that is possible."""
    return rewrite(model, [TRANSPOSED])


def _fold_after_reshape(norm: ir.Node) -> None:
    """Fold a batch norm over channels into the dense layer (Gemm) whose reshaped output it takes, if there is one."""
    found = _dense_before(norm)
    if found is None:
        return
    dense, channel = found
    source, *parameters = norm.inputs
    assert source is not None
    scale, shift, mean, variance = (_array(value) for value in parameters)
    epsilon = norm.attributes.get_float("epsilon", 1e-5)
    factor = (scale / np.sqrt(variance + epsilon))[channel]
    new_bias = shift[channel] - mean[channel] * factor
    weight, bias = dense.inputs[1], dense.inputs[2] if len(dense.inputs) > 2 else None
    assert weight is not None
    units_first = dense.attributes.get_int("transB", 0) == 1
    # Gemm's alpha multiplies the weights alone, beta the bias alone.
    _set(weight, _array(weight) * (factor[:, None] if units_first else factor))
    if bias is not None:
        beta = dense.attributes.get_float("beta", 1.0)
        new_bias = new_bias + _array(bias) * beta * factor
        _set(bias, new_bias / beta)
    else:
        _add_bias(dense, f"{weight.name}.bias", new_bias)
    norm.outputs[0].replace_all_uses_with(source, replace_graph_outputs=True)
    assert norm.graph is not None
    norm.graph.remove(norm, safe=True)


def _add_bias(dense: ir.Node, name: str, bias: NDArray[Any]) -> None:
    """Give a Gemm without a bias one."""
    value = ir.val(name, const_value=ir.tensor(bias.astype(np.float32)))
    assert dense.graph is not None
    dense.graph.register_initializer(value)
    dense.resize_inputs(3)
    dense.replace_input_with(2, value)


def _dense_before(norm: ir.Node) -> tuple[ir.Node, NDArray[np.int64]] | None:
    """Return the Gemm before a norm and the channel of each of its units; None where there is none.

    Only reshapes and transpositions may lie between the two.
    """
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
    """Whether all weights are constants, and those of the dense layer are used by no other node."""
    own = [value for value in dense.inputs[1:] if value is not None]
    return (
        all(value is not None and value.const_value is not None for value in (*own, *norm.inputs[1:]))
        and all(len(value.uses()) == 1 for value in own)
        and all(len(_array(value).shape) == 1 for value in own[1:])
        and dense.attributes.get_float("beta", 1.0) != 0
    )


def _with_channels(dense: ir.Node, between: list[ir.Node]) -> tuple[ir.Node, NDArray[np.int64]] | None:
    """Return `dense` and the channel that each of its units ends in after the nodes `between`.

    None where a node moves the batch axis, or reshapes to a shape that is not known.
    """
    weight = _array(dense.inputs[1])
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


def _array(value: ir.Value | None) -> NDArray[Any]:
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy().astype(np.float64)


def _set(value: ir.Value, array: NDArray[Any]) -> None:
    value.const_value = ir.tensor(array.astype(np.float32), name=value.name)
