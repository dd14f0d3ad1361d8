"""Ranks for tests: processes on this machine's loopback that find each other as torchrun's do."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import torch

from zoo.distributed import group as group_module
from zoo.distributed.torchrun import Rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta
    from pathlib import Path

SECONDS = 60
LOOPBACK = {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0"}


def environment(rank: int, size: int, port: int) -> dict[str, str]:
    """Return what torchrun tells a process."""
    named = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "MASTER_PORT": port}
    always = {**LOOPBACK, "TORCHELASTIC_RUN_ID": "test", "OMP_NUM_THREADS": "1"}
    return always | {name: str(value) for name, value in named.items()}


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Pair:
    """Two processes that are the ranks of one piece of work after another."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))

    def run(
        self, work: Callable[..., Any], *arguments: Any, patience: timedelta = group_module.PATIENCE
    ) -> list[Any]:
        """Return what `work(group, *arguments)` gives on each rank."""
        port = free_port()
        jobs = [self._pool.submit(_enter, work, rank, port, patience, arguments) for rank in range(2)]
        return [job.result(SECONDS) for job in jobs]

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Give two processes for the module's tests."""
    made = Pair()
    yield made
    made.close()


def _enter(
    work: Callable[..., Any], rank: int, port: int, patience: timedelta, arguments: tuple[Any, ...]
) -> Any:
    os.environ.update(environment(rank, 2, port))
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_module, "PATIENCE", patience)
        group = group_module.join(Rank(rank, 2, rank))
    try:
        return work(group, *arguments)
    finally:
        group_module.leave()


class Processes:
    """`zoo` with the same arguments as each of the ranks, each with a stderr of its own."""

    def __init__(self, folder: Path, *arguments: str | Path, size: int = 2) -> None:
        port = free_port()
        self._errors = [folder / f"stderr-{port}-{rank}" for rank in range(size)]
        self.each = []
        for rank, file in enumerate(self._errors):
            with file.open("wb") as said:
                self.each.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "zoo", *map(str, arguments)],
                        env={**os.environ, **environment(rank, size, port)},
                        stdout=subprocess.DEVNULL,
                        stderr=said,
                    )
                )

    def end(self) -> list[int]:
        """Wait for the exit codes."""
        return [process.wait(SECONDS) for process in self.each]

    def said(self, rank: int) -> list[str]:
        """Return the lines of a rank."""
        return self._errors[rank].read_text("utf-8").splitlines()

    def kill(self) -> None:
        """End what still runs."""
        for process in self.each:
            process.kill()
            process.wait()
