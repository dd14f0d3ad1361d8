"""A generator that could not be published is refused before step 1; one with tied weights goes the whole way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.torch import load_file

import zoo as library
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import checkpoints

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Plugins, Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

NETWORKS = """
from typing import ClassVar
import torch
from torch import nn
from zoo.components import Architecture, Augmentation
from zoo.hookspecs import hookimpl

class Network(nn.Module):
    def __init__(self, end):
        super().__init__()
        self.end = end
        self.first, self.c, self.last = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 784)
        self.c2 = self.c

    def forward(self, z):
        x = self.c2(torch.relu(self.c(torch.relu(self.first(z)))))
        if self.end == "batch":
            x = x - x.mean(0)
        if self.end == "fft":
            x = torch.fft.fft(x).real
        return torch.tanh(self.last(x)).view(-1, 1, 28, 28)

class Tied(Architecture):
    name: ClassVar[str] = "tied"
    end: str = ""

    @property
    def image_shape(self): return 1, 28, 28

    def generator(self): return Network(self.end)

    def critic(self): return nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(0))

class Counting(nn.Module):
    def get_extra_state(self): return {"seen": {1, 2}}

class Counts(Augmentation):
    name: ClassVar[str] = "counts"

    def augment(self, images): return images

    def state(self): return Counting()

@hookimpl
def zoo_register_architectures(): return [Tied]

@hookimpl
def zoo_register_augmentations(): return [Counts]
"""


@pytest.fixture
def tied(tiny: Path, others: Plugins) -> Path:
    """Return a recipe whose generator uses one layer twice."""
    others.add("zoo-tied", NETWORKS)
    text = tiny.read_text()
    begin, end = text.index("[architecture]"), text.index("[[losses]]")
    tiny.write_text(f'{text[:begin]}[architecture]\nname = "tied"\nlatent_dim = 8\n\n{text[end:]}')
    return tiny


def test_tied_weights_go_the_whole_way(tied: Path, tmp_path: Path, zoo: Zoo) -> None:
    straight = library.train(str(tied), out=tmp_path / "straight", precision="fp32")
    broken = library.train(str(tied), steps=2, out=tmp_path / "broken", precision="fp32")
    library.resume(broken, steps=4)
    ours, theirs = (load_checkpoint(checkpoints(run)[-1])["trainer"] for run in (broken, straight))

    for part in ("generator", "critic", "ema"):
        assert {name: value.tolist() for name, value in ours[part].items()} == {
            name: value.tolist() for name, value in theirs[part].items()
        }
    weights = load_file(straight / "generator" / "model.safetensors")
    assert weights["c.weight"].tolist() == weights["c2.weight"].tolist()
    assert zoo("export", straight, "--onnx").code == 0
    generator = library.load(straight)
    whole = generator.sample(7, seed=3, batch=7)
    assert np.array_equal(whole, generator.sample(7, seed=3, batch=1))
    assert whole.std() > 0


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        (
            "architecture.end=batch",
            4,
            "tied: its pictures depend on their batch: in one of 1 they differ from those",
        ),
        (
            "architecture.end=fft",
            4,
            "tied: once trained it could not be exported: the exported file: it needs the operator DFT, which no ",
        ),
        (
            "augmentations=[{name='counts'}]",
            3,
            "augmentations.0/_extra_state/seen: it is a set, and a checkpoint holds tensors, numbers and text only. ",
        ),
    ],
)
def test_what_would_fail_at_the_end_is_refused_and_leaves_nothing(
    change: str, code: int, reason: str, tied: Path, zoo: Zoo
) -> None:
    ran = zoo("train", tied, "--set", change)

    assert ran.code == code
    assert ran.error.startswith(reason)
    assert not Path("runs").exists()


def test_a_configuration_that_no_reader_would_take_is_refused(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.generators.config_file.CONFIG_LIMIT", 1000)
    ran = zoo("train", tiny, "--out", "run")

    assert ran.code == 3
    assert ran.error.startswith("config.json: it would have ")
    assert not Path("run").exists()


REFUSING = """
from zoo.errors import ResourceError
from zoo.hookspecs import hookimpl

@hookimpl
def zoo_check_generator(architecture, generator):
    raise ResourceError(f"{architecture.name}: {sum(1 for _ in generator.parameters())} weights. Buy a larger shelf")
"""


def test_another_plugin_may_refuse_and_may_fail(tiny: Path, others: Plugins, zoo: Zoo) -> None:
    others.add("zoo-shelf", REFUSING, group="zoo.commands")
    others.add("zoo-torn", REFUSING.replace("raise ResourceError", "raise ValueError"), group="zoo.commands")
    ran = zoo("train", tiny)

    assert (ran.code, ran.error) == (5, "dcgan: 10 weights. Buy a larger shelf")
    assert not Path("runs").exists()
