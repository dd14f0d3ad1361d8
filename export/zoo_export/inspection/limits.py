"""What a model from a stranger may do, decided before onnxruntime sees it.

Only operators from the list here, each with an output whose size follows from the file: so memory and time are known
in advance, and no second process with limits is needed to stop a model that would take too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import InputError, ResourceError
from zoo_export.inspection import compute_ops, layout_ops, shapes
from zoo_export.inspection.graph import Graph, Port, read_graph
from zoo_export.inspection.protobuf import DamagedError, TooManyError
from zoo_export.inspection.shapes import INT64, Array, Call
from zoo_export.inspection.tensors import KINDS, ForbiddenError, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.images import ImageShape
    from zoo_export.inspection.graph import Node

    Rule = Callable[[Call], Array]

FLOAT, UINT8 = KINDS[1], KINDS[2]
NODE_LIMIT = 4096
BYTES_LIMIT = 1 << 30
"""All that one picture's operators put out together. A 64 x 64 generator of these recipes makes about 5 MB."""
WORK_LIMIT = 250_000_000_000
"""Multiplications of a picture, and of pictures made at once: some seconds on one core, then Ctrl-C is heard."""
RUN_LIMIT = 4 << 30
"""The bytes that all operators may put out for the pictures made at once."""
SIDE_LIMIT = 4096

_SAME = (
    "Abs BatchNormalization Celu Ceil Clip Cos Dropout Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish "
    "InstanceNormalization LayerNormalization LeakyRelu Log LogSoftmax Mish Neg RMSNormalization Reciprocal Relu "
    "Round Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Swish Tanh ThresholdedRelu"
)
_BROADCAST = "Add Sub Mul Div Pow Min Max Mean Sum PRelu Where Equal Less Greater"
_REDUCTION = "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL2 ReduceSumSquare"
RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME.split(), shapes.same),
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
"""All operators a generator may use but `Split`, the only one with several outputs."""


@dataclass(frozen=True)
class Cost:
    """What making some pictures at once takes."""

    bytes: int
    """The weights and all that the operators put out, as if nothing were freed: an upper bound."""
    work: int
    """Multiplications."""
    output: Array


class Inspected:
    """A model that was found to be a generator within the limits."""

    def __init__(self, data: bytes, name: str) -> None:
        """Look into the bytes of a file; `name` is what messages call it.

        Raises:
            InputError: it is no ONNX file, or no generator, or does what none needs.
            ResourceError: it would take too much memory or time, or is too large to be looked at.
        """
        self._name = name
        try:
            self._graph = read_graph(data)
            if len(self._graph.nodes) > NODE_LIMIT:
                raise TooManyError(f"it has {len(self._graph.nodes)} operators, more than {NODE_LIMIT}")
            self._check_inputs()
            self._costs = {count: measure(self._graph, count) for count in (1, 2)}
        except DamagedError as error:
            raise InputError(f"{name}: it is no whole ONNX file: {error}. Get the generator again") from error
        except ForbiddenError as error:
            raise InputError(f"{name}: {error}. Export it again, or give another file") from error
        except TooManyError as error:
            raise ResourceError(f"{name}: {error}. Give another file") from error
        _check_limits(self._costs[1], name)
        self.image_shape = self._check_output()

    @property
    def latent_dim(self) -> int:
        """How many numbers a picture is made from."""
        return int(self._graph.inputs[0].sizes[1])

    @property
    def label(self) -> str | None:
        """The name of the input that takes classes, where there is one."""
        return self._graph.inputs[1].name if len(self._graph.inputs) == 2 else None

    def cost(self, count: int) -> Cost:
        """Return what `count` pictures at once take."""
        if count not in self._costs:
            self._costs[count] = measure(self._graph, count)
        return self._costs[count]

    def fitting(self, count: int) -> int:
        """Return how many pictures, at most `count`, may be made at once."""
        while count > 1 and not self._fits(self.cost(count)):
            count = (count + 1) // 2
        return count

    def _fits(self, cost: Cost) -> bool:
        return cost.bytes <= RUN_LIMIT and cost.work <= WORK_LIMIT

    def _check_inputs(self) -> None:
        ports = self._graph.inputs
        if not (ports and _is_latents(ports[0]) and len(ports) <= 2 and all(map(_is_label, ports[1:]))):
            raise self._no_generator()

    def _check_output(self) -> ImageShape:
        """Return (C, H, W), which is worked out from the weights and has to agree with what the file declares."""
        one, two = (self._costs[count].output for count in (1, 2))
        declared = self._graph.outputs[0]
        agrees = len(declared.sizes) == len(one.shape) == 4 and all(
            isinstance(size, str) or size == found
            for size, found in zip(declared.sizes[1:], one.shape[1:], strict=True)
        )
        if (
            not agrees
            or isinstance(declared.sizes[0], int)
            or (one.shape[0], two.shape) != (1, (2, *one.shape[1:]))
            or one.shape[1] not in (1, 3)
            or not 1 <= min(one.shape[2:]) <= max(one.shape[2:]) <= SIDE_LIMIT
            or declared.kind not in (FLOAT, UINT8)
        ):
            raise self._no_generator()
        return one.shape[1], one.shape[2], one.shape[3]

    def _no_generator(self) -> InputError:
        return InputError(
            f"{self._name}: a generator takes one float (batch, latent_dim) and gives one float "
            f"(batch, 1 or 3, H, W); this takes {_listed(self._graph.inputs)} and gives "
            f"{_listed(self._graph.outputs)}. Give another file"
        )


def measure(graph: Graph, count: int) -> Cost:
    """Work out what `count` pictures at once take.

    Raises:
        ForbiddenError: an operator is not allowed, or the size of its output is not known in advance.
        TooManyError: an array is so large that nothing could hold it.
    """
    known: dict[str, Array] = {
        tensor.name: Array(tensor.kind, tensor.shape, tensor.value) for tensor in graph.weights.values()
    }
    for port in graph.inputs:
        known[port.name] = Array(port.kind, (count, *port.sizes[1:]))  # type: ignore[arg-type]
    total = sum(array.bytes for array in known.values())
    work = 0
    for node in graph.nodes:
        call = Call(node, tuple(_input(known, node, name) for name in node.inputs))
        outputs = _outputs(call)
        total += sum(array.bytes for array in outputs) + compute_ops.workspace(call)
        work += sum(compute_ops.multiplications(call, array) for array in outputs)
        for name, array in zip(node.outputs, outputs, strict=True):
            if name in known:
                raise ForbiddenError(f"it makes {plain(name)} twice")
            known[name] = array
    names = [port.name for port in graph.outputs]
    if len(names) != 1 or names[0] not in known:
        raise ForbiddenError(f"it gives {len(names)} outputs instead of one that it makes")
    return Cost(total, work, known[names[0]])


def _input(known: dict[str, Array], node: Node, name: str) -> Array | None:
    if not name:
        return None
    if name not in known:
        raise ForbiddenError(
            f"its operator {plain(node.op)} takes {plain(name)}, which nothing before it makes"
        )
    return known[name]


def _outputs(call: Call) -> tuple[Array, ...]:
    if call.op == "Split":
        return layout_ops.split(call)
    rule = RULES.get(call.op)
    if rule is None:
        raise ForbiddenError(f"it needs the operator {plain(call.op)}, which no generator here may use")
    if len(call.node.outputs) != 1:
        raise ForbiddenError(
            f"its operator {plain(call.op)} has {len(call.node.outputs)} outputs instead of one"
        )
    return (rule(call),)


def _check_limits(cost: Cost, name: str) -> None:
    if cost.bytes > BYTES_LIMIT:
        raise ResourceError(
            f"{name}: one picture would take {amount(cost.bytes)} of memory, more than {amount(BYTES_LIMIT)}. "
            "Give another file"
        )
    if cost.work > WORK_LIMIT:
        raise ResourceError(
            f"{name}: one picture would take {cost.work:.2g} multiplications, more than {WORK_LIMIT:.2g}. "
            "Give another file"
        )


def amount(count: int) -> str:
    """Return bytes in words, in units of 1000."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count / size:.1e} {unit}"
    return f"{count} bytes"


def _is_latents(port: Port) -> bool:
    return (
        port.kind == FLOAT
        and len(port.sizes) == 2
        and isinstance(port.sizes[0], str)
        and isinstance(port.sizes[1], int)
        and 1 <= port.sizes[1] <= SIDE_LIMIT
    )


def _is_label(port: Port) -> bool:
    return port.kind == INT64 and len(port.sizes) == 1 and isinstance(port.sizes[0], str)


def _listed(ports: tuple[Port, ...]) -> str:
    """Return names, types and shapes in words, at most three: `z float (batch, 100)`."""
    more = [f"{len(ports) - 3} more"] if len(ports) > 3 else []
    return ", ".join([*map(str, ports[:3]), *more]) or "nothing"
