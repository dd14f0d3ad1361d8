"""As many threads as cores, whatever the machine counts as a processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from zoo.training import threads
from zoo.training.threads import usable_cores, use_cores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def four_cores_of_two_threads(tmp_path: Path) -> Path:
    for cpu in range(8):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    return tmp_path


@pytest.mark.parametrize(("cpus", "cores"), [(range(8), 4), ([0, 4], 1), ([0, 1, 4], 2), ([3], 1)])
def test_two_threads_of_a_core_are_one(four_cores_of_two_threads: Path, cpus: list[int], cores: int) -> None:
    assert usable_cores(cpus, four_cores_of_two_threads, four_cores_of_two_threads / "none") == cores


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", 4), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("1 0", 4), ("", 4)],
)
def test_a_containers_share_is_the_limit(four_cores_of_two_threads: Path, limit: str, cores: int) -> None:
    quota = four_cores_of_two_threads / "cpu.max"
    quota.write_text(f"{limit}\n")

    assert usable_cores(range(8), four_cores_of_two_threads, quota) == cores


def test_where_nothing_is_said_each_processor_is_a_core(tmp_path: Path) -> None:
    assert usable_cores(range(3), tmp_path, tmp_path / "cpu.max") == 3
    assert usable_cores([], tmp_path, tmp_path / "cpu.max") == 1


@pytest.fixture
def six_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(6)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("six_threads")
@pytest.mark.parametrize(("cores", "setting", "left"), [(2, None, 2), (9, None, 6), (2, "5", 6)])
def test_torch_is_left_no_more_unless_the_environment_says_so(
    cores: int, setting: str | None, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    if setting is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", setting)
    monkeypatch.setattr(threads, "usable_cores", lambda _: cores)
    use_cores()

    assert torch.get_num_threads() == left
