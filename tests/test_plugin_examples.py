"""The examples of docs/plugins.md, installed together as a reader would: each loads, and does what the page says."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.support.documents import PAGES, ROOT
from zoo import hookspecs
from zoo.plugins.collect import load_registry
from zoo.plugins.events import RUN_HOOKS
from zoo.plugins.manager import plugins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

PAGE = PAGES["docs/plugins.md"]
_FILE = re.compile(
    r"^\*\*`([\w./-]+)`\*\*(?:, group `([\w.]+)`:)?.*?\n+```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
FILES = {name: (group, body) for name, group, body in _FILE.findall(PAGE.text)}
MODULES = {name: (group, body) for name, (group, body) in FILES.items() if group}
HOOKS = {name for name in vars(hookspecs) if name.startswith("zoo_")}


class FakeWandb(ModuleType):
    """What the example uses of `wandb`, remembered."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.fields: dict[str, Any] = {}
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.pictures: list[tuple[int, NDArray[np.uint8]]] = []
        self.ended: list[int] = []

    def init(self, *, config: dict[str, Any], id: str, **_: object) -> FakeWandb:
        assert id.isdecimal()
        self.fields = config
        return self

    def Image(self, picture: object) -> NDArray[np.uint8]:  # noqa: N802
        return np.asarray(picture)

    def log(self, facts: dict[str, Any], *, step: int) -> None:
        if "samples" in facts:
            self.pictures.append((step, facts["samples"]))
        else:
            self.logged.append((step, facts))

    def finish(self, *, exit_code: int) -> None:
        self.ended.append(exit_code)


class FakeMlflow(ModuleType):
    """What the example uses of `mlflow`, remembered."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.fields: dict[str, Any] = {}
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.pictures: list[tuple[int, NDArray[np.uint8]]] = []
        self.ended: list[int] = []

    def start_run(self, *, run_name: str) -> None:
        assert run_name == "run"

    def log_params(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def log_metrics(self, metrics: dict[str, float], *, step: int) -> None:
        self.logged.append((step, metrics))

    def log_image(self, image: object, *, key: str, step: int) -> None:
        assert key == "samples"
        self.pictures.append((step, np.asarray(image)))

    def end_run(self, status: str) -> None:
        self.ended.append(["FINISHED", "FAILED"].index(status))


def hooks_in(body: str) -> dict[str, list[str]]:
    """Return the arguments of each hook that a module implements."""
    return {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.parse(body).body
        if isinstance(node, ast.FunctionDef) and "hookimpl" in map(ast.unparse, node.decorator_list)
    }


@pytest.fixture
def installed(others: Plugins, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Plugins:
    """Install every example of the page, each as a distribution of its own."""
    monkeypatch.setenv("TEAM_FOLDER", str(tmp_path / "team"))
    (tmp_path / "team").mkdir()
    for file, (group, body) in MODULES.items():
        others.add(file.removesuffix(".py").replace("_", "-"), body, group=group)
    (others.folder / "recipes").mkdir()
    (others.folder / "recipes" / "disc-hinge.toml").write_text(FILES["recipes/disc-hinge.toml"][1])
    return others


def component(kind: str, name: str, **fields: Any) -> Any:
    return load_registry().make(kind, {"name": name, **fields}, "here")


def hook_of(module: str, hook: str) -> Callable[..., Any]:
    """Return the function with which one example implements a hook."""
    (function,) = (call for info, call in plugins().implementations(hook) if info.distribution == module)
    found: Callable[..., Any] = function
    return found


def test_every_hook_has_a_whole_example_in_the_right_group() -> None:
    by_group: dict[str, set[str]] = {"zoo": set(), "zoo.commands": set()}
    for group, body in MODULES.values():
        by_group[group].update(hooks_in(body))
    components = {hook for hook in HOOKS if hook.startswith("zoo_register_")} - {"zoo_register_commands"}

    assert by_group["zoo"] == components | set(RUN_HOOKS)
    assert by_group["zoo"] | by_group["zoo.commands"] == HOOKS
    assert all(f"`{hook}`" in PAGE.prose for hook in HOOKS)
    assert set(FILES) >= {"pyproject.toml", "zoo_hinge.py", "test_zoo_hinge.py", "recipes/disc-hinge.toml"}
    assert len(PAGE.blocks("python")) == len(MODULES) + 1, "the test is no plugin"


@pytest.mark.parametrize("name", ["pyproject.toml", "zoo_hinge.py"])
def test_the_whole_plugin_is_the_one_that_pip_installs_in_a_test(name: str) -> None:
    assert FILES[name][1] == (ROOT / "tests" / "sample_plugin" / name).read_text("utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_every_example_names_its_hooks_arguments_as_they_are(name: str) -> None:
    for hook, arguments in hooks_in(MODULES[name][1]).items():
        assert arguments == list(inspect.signature(getattr(hookspecs, hook)).parameters)


@pytest.mark.usefixtures("installed")
def test_every_example_loads_and_none_warns(zoo: Zoo) -> None:
    ran = zoo("plugins", "--json")

    rows = {row["distribution"]: row for row in json.loads(ran.out)}
    assert (ran.code, ran.err) == (0, "")
    for file, (group, body) in MODULES.items():
        row = rows[file.removesuffix(".py").replace("_", "-")]
        assert (row["status"], row["group"], row["hooks"]) == ("loaded", group, sorted(hooks_in(body)))


def test_commands_and_names_wait_for_no_torch(installed: Plugins) -> None:
    code = "import atexit, sys\natexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))\n"
    ran = installed.process("brightness", "--help", code=code)

    assert (ran.code, ran.err) == (0, "False\n")


@pytest.mark.usefixtures("installed")
def test_the_components_are_what_the_page_says() -> None:
    torch.manual_seed(0)
    mlp = component("architecture", "mlp", side=12, latent_dim=5)
    images = mlp.generator()(torch.randn(3, 5))
    assert images.shape == (3, 1, 12, 12)
    assert images.abs().max() <= 1
    critic = mlp.critic()
    assert critic(images).shape == (3,)

    component("regularizer", "spectral").prepare(critic)
    for _ in range(50):  # of the power iteration
        critic(images)
    assert torch.linalg.matrix_norm(critic[1].weight, 2).item() == pytest.approx(1, abs=1e-3)

    always, never = (component("augmentation", "mirror", chance=chance) for chance in (1.0, 0.0))
    assert torch.equal(always.augment(images), images.flip(3))
    assert torch.equal(never.augment(images), images)

    discs = component("dataset", "discs", count=5).images()
    assert discs.pixels.shape == (5, 1, 16, 16)
    assert set(np.unique(discs.pixels)) == {0, 255}
    assert discs.fingerprint == component("dataset", "discs", count=5).images().fingerprint

    gap = component("metric", "mean-gap")
    assert gap.measure(torch.zeros(2, 1, 16, 16), torch.ones(3, 1, 16, 16)) == pytest.approx(16.0)
    assert gap.protocol((1, 16, 16)) == "Euclidean distance of the mean pictures of 16 x 16 pixels"

    thumbnails = load_registry().features("thumbnail:4", "here")
    assert thumbnails.extract(torch.ones(2, 3, 16, 16)).shape == (2, 3 * 4 * 4)
    assert component("metric", "thumbnail-gap", features="thumbnail:4").extractor == "thumbnail:4"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("mean-gap", "mean-gap: there are no such features."),
        (
            "thumbnail:x",
            'thumbnail.side should be a valid integer, unable to parse string as an integer, found "x"',
        ),
        ("thumbnai:4", "thumbnai: there are no such features. Did you mean 'thumbnail'?"),
        ("thumbnail:", 'found ""'),
    ],
)
def test_features_that_there_are_not_are_refused_before_training(
    zoo: Zoo, tmp_path: Path, metric: str, said: str
) -> None:
    table = f'metric={{name="thumbnail-gap", features="{metric}"}}'
    ran = zoo("train", "disc-hinge", "--steps", "1", "--set", table, "--out", tmp_path / "run")
    assert ran.code in (2, 3)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("installed")
def test_the_state_is_counted_and_restored() -> None:
    noise, other = (component("augmentation", "fading-noise", start=1.0, calls=1) for _ in range(2))
    images = torch.zeros(1, 1, 400, 400)
    first, second = (noise.augment(images).std().item() for _ in range(2))
    other.state().load_state_dict(noise.state().state_dict())

    assert other.state().count == 2
    # Normal numbers of deviation 1 cut off at 1 have one of 0.718; of deviation 0.5, one of 0.480.
    assert [first, second] == pytest.approx([0.718, 0.480], abs=0.01)


@pytest.mark.usefixtures("installed")
def test_the_recipe_trains_exports_and_tells_the_tracker(zoo: Zoo, tmp_path: Path) -> None:
    run = tmp_path / "run"
    noise = ["--set", 'augmentations=[{name="fading-noise"}]']

    assert zoo("train", "disc-hinge", "--steps", "2", "--out", run).err.count("warning: plugin") == 0
    seen_through = ["--set", 'metric={name="thumbnail-gap", features="thumbnail:4"}']
    assert zoo("train", "disc-hinge", *seen_through, "--steps", "1", "--out", tmp_path / "seen").code == 0
    record = json.loads((tmp_path / "seen" / "run.json").read_text("utf-8"))
    assert record["metric"] == "thumbnail-gap"
    assert record["protocol"].startswith("thumbnail-gap; thumbnails of 4 x 4; 1024 generated against ")
    assert zoo("export", run, "--onnx").code == 0
    resumed = tmp_path / "noise"
    for command in (
        ["train", "disc-hinge", *noise, "--out", resumed, "--steps", "1"],
        ["resume", resumed, "--steps", "2"],
    ):
        assert zoo(*command).code == 0

    lines = [json.loads(line) for line in (run / "events.jsonl").read_text("utf-8").splitlines()]
    assert [line["event"] for line in lines] == [
        "started", "saved", "drawn", "logged", "logged", "evaluated", "drawn", "saved", "finished"
    ]  # fmt: skip
    assert lines[0] == {"event": "started", "recipe": "disc-hinge", "step": 0}
    assert 0 < lines[2]["brightness"] < 255
    assert "critic.hinge" in lines[3]
    assert "mean-gap" in lines[4]
    assert lines[5]["value"] == lines[4]["mean-gap"]
    assert lines[5]["spread"] > 0
    assert lines[-1] == {"event": "finished", "outcome": "done", "step": 2}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("tracker", "fake"), [("wandb", FakeWandb), ("mlflow", FakeMlflow)])
def test_a_tracker_is_told_of_figures_and_pictures(
    zoo: Zoo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tracker: str,
    fake: type[FakeWandb | FakeMlflow],
) -> None:
    monkeypatch.setitem(sys.modules, tracker, None)
    command = ("train", "disc-hinge", "--steps", "1", "--tracker", tracker, "--out", tmp_path / "run")
    ran = zoo(*command)
    assert (ran.code, ran.error) == (
        3,
        f"tracker {tracker}: it needs {tracker}, which is not installed. Install it with pip install "
        f"'{tracker}', or train without --tracker {tracker}",
    )
    service = fake()
    monkeypatch.setitem(sys.modules, tracker, service)

    ran = zoo(*command)

    assert (ran.code, [warning for warning in ran.warnings if "plugin" in warning]) == (0, [])
    assert service.fields["architecture.name"] == "mlp"
    assert [step for step, _ in service.logged] == [1, 1]
    assert "critic.hinge" in service.logged[0][1]
    assert "mean-gap" in service.logged[1][1]
    assert [(step, picture.shape) for step, picture in service.pictures] == [(1, (292, 292))]
    assert service.ended == [0]


@pytest.mark.usefixtures("installed")
def test_the_commands_names_and_files_do_what_the_page_says(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo("train", "disc-hinge", "--steps", "1", "--out", tmp_path / "run")
    (tmp_path / "run" / "generator").rename(tmp_path / "team" / "discs")

    assert zoo("generate", "team:discs", "-n", "4").out == "grid.png\n"
    brightness = zoo("brightness", "team:discs", "-n", "4")
    assert 0 <= float(brightness.out) <= 255
    assert json.loads(zoo("info", "team:discs", "--json").out)["recipe"] == "disc-hinge"
    missing = zoo("generate", "team:../run")
    assert missing.code == 3
    assert (
        missing.error
        == f"team:../run: there is no such generator in {tmp_path / 'team'}. Look into the folder"
    )

    find = hook_of("zoo-team", "zoo_find_generators")
    assert list(find(owner=None, search=None)) == [{"name": "team:discs"}]
    assert list(find(owner="team", search="camel")) == list(find(owner="me", search=None)) == []

    facts = json.loads(zoo("info", tmp_path / "team" / "discs" / "model.safetensors", "--json").out)
    assert facts["tensors"]["0.weight"] == [64, 8]
    assert "ok      team folder  " in re.sub(r"folder +", "folder  ", zoo("doctor").out)
    monkeypatch.setenv("TEAM_FOLDER", str(tmp_path / "gone"))
    (finding,) = hook_of("zoo-team-doctor", "zoo_diagnose")()
    assert (finding.state, finding.found) == ("note", f"{tmp_path / 'gone'} is not there")


def test_the_pages_test_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "sample_plugin")
    namespace: dict[str, Any] = {"__name__": "test_zoo_hinge"}
    exec(compile(FILES["test_zoo_hinge.py"][1], "test_zoo_hinge.py", "exec"), namespace)
    test = namespace["test_the_loss_is_what_is_missing_to_the_margin"]
    (mark,) = test.pytestmark

    for margin, loss in mark.args[1]:
        test(margin, loss)
    with pytest.raises(AssertionError):
        test(1.0, 0.5)
    del sys.modules["zoo_hinge"]
