"""What a GPU does in one replayed iteration: how many kernels, for how long, and which take most of it.

python -m benchmarks.gpu.replay [RECIPE ...] [--precision bf16|fp32] [--top 10]
"""

from __future__ import annotations

import argparse
import re
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.support.machine import machine
from benchmarks.support.subjects import plan_of
from benchmarks.training import IMAGES, trainer_of

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 50
"""Iterations that are timed."""
TRACED = 3
"""Iterations whose kernels are traced."""


def milliseconds(act: Callable[[], object]) -> tuple[float, float]:
    """Return how long one call keeps Python, and how long it takes in all."""
    act()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(ROUNDS):
        act()
    launched = time.perf_counter() - began
    torch.cuda.synchronize()
    return 1e3 * launched / ROUNDS, 1e3 * (time.perf_counter() - began) / ROUNDS


def kernels(act: Callable[[], object]) -> dict[str, tuple[float, float]]:
    """Return for each kind of kernel how often a call runs it, and for how many milliseconds in all."""
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as traced:
        for _ in range(TRACED):
            act()
        torch.cuda.synchronize()
    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for event in traced.events() or ():
        if event.device_type == DeviceType.CUDA:
            found[short(event.name)][0] += 1 / TRACED
            found[short(event.name)][1] += event.device_time / TRACED / 1e3
    return {name: (often, taken) for name, (often, taken) in found.items()}


def short(name: str) -> str:
    """Return what a kernel's name says, without its template's arguments."""
    functors = re.findall(r"(\w+(?:Functor\w*|_kernel_cuda|_kernel))\b", name)
    if "elementwise_kernel" in name or "reduce_kernel" in name or "multi_tensor_apply" in name:
        inner = next((word for word in functors if "elementwise" not in word and word != "reduce_kernel"), "")
        return f"{functors[0] if functors else name[:40]} {inner}".strip()
    return re.sub(r"<.*", "", name.removeprefix("void "))[:70]


def report(recipe: str, precision: str, top: int) -> None:
    """Print one recipe's figures."""
    plan = plan_of(recipe)
    pixels = torch.randint(0, 256, (IMAGES, *plan.architecture.image_shape), dtype=torch.uint8).cuda()
    trainer = trainer_of(f"{precision} graph", plan, pixels)
    python, whole = milliseconds(trainer.train_step)
    found = kernels(trainer.train_step)
    often, busy = (sum(column) for column in zip(*found.values(), strict=True))
    print(
        f"`{recipe}`, {precision}: an iteration takes {whole:.2f} ms and keeps Python for {python:.2f} ms; "
        f"{often:.0f} kernels run for {busy:.2f} ms, {1e3 * busy / often:.1f} microseconds each\n"
    )
    print("| kernel | times | ms |")
    print("|---|---|---|")
    for name, (times, taken) in sorted(found.items(), key=lambda item: -item[1][1])[:top]:
        print(f"| {name} | {times:.0f} | {taken:.3f} |")
    print()


def main() -> None:
    """Print a table a recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", default=["camel-wgangp", "face-wgangp"])
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--top", type=int, default=10)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("benchmarks.gpu.replay: torch sees no NVIDIA GPU, and only one replays iterations")
    torch.backends.cudnn.benchmark = True
    for recipe in arguments.recipes:
        report(recipe, arguments.precision, arguments.top)
    print(machine())


if __name__ == "__main__":
    main()
