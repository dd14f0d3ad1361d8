"""What the proofs share: a run of a thousand weights, its processes, and what makes two runs equal."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import FOLDER, checkpoints
from zoo.runs.folder import METRICS as LOG
from zoo.runs.folder import is_run
from zoo.system.atomic import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STEPS = 200
INTERVAL = 5
"""Steps between checkpoints: the most that a kill may cost."""
CLOCK = ("seconds", "images_per_second")
"""The figures of the log that no two runs share."""
RECIPE = f"""
name = "tiny"
summary = "A WGAN-GP of a thousand weights on the bundled drawings"

[data]
name = "quickdraw"
category = "camel"
bundled = true

[architecture]
name = "dcgan"
latent_dim = 8
initial = [7, 7, 4]
generator_upsample = [2, 1]
generator_filters = [4, 1]
generator_kernels = [3, 3]
generator_strides = [1, 2]
generator_batch_norm_momentum = 0.9
critic_filters = [4, 4]
critic_kernels = [3, 3]
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
steps = {STEPS}
batch_size = 8
critic_steps = 2
log_every = 1
sample_every = 40
eval_every = 25
checkpoint_every = {INTERVAL}

[metric]
name = "swd"
patches = 4
directions = 16
"""


class Life:
    """A `zoo` process and what it says on stderr."""

    def __init__(self, command: list[str], environment: Mapping[str, str], stderr: Path) -> None:
        self._stderr = stderr
        self.began = time.monotonic()
        with stderr.open("wb") as said:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said)

    @property
    def pid(self) -> int:
        """The process number."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def said(self) -> list[str]:
        """Return the lines on stderr so far."""
        return self._stderr.read_text("utf-8", errors="replace").splitlines()

    def warnings(self) -> list[str]:
        """Return the warnings so far."""
        return [line for line in self.said() if line.startswith("zoo: warning:")]

    def outlives(self, seconds: float) -> bool:
        """Wait so long at most, and return whether it is still running."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def end(self, seconds: float = 120.0) -> int:
        """Wait for its exit code; negative where a signal ended it."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait()


class World:
    """A folder of its own with the recipe, a cache and runs; `changes` are `--set` of every new run."""

    def __init__(self, folder: Path, steps: int = STEPS, changes: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.steps = steps
        self._changes = [word for change in changes for word in ("--set", change)]
        self._recipe = folder / "tiny.toml"
        self._recipe.write_text(RECIPE)
        self._environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "ZOO_CACHE": str(folder / "cache")
        }  # fmt: skip
        self._lives: list[Life] = []

    def start(self, *arguments: str | Path) -> Life:
        """Start `zoo` with arguments."""
        stderr = self.folder / f"stderr-{len(self._lives)}-{time.monotonic_ns()}"
        life = Life([sys.executable, "-m", "zoo", *map(str, arguments)], self._environment, stderr)
        self._lives.append(life)
        return life

    def train(self, run: Path) -> Life:
        """Start a new run."""
        fixed = ("--steps", str(self.steps), "--device", "cpu", "--precision", "fp32")
        return self.start("train", self._recipe, "--out", run, *fixed, *self._changes)

    def go_on(self, run: Path) -> Life:
        """Do what anybody would after an interruption: resume the run, or begin it where there is none yet."""
        return self.start("resume", run) if is_run(run) else self.train(run)

    def reference(self) -> dict[str, str]:
        """Train without interruption and return the run's fingerprint."""
        run = self.folder / "reference"
        life = self.train(run)
        if life.end() != 0:
            raise SystemExit(f"the uninterrupted run failed: {life.said()[-1]}")
        return fingerprint(run)

    def close(self) -> None:
        """Kill what still runs."""
        for life in self._lives:
            if life.running:
                life.kill()


@contextmanager
def world(*changes: str, steps: int = STEPS) -> Iterator[World]:
    """Give a World that vanishes afterwards with all its processes."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="survival-") as folder:
        made = World(Path(folder), steps, changes)
        try:
            yield made
        finally:
            made.close()


def fingerprint(run: Path) -> dict[str, str]:
    """Return what equal runs share: sha256 of each tensor of the last checkpoint, and the log without the clock."""
    prints = {place: _sha256(tensor) for place, tensor in _tensors(load_checkpoint(checkpoints(run)[-1]))}
    figures = [{key: line[key] for key in line if key not in CLOCK} for line in logged(run)]
    return prints | {f"{LOG}:{number}": json.dumps(line) for number, line in enumerate(figures)}


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Return in words where two fingerprints differ; nothing when they do not."""
    places = [place for place in {**ours, **theirs} if ours.get(place) != theirs.get(place)]
    if not places:
        return ""
    first = places[0]
    return f"{len(places)} differ, first {first}: {ours.get(first)}, not {theirs.get(first)}"


def _tensors(state: Any, place: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(state, torch.Tensor):
        yield place, state
    elif isinstance(state, (dict, list, tuple)):
        for key, inner in state.items() if isinstance(state, dict) else enumerate(state):
            yield from _tensors(inner, f"{place}/{key}")


def _sha256(tensor: torch.Tensor) -> str:
    head = f"{tensor.dtype} {tuple(tensor.shape)} "
    return head + hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()


def files_of(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file in a folder."""
    return {str(path.relative_to(folder)): sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def logged(run: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a run's log; a killed process may leave a part of one at the end."""
    text = (run / LOG).read_text("utf-8") if (run / LOG).exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def lost_steps(run: Path) -> int:
    """Return how many logged steps come after the newest committed checkpoint."""
    committed = [int(path.name.removeprefix("step-")) for path in checkpoints(run)]
    return max([line["step"] for line in logged(run)], default=0) - max(committed, default=0)


def saving(run: Path, pid: int) -> set[str]:
    """Return the scratch names of the checkpoints that a process is writing, or was when it died."""
    try:
        names = [entry.name for entry in os.scandir(run / FOLDER)]
    except FileNotFoundError:
        return set()
    return {name for name in names if f".tmp-{pid}-" in name and ".old." not in name}


def scratch(run: Path) -> list[Path]:
    """Return what a dead process was writing or removing when it died."""
    return [path for path in run.rglob("*") if ".tmp-" in path.name]
