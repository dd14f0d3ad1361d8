"""Recording on a GPU: in which order, on which stream, and, where there is one, with which result."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from tests.tape import TapeRecorder
from zoo import launch
from zoo.components import Augmentation
from zoo.cuda_graph import CudaRecorder
from zoo.images import Images
from zoo.plan import Plan, make_plan
from zoo.plugins import load_registry
from zoo.ranks import ALONE
from zoo.recipe import read_recipe
from zoo.recording import WARM_UP, RecordedTrainer
from zoo.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

CPU = torch.device("cpu")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="it needs an NVIDIA GPU")


class FakeCuda:
    """Notes what is asked of torch.cuda."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.mode = "default"
        cuda = self

        class Stream:
            def __init__(self, device: torch.device | None = None, name: str = "own") -> None:
                self.device, self.name = device, name

            def wait_stream(self, other: Stream) -> None:
                cuda.asked.append(f"{self.name} waits for {other.name}")

        class Graph:
            def replay(self) -> None:
                cuda.asked.append("replay")

        for name, stand_in in {
            "Stream": Stream,
            "CUDAGraph": Graph,
            "graph_pool_handle": lambda: "pool",
            "current_stream": lambda device: Stream(device, "outside"),
            "stream": lambda stream: self.within(f"on {stream.name}"),
            "graph": lambda _, pool, stream: self.within(f"recording on {stream.name} in {pool}"),
            "get_sync_debug_mode": lambda: self.mode,
            "set_sync_debug_mode": lambda mode: setattr(self, "mode", mode),
        }.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)

    @contextmanager
    def within(self, what: str) -> Iterator[None]:
        self.asked.append(what)
        yield
        self.asked.append("done")

    def work(self) -> list[tuple[str, Tensor]]:
        self.asked.append(f"work, {self.mode}")
        return [("critic", torch.ones(()))]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return FakeCuda(monkeypatch)


def test_work_is_done_on_the_streams_own_between_what_is_outside(cuda: FakeCuda) -> None:
    CudaRecorder(CPU).perform(cuda.work)

    assert cuda.asked == ["own waits for outside", "on own", "work, default", "done", "outside waits for own"]


def test_a_rehearsal_bears_no_waiting_and_leaves_the_mode_as_it_was(cuda: FakeCuda) -> None:
    def impatient() -> list[tuple[str, Tensor]]:
        assert cuda.mode == "error"
        raise RuntimeError("called a synchronizing CUDA operation")

    recorder = CudaRecorder(CPU)
    recorder.rehearse(cuda.work)
    with pytest.raises(RuntimeError, match="synchronizing"):
        recorder.rehearse(impatient)

    assert "work, error" in cuda.asked
    assert cuda.mode == "default"


def test_recordings_are_made_on_that_stream_in_one_pool(cuda: FakeCuda) -> None:
    recorder = CudaRecorder(CPU)
    for _ in range(2):
        trail, replay = recorder.record(cuda.work)
        replay()
        assert [name for name, _ in trail] == ["critic"]

    assert cuda.asked == ["recording on own in pool", "work, default", "done", "replay"] * 2


class OnGpu(torch.Tensor):
    """A tensor that says so."""

    is_cuda = True


class Adaptive(Augmentation):
    """Counts."""

    name = "adaptive"

    def augment(self, images: Tensor) -> Tensor:
        return images

    def state(self) -> nn.Module:
        return nn.Linear(1, 1)


def test_who_records(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(plan: Plan, *, gpu: bool = True, eager: bool = False) -> Trainer:
        place = OnGpu if gpu else torch.Tensor
        monkeypatch.setattr(launch, "_placed", lambda *_: (pixels.as_subclass(place), torch.arange(4)))
        return launch.make_trainer(plan, images, CPU, "fp32", ALONE, eager=eager)

    pixels = torch.zeros(4, 1, 28, 28, dtype=torch.uint8)
    images = Images(pixels.numpy(), "unknown", "made")
    plan = make_plan(read_recipe(tiny), load_registry(), "tiny.toml")
    counting = make_plan(read_recipe(tiny), load_registry(), "tiny.toml")
    object.__setattr__(counting, "augmentations", (Adaptive(),))
    monkeypatch.setattr(launch, "CudaRecorder", lambda _: TapeRecorder())

    assert type(made(plan)) is RecordedTrainer
    assert type(made(plan, eager=True)) is Trainer
    assert type(made(plan, gpu=False)) is Trainer
    assert type(made(counting)) is Trainer


def trainers(name: str, precision: Any) -> tuple[RecordedTrainer, Trainer]:
    registry = load_registry()
    plan = make_plan(read_recipe(registry.recipe(name), ["training.batch_size=16"]), registry, name)
    device = torch.device("cuda")
    generator = torch.Generator().manual_seed(1)
    shape = (256, *plan.architecture.image_shape)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).to(device)
    index = torch.arange(len(pixels))

    def unexpected(line: str) -> None:
        raise AssertionError(line)

    recorded = RecordedTrainer(plan, pixels, index, device, precision, CudaRecorder(device), unexpected)
    return recorded, Trainer(plan, pixels, index, device, precision)


@needs_gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["camel-gan", "horse-wgan", "face-wgangp", "camel-wgangp"])
def test_on_a_gpu_replays_come_to_what_the_iteration_does(name: str, precision: str) -> None:
    """Within a tenth of the way from the first weights: convolutions' gradients are summed in no fixed order there."""
    recorded, eager = trainers(name, precision)
    start = [weight.detach().clone() for weight in eager.critic.parameters()]
    for mine, theirs in zip(recorded.steps(WARM_UP + 3), eager.steps(WARM_UP + 3), strict=True):
        assert list(mine.losses) == list(theirs.losses)

    assert recorded.recorded
    assert torch.equal(torch.cuda.get_rng_state(), recorded.state_dict()["random"]["cuda"])
    pairs = zip(start, recorded.critic.parameters(), eager.critic.parameters(), strict=True)
    way, off = 0.0, 0.0
    for first, one, other in pairs:
        way += float((other - first).square().sum())
        off += float((one - other).square().sum())
    assert off < 0.01 * way


@needs_gpu
def test_on_a_gpu_a_run_is_recorded_says_so_and_goes_on(tiny: Path, tmp_path: Path) -> None:
    from zoo.reopening import reopen
    from zoo.signals import Stop

    run = launch.new_run(str(tiny), changes=["training.steps=6"], out=tmp_path / "run", device="cuda")
    assert run.record["cuda_graph"]
    for _ in run.go(6, Stop()):
        pass
    again = reopen(run.path, ["training.steps=8"])
    for _ in again.go(8, Stop()):
        pass

    assert again.step == 8
