"""How much memory this process takes to run a model: as little as onnxruntime can do with, and a bound on it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo_export.runtime.providers import load_onnxruntime

ARENA_BYTES = 300_000_000
"""The most that a picture may take for which onnxruntime keeps memory between operators.

Keeping it makes large pictures twice as fast, and takes up to twice the memory that is needed at one moment.
"""


def sparing_options(count: int) -> Any:
    """Return `SessionOptions` for a model that takes `count` bytes a picture: no more is allocated than is asked for.

    By default onnxruntime doubles what it holds whenever that is not enough, and plans batches in one piece.
    """
    runtime = load_onnxruntime()
    options = runtime.SessionOptions()
    options.enable_mem_pattern = False
    if count > ARENA_BYTES:
        options.enable_cpu_mem_arena = False
        return options
    cpu = runtime.OrtMemoryInfo(
        "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
    )
    as_requested = runtime.OrtArenaCfg({"arena_extend_strategy": 1})
    runtime.create_and_register_allocator(cpu, as_requested)
    options.add_session_config_entry("session.use_env_allocators", "1")
    return options


def limit_memory(count: int) -> None:
    """Let allocations fail beyond `count` bytes more than are taken now; 0 sets no bound. Does nothing but on Linux.

    It bounds private memory that can be written (RLIMIT_DATA), not address space (RLIMIT_AS): libraries reserve far
    more addresses than they use.
    """
    taken = _taken()
    if not count or taken is None:
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = taken + count
    with suppress(ValueError, OSError):  # a lower bound is in force already
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _taken() -> int | None:
    """Return how many bytes RLIMIT_DATA counts now; None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:")), None)
