"""What a model from a stranger may do, decided before onnxruntime loads it.

Only the operators of `operators.py` are allowed, and the size of each output must follow from the file. So memory and
time can be estimated in advance. That an estimate may be wrong is why such a model runs in a process that can be ended
(`runtime/child.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import InputError, ResourceError
from zoo.generators.files import LATENT_LIMIT, SIDE_LIMIT
from zoo_export.inspection import costs
from zoo_export.inspection.graph import Graph, Port, read_graph
from zoo_export.inspection.operators import infer_outputs
from zoo_export.inspection.protobuf import DamagedError, TooManyError
from zoo_export.inspection.shapes import INT64, Array, Call
from zoo_export.inspection.tensors import KINDS, ForbiddenError, printable

if TYPE_CHECKING:
    from zoo.images import ImageShape
    from zoo_export.inspection.graph import Node

FLOAT, UINT8 = KINDS[1], KINDS[2]
NODES_LIMIT = 4096
PICTURE_LIMIT = 320 << 20
"""For one picture: its file, three times over while it is loaded, and all arrays that are needed at one moment.

A 32 x 32 generator of the recipes takes 8 MB, one of 1024 x 1024 with 32 channels at that size 290 MB. The process
that runs one at the limit takes 500 MB in all.
"""
BATCH_LIMIT = 160 << 20
"""For a batch of several pictures; a batch that would take more is made in parts."""
SECONDS_LIMIT = 5.0
"""For one picture on one core, at the worst; and for a batch of several."""
FILE_COPIES = 3
"""While a model is loaded: its bytes, what is parsed of them, and the weights."""


@dataclass(frozen=True)
class Cost:
    """What a batch of pictures takes, and what it gives."""

    bytes: int
    """The file as often as it is held at once, and the most that all arrays take at one moment."""
    work: int
    """Multiplications."""
    seconds: float
    """On one core, at the worst."""
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
            if len(self._graph.nodes) > NODES_LIMIT:
                raise TooManyError(f"it has {len(self._graph.nodes)} operators, more than {NODES_LIMIT}")
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
    def latents(self) -> str:
        """The name of the input that takes latents."""
        return self._graph.inputs[0].name

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says about itself."""
        return self._graph.metadata

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
        return cost.bytes <= BATCH_LIMIT and cost.seconds <= SECONDS_LIMIT

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
    memory, work, time = _Memory(graph, known), 0, 0.0
    for port in graph.inputs:
        known[port.name] = Array(port.kind, (count, *port.sizes[1:]))  # type: ignore[arg-type]
    for index, node in enumerate(graph.nodes):
        call = Call(node, tuple(_input(known, node, name) for name in node.inputs))
        outputs = infer_outputs(call)
        for name, array in zip(node.outputs, outputs, strict=True):
            if name in known:
                raise ForbiddenError(f"it makes {printable(name)} twice")
            known[name] = array
        memory.run(index, node, outputs, costs.workspace(call))
        work += sum(costs.multiplications(call, array) for array in outputs)
        time += costs.NODE + sum(costs.nanoseconds(call, array) for array in outputs)
    names = [port.name for port in graph.outputs]
    if len(names) != 1 or names[0] not in known:
        raise ForbiddenError(f"it gives {len(names)} outputs instead of one that it makes")
    return Cost(memory.peak, work, time / 1e9, known[names[0]])


class _Memory:
    """Follows which arrays are needed while the nodes run in the order of the file."""

    def __init__(self, graph: Graph, weights: dict[str, Array]) -> None:
        self._last = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
        # What depends on weights alone is computed once, while the model is loaded, and kept.
        self._constant = set(weights)
        self._sizes: dict[str, int] = {}
        self._kept = {port.name for port in graph.outputs}
        self._now = self.peak = FILE_COPIES * graph.size

    def run(self, index: int, node: Node, outputs: tuple[Array, ...], workspace: int) -> None:
        """Run one node: what it makes is added, and what nothing needs after it is taken away."""
        constant = self._constant.issuperset(filter(None, node.inputs))
        for name, array in zip(node.outputs, outputs, strict=True):
            self._now += costs.held(array)
            if constant:
                self._constant.add(name)
            else:
                self._sizes[name] = costs.held(array)
        self.peak = max(self.peak, self._now + workspace)
        for name in {*node.inputs, *node.outputs} - self._kept:
            if self._last.get(name, index) == index:
                self._now -= self._sizes.pop(name, 0)


def _input(known: dict[str, Array], node: Node, name: str) -> Array | None:
    if not name:
        return None
    if name not in known:
        raise ForbiddenError(
            f"its operator {printable(node.op)} takes {printable(name)}, which nothing before it makes"
        )
    return known[name]


def _check_limits(cost: Cost, name: str) -> None:
    if cost.bytes > PICTURE_LIMIT:
        raise ResourceError(
            f"{name}: one picture would take {bytes_text(cost.bytes)} of memory, more than "
            f"{bytes_text(PICTURE_LIMIT)}. Give another file"
        )
    if cost.seconds > SECONDS_LIMIT:
        raise ResourceError(
            f"{name}: one picture would take up to {cost.seconds:.3g} s, more than {SECONDS_LIMIT:.3g}. "
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
        and 1 <= port.sizes[1] <= LATENT_LIMIT
    )


def _is_label(port: Port) -> bool:
    return port.kind == INT64 and len(port.sizes) == 1 and isinstance(port.sizes[0], str)


def _listed(ports: tuple[Port, ...]) -> str:
    """Return names, types and shapes in words, at most three: `z float (batch, 100)`."""
    more = [f"{len(ports) - 3} more"] if len(ports) > 3 else []
    return ", ".join([*map(str, ports[:3]), *more]) or "nothing"
