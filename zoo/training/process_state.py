"""What a process sets for all of torch, numpy and Python: put to the defaults for a training, and then as it was.

A training is the same whatever its caller has set, and its caller finds everything as it left it.
"""

from __future__ import annotations

import os
import random
import threading
import warnings
from contextlib import ExitStack, contextmanager
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch._C import _len_torch_function_stack
from torch.overrides import _pop_mode, _push_mode

from zoo.errors import BusyError
from zoo.training.random_state import seed_all
from zoo.training.threads import default_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DEVICES = ("cpu", "cuda", "mps")
FLAGS: tuple[tuple[str, str, Any], ...] = (
    ("cuda.matmul", "allow_tf32", False),
    ("cudnn", "allow_tf32", True),
    ("", "fp32_precision", "none"),
    ("cuda.matmul", "fp32_precision", "none"),
    ("cudnn", "fp32_precision", "none"),
    ("cudnn.conv", "fp32_precision", "tf32"),
    ("cudnn.rnn", "fp32_precision", "tf32"),
    ("mkldnn", "fp32_precision", "none"),
    ("mkldnn.matmul", "fp32_precision", "none"),
    ("mkldnn.conv", "fp32_precision", "none"),
    ("mkldnn.rnn", "fp32_precision", "none"),
    ("mkldnn", "enabled", True),
    ("mkldnn", "deterministic", False),
    ("cudnn", "enabled", True),
    ("cudnn", "benchmark", False),
    ("cudnn", "deterministic", False),
    ("cuda.matmul", "allow_fp16_reduced_precision_reduction", True),
    ("cuda.matmul", "allow_bf16_reduced_precision_reduction", True),
    ("cuda.matmul", "allow_fp16_accumulation", False),
)
"""Of `torch.backends`: where, what, and torch's own value. A version of torch may lack some. The old flags for TF32
come first: they set the newer ones, and cannot be read where these differ from them."""
NUMPY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
POLL_SECONDS = 0.1
ABSENT = object()

_turn = threading.RLock()
_trains = threading.Event()


@contextmanager
def isolated(*, training: bool = False) -> Iterator[None]:
    """Give the block a process like a fresh one, seeded with 0, and put everything back after it, whatever happens.

    One thread at a time: all of this belongs to the process.

    Args:
        training: whether the block may take so long that another thread is refused, and does not wait.

    Raises:
        BusyError: another thread of this process trains.
    """
    _take_turn()
    try:
        outer = _trains.is_set()
        if training:
            _trains.set()
        with ExitStack() as stack:
            for keep in (_modes, _environment, _random_numbers, _autocast, _numbers, _backends, _threads):
                keep(stack)
            seed_all(0)
            yield
    finally:
        if not outer:
            _trains.clear()
        _turn.release()


def _take_turn() -> None:
    while not _turn.acquire(timeout=POLL_SECONDS):
        if _trains.is_set():
            raise BusyError(
                "this process: another thread of it is training. Wait for it, or train in a process of its own"
            )


def _environment(stack: ExitStack) -> None:
    """Keep variables and filters of warnings that torch sets as it goes from lasting."""
    stack.enter_context(warnings.catch_warnings())
    stack.callback(_put_environment, dict(os.environ))


def _put_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def _random_numbers(stack: ExitStack) -> None:
    stack.callback(random.setstate, random.getstate())
    legacy: Any = np.random.get_state()
    stack.callback(np.random.set_state, legacy)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        stack.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
    elif torch.cuda.is_available():
        # As torch would have seeded it for its first use.
        stack.callback(torch.cuda.manual_seed_all, torch.initial_seed())
    if torch.backends.mps.is_available():
        stack.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
    stack.callback(torch.set_rng_state, torch.get_rng_state())


def _modes(stack: ExitStack) -> None:
    """Leave `no_grad`, `inference_mode`, `with torch.device(...)` and the like."""
    while _len_torch_function_stack():
        # Called in the opposite order, so that the outermost is put back first.
        stack.callback(_push_mode, _pop_mode())  # type: ignore[no-untyped-call]
    stack.enter_context(torch.inference_mode(mode=False))
    stack.enter_context(torch.enable_grad())
    stack.enter_context(torch.autograd.set_detect_anomaly(False))


def _autocast(stack: ExitStack) -> None:
    for device in DEVICES:
        if torch.amp.is_autocast_available(device):
            before = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
            stack.callback(torch.set_autocast_dtype, device, before[1])
            stack.callback(torch.set_autocast_enabled, device, before[0])
            torch.set_autocast_enabled(device, False)
    stack.callback(torch.set_autocast_cache_enabled, torch.is_autocast_cache_enabled())
    torch.set_autocast_cache_enabled(True)
    # Within an outer autocast, an inner one keeps its copies of weights in bfloat16 when it ends, stale from then on.
    depth = torch.autocast_increment_nesting()
    while torch.autocast_decrement_nesting():
        pass
    for _ in range(depth - 1):
        stack.callback(torch.autocast_increment_nesting)
    torch.clear_autocast_cache()
    stack.callback(torch.clear_autocast_cache)


def _numbers(stack: ExitStack) -> None:
    """Make new tensors float32, denormals numbers, and numpy's errors warnings."""
    stack.callback(torch.set_default_dtype, torch.get_default_dtype())
    torch.set_default_dtype(torch.float32)
    stack.callback(torch.set_flush_denormal, _flushes_denormals())
    torch.set_flush_denormal(False)
    stack.callback(partial(np.seterr, **np.geterr()))
    np.seterr(**NUMPY_ERRORS)  # type: ignore[arg-type]


def _flushes_denormals() -> bool:
    return bool((torch.tensor([5e-324], dtype=torch.float64, device="cpu") * 1).item() == 0)


def _backends(stack: ExitStack) -> None:
    """Set what decides which algorithms run, and how precisely."""
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    stack.callback(setattr, torch.utils.deterministic, "fill_uninitialized_memory", filled)
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    stack.callback(_use_deterministic_algorithms, deterministic, warn_only=warn_only)
    _use_deterministic_algorithms(False, warn_only=False)
    settings = [
        _Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
        *(_Setting(partial(_flag, *at), partial(_set_flag, *at), own) for *at, own in FLAGS),
    ]
    before = [setting.value() for setting in settings]
    stack.callback(_put_all, settings, before)
    _put_all(settings, [setting.own for setting in settings])


def _use_deterministic_algorithms(wanted: bool, *, warn_only: bool) -> None:
    """Set them where they are otherwise: to set them, torch loads its compiler, which takes a second."""
    now = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if now != (wanted, warn_only):
        torch.use_deterministic_algorithms(wanted, warn_only=warn_only)


class _Setting(NamedTuple):
    """One of torch's settings."""

    read: Callable[[], Any]
    write: Callable[[Any], Any]
    own: Any
    """Torch's own value."""

    def value(self) -> Any:
        """Return what it is, None where torch refuses to say, and `ABSENT` where it has no such setting."""
        try:
            return self.read()
        except AttributeError:
            return ABSENT
        except RuntimeError:
            return None


def _put_all(settings: Iterable[_Setting], values: Iterable[Any]) -> None:
    """Set what is otherwise, in order: some settings change those that follow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are newer flags, which a version of torch may lack
        for setting, value in zip(settings, values, strict=True):
            now = setting.value()
            if value not in (None, ABSENT) and now not in (value, ABSENT):
                setting.write(value)


def _flag(where: str, name: str) -> Any:
    return getattr(_backend(where), name)


def _set_flag(where: str, name: str, value: Any) -> None:
    setattr(_backend(where), name, value)


def _backend(where: str) -> Any:
    return reduce(getattr, filter(None, where.split(".")), torch.backends)


def _threads(stack: ExitStack) -> None:
    stack.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(default_threads())
