"""The processes that train one model together, seen from one of them: what they average, share and agree on."""

from __future__ import annotations

import atexit
import itertools
import re
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from zoo.distributed.buckets import Buckets
from zoo.distributed.protocol import Order
from zoo.errors import InputError, NetworkError
from zoo.system.signals import unhandled
from zoo.training.ranks import Ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from zoo.distributed.torchrun import Rank

PATIENCE = timedelta(minutes=30)
"""With ranks that are silent; one that ends is noticed at once. Rank 0 may measure, save or fetch images as long."""
ENDED = "ended"
_joined = itertools.count()


class Group(Ranks):
    """One process of several.

    Tensors of the CPU travel by gloo, those of a GPU by NCCL where torch has it.

    Attributes:
        run: the run folder, on rank 0 once it has one.
        idle: whether the other ranks wait for an order of this one.

    Every method raises NetworkError where a rank has ended or cannot be reached.
    """

    def __init__(self, here: Rank, store: Store) -> None:
        self.rank = here.rank
        self.size = here.size
        self.run: Path | None = None
        self.idle = True
        self._local = here.local
        self._store = store
        self._buckets = Buckets()
        self._nccl: dist.ProcessGroup | None = None

    def all_reduce_mean(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the ranks: the same bits on all of them."""
        for bucket, members in self._buckets.of(tensors):
            bucket.fill(members)
            with self._reached():
                dist.all_reduce(bucket.flat, group=self._group(bucket.flat))
            bucket.flat.div_(self.size)
            bucket.empty_into(members)

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by rank 0's."""
        for bucket, members in self._buckets.of(tensors):
            bucket.fill(members)
            with self._reached():
                dist.broadcast(bucket.flat, 0, group=self._group(bucket.flat))
            bucket.empty_into(members)

    def all_gather(self, value: Any) -> list[Any]:
        """Return every rank's value, in their order."""
        values: list[Any] = [None] * self.size
        with self._reached():
            dist.all_gather_object(values, value)
        return values

    def broadcast_object(self, value: Any = None) -> Any:
        """Return rank 0's value."""
        values = [value]
        with self._reached():
            dist.broadcast_object_list(values, 0, device=torch.device("cpu"))
        return values[0]

    def exchange_order(self, order: int = 0, signal: int = 0) -> tuple[Order, int]:
        """Return rank 0's order, and the highest number of a signal that any rank got (0: none did).

        Args:
            order: of rank 0; the others have none.
            signal: that this rank got.
        """
        words = torch.tensor([order, signal])
        with self._reached():
            dist.all_reduce(words, dist.ReduceOp.MAX)
        agreed, highest = words.tolist()
        return Order(agreed), highest

    @contextmanager
    def ordering(self, order: Order) -> Iterator[int]:
        """Have the other ranks do in step with the block what it does; gives the number of a signal that one got."""
        self.idle = False
        _, signal = self.exchange_order(order)
        yield signal
        self.idle = True

    def local(self, device: torch.device) -> torch.device:
        """Return the GPU that is this rank's, or the CPU that all share."""
        if device.type == "mps":
            raise InputError("--device mps: only one process can train on it. Use --device cpu")
        if device.type != "cuda":
            return device
        there = torch.cuda.device_count()
        if self._local >= there:
            raise InputError(
                f"--device cuda: process {self._local + 1} on this machine finds {there} GPU{'s' * (there != 1)}. "
                "Start one process for each, or use --device cpu"
            )
        mine = torch.device("cuda", self._local)
        torch.cuda.set_device(mine)
        return mine

    def note_run(self, path: Path) -> None:
        """Note the run folder, which the other ranks are told of when the training ends."""
        self.run = path

    def _group(self, tensor: Tensor) -> dist.ProcessGroup | None:
        """Return who carries this tensor; NCCL is set up when the first one of a GPU comes, on all ranks at once."""
        if not tensor.is_cuda or not dist.is_nccl_available():
            return None
        if self._nccl is None:
            self._nccl = dist.new_group(backend="nccl", timeout=PATIENCE)
        return self._nccl

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise NetworkError(
                f"another of the {self.size} ranks has ended or cannot be reached ({_reason(error)}). See what it "
                "says, then go on with `zoo resume`"
            ) from error

    def note_end(self, code: int) -> None:
        """Leave word that rank 0 ends with an exit code, for ranks that wait for it elsewhere than at its orders."""
        with suppress(RuntimeError):
            self._store.set(ENDED, str(code))

    def noted_end(self) -> int | None:
        """Return the exit code that rank 0 left word of."""
        with suppress(RuntimeError):
            if self._store.check([ENDED]):
                return int(self._store.get(ENDED))
        return None


def join(here: Rank) -> Group:
    """Meet the other ranks, and leave those of an earlier training.

    Raises:
        NetworkError: they cannot be found.
    """
    leave()
    # Threads of gloo that are still there when the process ends would abort it.
    atexit.unregister(leave)
    atexit.register(leave)
    # A wait inside torch would run no handler of ours, and there is nothing yet to tidy up.
    with unhandled():
        try:
            store, _, _ = next(rendezvous("env://", timeout=PATIENCE))
            own = PrefixStore(f"zoo-{next(_joined)}", store)
            dist.init_process_group("gloo", store=own, rank=here.rank, world_size=here.size, timeout=PATIENCE)
        except (RuntimeError, OSError, ValueError) as error:
            raise NetworkError(
                f"the {here.size} ranks do not meet ({_reason(error)}). Start them again with one torchrun a machine, "
                "all with the same --rdzv-endpoint"
            ) from error
    return Group(here, own)


def _reason(error: Exception) -> str:
    """Return the first sentence of what gloo says, without the place in its source."""
    text = " ".join(str(error).split())
    return re.sub(r"^\[\S+\.cc:\d+\] ", "", text).partition(". ")[0][:200]


def outlast_leader() -> None:
    """Wait until rank 0's process has ended: torchrun ends all of them as soon as one has failed."""
    with suppress(RuntimeError):
        dist.recv(torch.zeros(1), 0)


def leave() -> None:
    """Let go of the other ranks."""
    if dist.is_initialized():
        with suppress(RuntimeError):
            dist.destroy_process_group()
