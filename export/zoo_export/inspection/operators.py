"""The operators that a generator may use, and the rule that infers the output of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_export.inspection import compute_ops, layout_ops, shapes
from zoo_export.inspection.tensors import ForbiddenError, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo_export.inspection.shapes import Array, Call

    Rule = Callable[[Call], Array]

_SAME_SHAPE = (
    "Abs BatchNormalization Celu Ceil Clip Cos Dropout Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish "
    "InstanceNormalization LayerNormalization LeakyRelu Log LogSoftmax Mish Neg RMSNormalization Reciprocal Relu "
    "Round Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Swish Tanh ThresholdedRelu"
)
_BROADCAST = "Add Sub Mul Div Pow Min Max Mean Sum PRelu Where Equal Less Greater"
_REDUCTION = "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL2 ReduceSumSquare"
RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME_SHAPE.split(), shapes.same),
    **dict.fromkeys(_BROADCAST.split(), shapes.broadcast),
    **dict.fromkeys(_REDUCTION.split(), compute_ops.reduction),
    "AveragePool": compute_ops.pooling,
    "Cast": layout_ops.cast,
    "Concat": layout_ops.concat,
    "Constant": layout_ops.constant,
    "ConstantOfShape": layout_ops.constant_of_shape,
    "Conv": compute_ops.convolution,
    "ConvTranspose": compute_ops.transposed_convolution,
    "DepthToSpace": compute_ops.depth_to_space,
    "DequantizeLinear": compute_ops.dequantize,
    "Expand": layout_ops.expand,
    "Flatten": layout_ops.flatten,
    "Gather": layout_ops.gather,
    "Gemm": compute_ops.gemm,
    "GlobalAveragePool": compute_ops.global_pooling,
    "Identity": shapes.identity,
    "MatMul": compute_ops.matrix_product,
    "MaxPool": compute_ops.pooling,
    "Pad": layout_ops.pad,
    "QuantizeLinear": compute_ops.quantize,
    "Reshape": layout_ops.reshape,
    "Resize": compute_ops.resize,
    "Shape": layout_ops.shape_of,
    "Slice": layout_ops.slice_,
    "SpaceToDepth": compute_ops.space_to_depth,
    "Squeeze": layout_ops.squeeze,
    "Tile": layout_ops.tile,
    "Transpose": layout_ops.transpose,
    "Unsqueeze": layout_ops.unsqueeze,
}
"""The rule for the output of every allowed operator, but for `Split`, the only one with several outputs."""


def infer_outputs(call: Call) -> tuple[Array, ...]:
    """Return what is known of an operator's outputs.

    Raises:
        ForbiddenError: the operator is not allowed, its inputs do not fit, or the size of its output is not known.
    """
    if call.op == "Split":
        return layout_ops.split(call)
    rule = RULES.get(call.op)
    if rule is None:
        raise ForbiddenError(f"it needs the operator {printable(call.op)}, which no generator here may use")
    if len(call.node.outputs) != 1:
        raise ForbiddenError(
            f"its operator {printable(call.op)} has {len(call.node.outputs)} outputs instead of one"
        )
    return (rule(call),)
