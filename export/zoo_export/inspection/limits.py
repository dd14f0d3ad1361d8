"""What a model from a stranger may do, decided before onnxruntime loads it.

Only the operators of `operators.py` are allowed, and the size of each output must follow from the file. So memory and
time are known in advance, and no second process with limits is needed to stop a model that would take too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import InputError, ResourceError
from zoo_export.inspection import compute_ops
from zoo_export.inspection.graph import Graph, Port, read_graph
from zoo_export.inspection.operators import infer_outputs
from zoo_export.inspection.protobuf import DamagedError, TooManyError
from zoo_export.inspection.shapes import INT64, Array, Call
from zoo_export.inspection.tensors import KINDS, ForbiddenError, printable

if TYPE_CHECKING:
    from zoo.images import ImageShape
    from zoo_export.inspection.graph import Node

FLOAT, UINT8 = KINDS[1], KINDS[2]
NODE_LIMIT = 4096
BYTES_LIMIT = 1 << 30
"""The bytes of all operators' outputs for one picture. A 64 x 64 generator of these recipes takes about 5 MB."""
WORK_LIMIT = 250_000_000_000
"""Multiplications for one picture, and for one batch: seconds on one core, and Ctrl-C waits no longer than that."""
RUN_LIMIT = 4 << 30
"""The bytes of all operators' outputs for one batch."""
SIDE_LIMIT = 4096


@dataclass(frozen=True)
class Cost:
    """What a batch of pictures takes, and what it gives."""

    bytes: int
    """The weights and all operators' outputs, as if nothing were freed: an upper bound."""
    work: int
    """Multiplications."""
    output: Array


class CheckedModel:
    """A model that is a generator within the limits."""

    def __init__(self, data: bytes, name: str) -> None:
        """Check the bytes of a file; `name` is what messages call it.

        Raises:
            InputError: it is no ONNX file, or no generator, or does what no generator needs.
            ResourceError: it would take too much memory or time, or has too many parts to be checked.
        """
        self._name = name
        try:
            self._graph = read_graph(data)
            if len(self._graph.nodes) > NODE_LIMIT:
                raise TooManyError(f"it has {len(self._graph.nodes)} operators, more than {NODE_LIMIT}")
            self._check_inputs()
            self._costs = {count: estimate_cost(self._graph, count) for count in (1, 2)}
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
        """The size of the latent space."""
        return int(self._graph.inputs[0].sizes[1])

    @property
    def label(self) -> str | None:
        """The name of the input that takes classes, where there is one."""
        return self._graph.inputs[1].name if len(self._graph.inputs) == 2 else None

    def cost(self, count: int) -> Cost:
        """Return what a batch of `count` pictures takes."""
        if count not in self._costs:
            self._costs[count] = estimate_cost(self._graph, count)
        return self._costs[count]

    def fitting(self, count: int) -> int:
        """Return how large a batch, of at most `count` pictures, stays within the limits."""
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
        """Return (C, H, W) as inferred from the weights; what the file declares must agree with it."""
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


def estimate_cost(graph: Graph, count: int) -> Cost:
    """Return what a batch of `count` pictures takes, by inferring the size of every output.

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
        outputs = infer_outputs(call)
        total += sum(array.bytes for array in outputs) + compute_ops.workspace(call)
        work += sum(compute_ops.multiplications(call, array) for array in outputs)
        for name, array in zip(node.outputs, outputs, strict=True):
            if name in known:
                raise ForbiddenError(f"it makes {printable(name)} twice")
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
            f"its operator {printable(node.op)} takes {printable(name)}, which nothing before it makes"
        )
    return known[name]


def _check_limits(cost: Cost, name: str) -> None:
    if cost.bytes > BYTES_LIMIT:
        raise ResourceError(
            f"{name}: one picture would take {bytes_text(cost.bytes)} of memory, more than {bytes_text(BYTES_LIMIT)}. "
            "Give another file"
        )
    if cost.work > WORK_LIMIT:
        raise ResourceError(
            f"{name}: one picture would take {cost.work:.2g} multiplications, more than {WORK_LIMIT:.2g}. "
            "Give another file"
        )


def bytes_text(count: int) -> str:
    """Return a number of bytes as text, in units of 1000: `4.29 GB`."""
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
