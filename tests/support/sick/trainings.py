"""Small trainings that are healthy, and such as are made sick on purpose: discs of 16 x 16, seconds each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import zoo
from zoo.errors import DivergedError
from zoo.reports.read import read_history

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo.history import History

SIDE = 16
SIDES = ("critic", "generator")
RECIPE = """
name = "discs"
[data]
name = "array"
path = "discs.npy"
[architecture]
name = "dcgan"
latent_dim = 16
initial = [4, 4, 16]
generator_upsample = [2, 2, 1]
generator_filters = [16, 16, 1]
generator_kernels = [3, 3, 3]
generator_strides = [1, 1, 1]
generator_batch_norm_momentum = 0.9
critic_filters = [16, 16]
critic_kernels = [3, 3]
critic_strides = [2, 2]
critic_activation = "leaky-relu"
[[losses]]
name = "bce"
[optimizers.critic]
name = "adam"
learning_rate = 1e-3
betas = [0.5, 0.999]
[optimizers.generator]
name = "adam"
learning_rate = 1e-3
betas = [0.5, 0.999]
[training]
steps = 300
batch_size = 16
eval_every = 50
checkpoint_every = 10000
sample_every = 10000
log_every = 5
ema = 0.9
[metric]
name = "swd"
patches = 8
directions = 32
"""


@dataclass(frozen=True)
class Case:
    """A training: what differs from the healthy one."""

    changes: tuple[str, ...] = ()
    steps: int = 300
    images: int = 400
    """How many discs there are."""


def _rate(side: str, value: float) -> str:
    return f"optimizers.{side}.learning_rate={value}"


def _momentum(side: str) -> str:
    return f"optimizers.{side}.betas=[0.9,0.999]"


WASSERSTEIN = ("training.critic_steps=3",)
PENALTY = (*WASSERSTEIN, 'losses=[{name="wasserstein"},{name="gradient-penalty",weight=10.0}]')
CLIPPING = (
    *WASSERSTEIN,
    'losses=[{name="wasserstein"}]',
    'regularizers=[{name="weight-clipping",limit=0.01}]',
    'optimizers.critic={name="rmsprop",learning_rate=5e-5}',
    'optimizers.generator={name="rmsprop",learning_rate=1e-3}',
)
STILL = (
    'architecture={name="dcgan",latent_dim=16,initial=[4,4,16],generator_upsample=[2,2,1],'
    "generator_filters=[16,16,1],generator_kernels=[3,3,3],generator_strides=[1,1,1],critic_filters=[128,128],"
    'critic_kernels=[3,3],critic_strides=[2,2],critic_activation="leaky-relu",weight_std=0.2}'
)
"""Without batch norm, whose pictures would be others in training than after it."""
HEALTHY = {"gan": Case(), "wgan": Case(CLIPPING, 500), "wgan-gp": Case(PENALTY)}
SICK = {
    "critic-too-strong": Case((_rate("critic", 3e-3), _rate("generator", 1e-6)), 150),
    "critic-too-weak": Case((_rate("critic", 1e-5),), 150),
    "divergence": Case((_rate("critic", 1e30),), 20),
    "lipschitz-bound-broken": Case(
        (*WASSERSTEIN, 'losses=[{name="wasserstein"},{name="gradient-penalty",weight=1e-4}]'), 100
    ),
    "memorisation": Case(
        (
            *PENALTY,
            "training.batch_size=8",
            _rate("critic", 2e-3),
            _rate("generator", 2e-3),
            "training.eval_every=200",
        ),
        400,
        images=4,
    ),
    "mode-collapse": Case((_rate("generator", 2e-2), _rate("critic", 2e-4), "training.eval_every=250"), 500),
    "not-trained-long-enough": Case(PENALTY, 150),
    "oscillating-loss": Case(
        (
            *(_rate(side, 1e-2) for side in SIDES),
            *(_momentum(side) for side in SIDES),
            "training.log_every=2",
        ),
        200,
    ),
    "saturated-weights": Case((*CLIPPING, _rate("critic", 5e-4))),
    "uninformative-loss": Case((_rate("critic", 1e-4), "training.log_every=2"), 200),
    "vanishing-generator-gradient": Case((_rate("generator", 0.3),), 100),
}


def train_overfitted(folder: Path) -> History:
    """Train a critic on the pictures of the very generator that it is asked to tell them from, which stands still.

    What it learns can only be these pictures themselves, and not how they differ from others.
    """
    (folder / "before").mkdir()
    still = Case((STILL, _rate("generator", 1e-9)), 1)
    train(still, folder / "before")
    made = zoo.load(folder / "before" / "run" / "generator").sample(2600, 9)
    case = Case(
        (*still.changes, _rate("critic", 3e-3), "training.batch_size=64", "training.eval_every=300"), 300
    )
    return train(case, folder, pixels=made.reshape(-1, SIDE, SIDE))


def discs(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a soft white disc somewhere on black, `count` times: (N, 16, 16)."""
    random = np.random.default_rng(seed)
    row, column = np.mgrid[:SIDE, :SIDE]
    y, x = random.uniform(4, SIDE - 4, (2, count, 1, 1))
    radius = random.uniform(2, 4, (count, 1, 1))
    light: NDArray[np.float64] = np.clip(radius - np.hypot(row - y, column - x) + 0.5, 0, 1)
    return (255 * light).astype(np.uint8)


def train(case: Case, folder: Path, seed: int = 0, pixels: NDArray[np.uint8] | None = None) -> History:
    """Train a case in an empty folder, and return its history; one that diverges has one too."""
    np.save(folder / "discs.npy", discs(case.images) if pixels is None else pixels)
    (folder / "discs.toml").write_text(RECIPE)
    recipe, data, out = (folder / name for name in ("discs.toml", "discs.npy", "run"))
    with suppress(DivergedError):
        zoo.train(str(recipe), data=data, steps=case.steps, seed=seed, changes=case.changes, out=out)
    return read_history(folder / "run")
