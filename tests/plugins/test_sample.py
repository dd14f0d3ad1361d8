"""A third-party plugin, the whole way: installed with pip, shown, trained by name, written down."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch

import zoo
from tests.support.other_plugins import Plugins
from zoo.batch import CriticBatch, GeneratorBatch
from zoo.generators.config import Provider
from zoo.hookspecs import zoo_register_losses
from zoo.plugins.registry import Registry

if TYPE_CHECKING:
    from zoo.components import Loss

SAMPLE = Path(__file__).parents[1] / "sample_plugin"
README = Path(zoo.__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Plugins:
    """Install the sample with pip into a folder of its own, without network; a copy, since builds leave traces."""
    place = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(SAMPLE, place / "source")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", place / "site", source],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    return Plugins(place / "site")


def test_zoo_plugins_shows_it(installed: Plugins) -> None:
    ran = installed.process("plugins", "--json")

    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)[-1] == {
        "name": "hinge",
        "distribution": "zoo-hinge",
        "version": "0.3",
        "group": "zoo",
        "status": "loaded",
        "reason": "",
        "hooks": ["zoo_register_losses"],
    }


def test_zoo_info_shows_its_fields(installed: Plugins) -> None:
    ran = installed.process("info", "hinge", "--json")

    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == {
        "loss": "hinge",
        "summary": "The critic wants real scores above the margin and fake ones below its negative (Lim and Ye 2017).",
        "provider": {"distribution": "zoo-hinge", "version": "0.3"},
        "fields": {
            "weight": {"type": "number >= 0", "default": 1.0, "help": "factor of this loss in the sum"},
            "interval": {
                "type": "integer >= 1",
                "default": 1,
                "help": "apply on every n-th step, n times as strong",
            },
            "margin": {"type": "number > 0", "default": 1.0, "help": "scores beyond it are right enough"},
        },
    }


def test_it_trains_by_name_and_the_generator_says_who_brought_it(
    installed: Plugins, tiny: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    changes = ["--set", "losses.0.name=hinge", "--set", "losses.0.margin=2"]
    ran = installed.process("train", tiny, "--steps", "2", *changes, "--out", run)

    assert ran.code == 0, ran.err
    losses = json.loads((run / "generator" / "config.json").read_bytes())["training"]["losses"]
    assert losses[0] == {
        "name": "hinge",
        "provider": {"distribution": "zoo-hinge", "version": "0.3"},
        "fields": {"weight": 1.0, "interval": 1, "margin": 2.0},
    }
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert any("critic.hinge" in line and "generator.hinge" in line for line in lines)
    assert json.loads((run / "run.json").read_bytes())["versions"]["zoo-hinge"] == "0.3"

    newer = shutil.copytree(installed.folder, tmp_path / "newer")
    (metadata,) = newer.glob("zoo_hinge-*.dist-info/METADATA")
    metadata.write_text(metadata.read_text().replace("Version: 0.3", "Version: 0.4"))
    ran = Plugins(newer).process("resume", run, "--steps", "3")

    assert ran.code == 0, ran.err
    assert (
        f"{run}: versions.zoo-hinge was 0.3 and is 0.4: it goes on, but not bit for bit" in ran.warnings[-1]
    )


def loss_from(code: str) -> Loss:
    """Return the loss that a plugin's code registers."""
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "example", "exec"), namespace)
    (component,) = namespace["zoo_register_losses"]()
    registry = Registry()
    registry.add("loss", component, Provider(distribution="zoo-hinge", version="0.3"))
    return cast("Loss", registry.make("loss", {"name": "hinge"}, "here"))


def examples() -> list[str]:
    """Return the hinge loss as the sample, the README and the hook's docstring have it."""
    readme = next(
        block
        for block in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
        if "hookimpl" in block
    )
    imports = (
        "from torch.nn.functional import relu\nfrom zoo.components import Loss\nfrom zoo.hookspecs import hookimpl\n"
        "from torch import Tensor\nfrom zoo.batch import CriticBatch, GeneratorBatch\n"
    )
    doc = zoo_register_losses.__doc__
    assert doc is not None
    body = re.sub(r"^    ", "", doc.partition("\n\n")[2], flags=re.MULTILINE)
    return [(SAMPLE / "zoo_hinge.py").read_text("utf-8"), readme, imports + body]


@pytest.mark.parametrize("code", examples(), ids=["sample", "readme", "docstring"])
def test_every_example_of_a_plugin_is_the_hinge_loss(code: str) -> None:
    loss = loss_from(code)
    real, fake = torch.tensor([3.0, 0.0]), torch.tensor([-3.0, 1.0])
    scores = {2: real, 3: fake}

    def score(images: torch.Tensor) -> torch.Tensor:
        return scores[images.shape[1]]

    batch = CriticBatch(torch.zeros(2, 2), torch.zeros(2, 3), score, together=False)
    # Real 3 is past the margin, 0 misses it by 1; fake -3 is past it, 1 misses it by 2.
    assert loss.critic(batch).item() == pytest.approx((0 + 1) / 2 + (0 + 2) / 2)
    side = GeneratorBatch(torch.zeros(2, 3), score, lambda: torch.zeros(2, 2))
    assert loss.generator(side).item() == pytest.approx(1.0)
