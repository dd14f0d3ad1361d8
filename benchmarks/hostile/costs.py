"""How long each allowed operator takes at its worst, beside what inspection estimates, on one core.

python -m benchmarks.hostile.costs [OPERATOR ...]

An estimate below 1x is too low. The figures in `zoo_export/inspection/costs.py` come from here, rounded up.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from benchmarks.hostile.cases import Case, cases, ints
from benchmarks.support.machine import machine
from zoo_export.inspection.graph import read_graph
from zoo_export.inspection.limits import estimate_cost
from zoo_export.runtime.providers import new_session


def model(case: Case, *, whole: bool, seen: bool) -> bytes:
    """Return a model that makes the operator's input, and with `whole` runs it; its output is `seen` or only made."""
    constants = [numpy_helper.from_array(np.array(case.shape, np.int64), "shape")]
    names = []
    for index, other in enumerate(case.others):
        names.append("" if other is None else f"other{index}")
        if other is not None:
            constants.append(numpy_helper.from_array(np.asarray(other), names[-1]))
    constants += [numpy_helper.from_array(ints(n), name) for n, name in ((0, "nil"), (1, "one"), (1, "axis"))]
    nodes = [
        helper.make_node("Slice", ["z", "nil", "one", "axis"], ["z1"]),
        helper.make_node("Reshape", ["z1", "one"], ["z0"]),
        helper.make_node("Expand", ["z0", "shape"], ["x0"]),
        helper.make_node("Cast", ["x0"], ["x"], to=case.kind),
        helper.make_node("Identity", ["z"], ["images"]),
    ]
    outputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 4])]
    if whole:
        nodes.append(helper.make_node(case.op, ["x", *names], ["y"], **case.attributes))
    if seen:
        outputs.append(helper.make_empty_tensor_value_info("y" if whole else "x"))
    inputs = [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 4])]
    graph = helper.make_graph(nodes, "cost", inputs, outputs, constants)
    made: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    data: bytes = made.SerializeToString()
    return data


def seconds(data: bytes) -> float:
    """Return how long one run takes, the best of three."""
    session = new_session(data, "cost", "cpu", 1)
    z = {"z": np.full((1, 4), 0.3, np.float32)}
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        session.run(None, z)
        best = min(best, time.perf_counter() - began)
    return best


def estimate(case: Case, *, whole: bool) -> float:
    """Return the seconds that inspection expects."""
    return estimate_cost(read_graph(model(case, whole=whole, seen=False)), 1).seconds


def main() -> None:
    """Print a line for each case: the estimate as a multiple of the time, and the time."""
    for case in cases():
        if sys.argv[1:] and case.op not in sys.argv[1:]:
            continue
        others = " ".join("x".join(map(str, np.shape(other))) for other in case.others if other is not None)
        kind = TensorProto.DataType.Name(case.kind).lower()
        label = f"{case.op} {kind} {'x'.join(map(str, case.shape))} {others} {case.attributes or ''}"
        try:
            took = seconds(model(case, whole=True, seen=True)) - seconds(model(case, whole=False, seen=True))
        except Exception as error:  # onnxruntime has no such operator for these numbers
            print(f"{label}: {str(error)[:100]}")
            continue
        expected = estimate(case, whole=True) - estimate(case, whole=False)
        print(f"{expected / max(took, 1e-6):8.2f}x {1e3 * took:9.3f} ms  {label}", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
