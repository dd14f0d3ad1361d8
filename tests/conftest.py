"""What every test gets: a cache of its own, one thread, and a recipe small enough to train in a test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("tests.support.together")
# Before torch is imported anywhere: as many tests at once as there are cores, each with one thread.
os.environ["OMP_NUM_THREADS"] = "1"

if TYPE_CHECKING:
    from pathlib import Path

TINY = """
name = "tiny"
summary = "A WGAN-GP of a few thousand weights on the bundled drawings"

[data]
name = "quickdraw"
category = "camel"
bundled = true

[architecture]
name = "dcgan"
latent_dim = 8
initial = [7, 7, 8]
generator_upsample = [2, 1]
generator_filters = [8, 1]
generator_kernels = [5, 5]
generator_strides = [1, 2]
generator_batch_norm_momentum = 0.9
critic_filters = [8, 8]
critic_kernels = [5, 5]
critic_strides = [2, 2]
critic_activation = "leaky-relu"

[[losses]]
name = "wasserstein"

[[losses]]
name = "gradient-penalty"

[optimizers.critic]
name = "adam"
learning_rate = 2e-4
betas = [0.5, 0.999]

[optimizers.generator]
name = "adam"
learning_rate = 2e-4
betas = [0.5, 0.999]

[training]
steps = 4
batch_size = 8
critic_steps = 2
log_every = 1
sample_every = 4
eval_every = 4
checkpoint_every = 2

[metric]
name = "swd"
patches = 4
directions = 16
"""


@pytest.fixture(autouse=True)
def own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches and the current folder in a temporary place, and leave torch's threads to the other tests."""
    place = tmp_path_factory.mktemp("world")
    monkeypatch.setenv("ZOO_CACHE", str(place / "cache"))
    monkeypatch.setenv("ZOO_REPORT", "0")  # drawing takes longer than a test's training
    monkeypatch.delenv("ZOO_DISABLE", raising=False)
    monkeypatch.chdir(place)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Return the file of a recipe that trains four steps in about a second."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of that recipe with its report, made once: copy it before changing it."""
    import zoo

    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.toml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(folder / "cache"))
        patch.setenv("ZOO_REPORT", "1")
        patch.delenv("ZOO_DISABLE", raising=False)
        patch.chdir(folder)
        return folder / zoo.train("tiny.toml", out="runs/tiny-1")
