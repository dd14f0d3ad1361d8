"""Side by side: what is alike in one row, what cannot be compared apart, and a page that asks nothing."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import zoo as library
from tests.support.handmade import build
from zoo.errors import InputError, ResourceError
from zoo.generators.generator import Generator
from zoo.history import Curve
from zoo.reports.comparison.compare import compare
from zoo.reports.comparison.entry import Entry
from zoo.reports.comparison.generators import named_entry
from zoo.reports.comparison.latency import OPEN, PICTURES, TURNS, measure_latency
from zoo.reports.comparison.plots import mean_curve
from zoo.runs.lock import held

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Plugins, Zoo

pytest_plugins = ["tests.support.cli_fixtures"]
MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}'


class Runs:
    """Makes runs that differ from the finished one in what is asked for."""

    def __init__(self, trained: Path) -> None:
        self._trained = trained

    def __call__(
        self, name: str, *, figure: float = 10.0, seed: int = 0, weight: float = 10.0, **record: Any
    ) -> Path:
        run = Path(shutil.copytree(self._trained, name))
        facts = json.loads((run / "run.json").read_text())
        facts |= {"seed": seed, "best": {"step": 4, "value": figure}, **record}
        (run / "run.json").write_text(
            json.dumps({key: value for key, value in facts.items() if value is not None})
        )
        recipe = (run / "recipe.toml").read_text()
        recipe = re.sub(r"(\[training\][^\[]*\nseed = )0", rf"\g<1>{seed}", recipe).replace(
            "weight = 10.0", f"weight = {weight}"
        )
        (run / "recipe.toml").write_text(recipe)
        log = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        lines = [line | {"swd": figure} if "swd" in line else line for line in log]
        (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return run


@pytest.fixture
def make(trained: Path) -> Runs:
    """Return what makes runs."""
    return Runs(trained)


def table(text: str) -> dict[str, list[str]]:
    lines = [re.split(r"  +", line.strip()) for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in lines if len(cells) > 1}


def test_runs_that_differ_in_their_seed_are_one_row_with_mean_and_deviation(make: Runs, zoo: Zoo) -> None:
    values = {"a": (10.0, 0, 10.0), "b": (13.0, 1, 10.0), "c": (11.5, 7, 10.0), "d": (20.0, 0, 1.0)}
    for name, (figure, seed, weight) in values.items():
        make(name, figure=figure, seed=seed, weight=weight)

    ran = zoo("compare", *values, "--json")
    rows = json.loads(ran.out)["rows"]
    assert ran.code == 0
    assert [row["label"] for row in rows] == ["tiny weight=10", "tiny weight=1"]
    (figure,) = rows[0]["figures"]
    assert figure["values"] == [10.0, 13.0, 11.5]
    assert figure["mean"] == pytest.approx(11.5)
    assert figure["deviation"] == pytest.approx(statistics.stdev([10.0, 13.0, 11.5]))
    assert [entry["seed"] for entry in rows[0]["entries"]] == [0, 1, 7]
    assert rows[1]["figures"][0]["deviation"] is None
    shown = table(zoo("compare", *values).out)
    assert shown["name"][:3] == ["seeds", "state", "swd"]
    assert shown["tiny weight=10"][:3] == ["0, 1, 7", "3 done", "11.5 ± 1.5"]
    assert shown["tiny weight=1"][:3] == ["0", "done", "20"]


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": "in another way"},
        {"metric": "fid", "protocol": "another metric"},
        {
            "data": {
                "name": "array",
                "source": "x.npy",
                "licence": "mit",
                "images": 9,
                "fingerprint": "f" * 64,
            }
        },
    ],
)
def test_figures_of_different_protocols_are_never_in_one_column(make: Runs, other: dict[str, Any]) -> None:
    make("a", figure=1.0)
    make("b", figure=2.0, seed=1, **other)

    comparison = library.compare("a", "b")

    headings = comparison.table()[0][3:5]
    expected = ("swd", "fid") if "metric" in other else ("swd [1]", "swd [2]")
    assert headings == expected
    assert [note.partition(": ")[0] for note in comparison.notes()] == list(expected)
    for row in comparison.rows:
        for measure, figure in row.figures.items():
            assert figure.values in ((1.0,), (2.0,))
            assert measure in comparison.measures


def test_a_reason_is_said_once_with_all_whose_it_is(make: Runs, zoo: Zoo) -> None:
    for name in ("a", "b", "c"):
        make(name, format=9)
    make("sick", state="failed", best=None)
    make("good", figure=1.0)

    shown = zoo("compare", "a", "b", "sick", "c", "good")

    newer = "its format is 9, and this version reads 1: it was made by a newer zoo. "
    assert [line for line in shown.out.splitlines() if newer in line] == [
        f"a/run.json, b/run.json and c/run.json: {newer}Upgrade with pip install --upgrade gan-model-zoo"
    ]
    assert "sick: it failed\n" in shown.out
    assert (shown.code, shown.error.startswith(f"a/run.json: {newer}")) == (3, True)


def test_which_direction_is_better_is_said_in_the_words_of_an_evaluation(make: Runs, zoo: Zoo) -> None:
    make("a", figure=1.0)
    make("old", figure=2.0, seed=1, higher_is_better=None)
    make("up", figure=3.0, seed=2, metric="coverage", higher_is_better=True, protocol="rising")
    make("gone", figure=4.0, seed=3, metric="of-a-plugin", higher_is_better=None, protocol="unknown")

    rows = json.loads(zoo("compare", "a", "old", "up", "gone", "--json").out)["rows"]
    ran = zoo("compare", "a", "old", "up", "gone", "--html", "page.html")

    told = {figure["metric"]: figure["higher_is_better"] for row in rows for figure in row["figures"]}
    assert told == {"swd": False, "coverage": True, "of-a-plugin": None}
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0][:6] == ["name", "seeds", "state", "swd", "coverage", "of-a-plugin"]
    assert lines[1] == ["better", "lower", "higher", "-"]
    page = Path("page.html").read_text()
    assert (
        '<tr><th scope="row">better</th><td></td><td></td><td>lower</td><td>higher</td><td>-</td></tr>'
        in page
    )
    assert (page.count("Lower is better."), page.count("Higher is better.")) == (2, 1), "curves are swd's"
    assert table(zoo("compare", "old").out)["better"] == ["lower"], (
        "the metric says it, where the file is old"
    )


def test_a_comparison_without_figures_has_no_direction(make: Runs, zoo: Zoo) -> None:
    make("a", best=None, metric=None, protocol=None)
    (Path("a/generator/config.json")).unlink()

    ran = zoo("compare", "a", "--html", "page.html")

    assert "better" not in ran.out
    assert 'scope="row">better' not in Path("page.html").read_text()


def test_unfinished_and_diverged_runs_say_so_and_are_not_in_the_mean(make: Runs, zoo: Zoo) -> None:
    make("done", figure=10.0)
    make("stopped", figure=90.0, seed=1, state="stopped", step=2)
    make("killed", figure=80.0, seed=2, state="running", step=2)
    make(
        "bad", seed=3, state="failed", best=None, divergence={"step": 3, "cause": "the loss critic.x is nan"}
    )
    with held(make("busy", figure=70.0, seed=4, state="running")):
        shown = table(zoo("compare", "done", "stopped", "killed", "bad", "busy").out)
        rows = library.compare("done", "stopped", "killed", "bad", "busy").rows

    assert shown["tiny"][:3] == ["0, 1, 2, 3, 4", "1 done, 1 running, 2 stopped, 1 failed", "10"]
    (row,) = rows
    assert next(iter(row.figures.values())).values == (10.0, 90.0, 80.0, 70.0)
    assert row.problems == [("bad", "it diverged at step 3: the loss critic.x is nan")]


def test_what_has_no_end_yet_is_compared_by_what_there_is(make: Runs) -> None:
    make("a", figure=4.0, state="stopped")
    make("b", figure=6.0, seed=1, state="stopped")

    ((row),) = library.compare("a", "b").rows

    assert next(iter(row.figures.values())).mean == 5.0


def test_a_sweep_stands_for_its_runs_and_for_those_that_have_not_begun(make: Runs, zoo: Zoo) -> None:
    Path("sweep").mkdir()
    make("sweep/weight=1,seed=0", weight=1.0)
    make("sweep/weight=1,seed=1", weight=1.0, seed=1)
    make("sweep/other")
    folders = ["weight=1,seed=0", "weight=1,seed=1", "weight=5,seed=0", "weight=5,seed=1"]
    failures = {"weight=5,seed=0": {"message": "there is not enough memory", "exit_code": 5}}
    facts = {"format": 1, "recipe": "tiny", "started": "now", "failures": failures}
    runs = [{"folder": folder, "changes": []} for folder in folders]
    Path("sweep/sweep.json").write_text(json.dumps({**facts, "runs": runs}))

    ran = zoo("compare", "sweep", "sweep/weight=1,seed=0", "--html", "page.html")
    shown = table(ran.out)

    assert ran.code == 0
    assert shown["tiny"][:2] == ["0, 1", "2 done"]
    assert shown["sweep"][1] == "2 not begun"
    assert "sweep/weight=5,seed=0: there is not enough memory" in ran.out
    assert ran.out.splitlines()[-1] == "page.html"
    assert "there is not enough memory" in Path("page.html").read_text()


def test_a_name_that_cannot_be_read_is_a_row_and_still_an_error(make: Runs, zoo: Zoo) -> None:
    make("a")
    (make("b") / "run.json").write_text("{")
    (make("c") / "generator" / "config.json").write_text("[]")
    (make("d", seed=5) / "recipe.toml").write_text("= no")
    Path("empty").mkdir()

    ran = zoo("compare", "a", "b", "c", "d", "empty")
    shown = table(ran.out)

    assert (ran.code, shown["b"][1], shown["empty"][1]) == (3, "cannot be read", "cannot be read")
    assert ran.error.startswith("b/run.json: ")
    assert f"\n{ran.error}\n" in ran.out, "its name stands before it once"
    assert "c/generator/config.json" in ran.out, "and the run is compared without its generator"
    assert shown["tiny"][:2] == ["0, 0", "2 done"]
    assert shown["d"][:2] == ["5", "done"], "it cannot be told whom it is alike"


@pytest.mark.parametrize("names", [["nosuch"], ["nosuch", "neither"], ["empty"], ["file.txt"], ["."]])
def test_where_nothing_can_be_read_one_line_says_why(zoo: Zoo, names: list[str]) -> None:
    Path("empty").mkdir()
    Path("file.txt").touch()

    ran = zoo("compare", *names)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"zoo: error: {ran.error}\n"


def test_the_options_are_refused_like_all_others(
    make: Runs, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("a")
    assert zoo("compare").code == 2
    assert zoo("compare", "").code == 3
    assert "there is no folder 'no'" in zoo("compare", "a", "--html", "no/page.html").error
    ran = zoo("compare", "a", "--html", ".")
    assert (ran.code, "it is a folder" in ran.error) == (3, True)
    monkeypatch.setattr("zoo.reports.comparison.compare.compare", lambda *_, **__: pytest.fail("it was read"))
    for page, said in (
        (Path.cwd(), r"html .*: it is a folder. Give a file"),
        ("no/page.html", "no folder 'no'"),
    ):
        with pytest.raises(InputError, match=said):
            library.compare("a", html=page)
    with pytest.raises(InputError, match="no name is given"):
        library.compare()
    with pytest.raises(InputError, match="name"):
        library.compare(3)  # type: ignore[arg-type]


def test_generators_have_rows_of_their_own(make: Runs, zoo: Zoo) -> None:
    run = make("a", figure=10.0)
    make("b", figure=12.0, seed=1)

    rows = json.loads(zoo("compare", "a", "b", run / "generator", "camel-gan", "--json").out)["rows"]

    assert [row["label"] for row in rows] == ["tiny", "a/generator", "camel-gan"]
    assert [entry["kind"] for row in rows for entry in row["entries"]] == [
        "run",
        "run",
        "generator",
        "generator",
    ]
    counted = sum(array.size for name, array in weights(run).items() if not name.endswith(STATISTICS))
    assert rows[0]["entries"][0]["parameters"] == rows[1]["entries"][0]["parameters"] == counted
    pretrained = rows[2]["entries"][0]
    assert (pretrained["parameters"], pretrained["onnx_parameters"] > 1000) == (None, True)
    assert (
        pretrained["onnx_bytes"]
        == Path(library.__file__, "../generators/pretrained/camel-gan/onnx/model_fp16.onnx")
        .resolve()
        .stat()
        .st_size
    )


STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def weights(run: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return load_file(run / "generator" / "model.safetensors")


def test_onnx_files_and_names_of_plugins_are_compared_by_what_they_are(others: Plugins, zoo: Zoo) -> None:
    Path("hand.onnx").write_bytes(build().SerializeToString())
    others.add("zoo-shelf", SHELF, group="zoo.commands")

    ran = zoo("compare", "hand.onnx", "shelf:camel", "--latency", "--json")
    file, named = (row["entries"][0] for row in json.loads(ran.out)["rows"])

    assert (ran.code, file["kind"], file["onnx_bytes"]) == (0, "file", Path("hand.onnx").stat().st_size)
    assert (named["kind"], named["latent_dim"]) == ("name", 100)
    assert all(row["latency_ms"] > 0 for row in json.loads(ran.out)["rows"])


def test_what_cannot_be_measured_is_a_row_that_says_so_and_all_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []

    class Opened(Generator):
        def __init__(self, name: str) -> None:
            self.name, self.latent_dim, self.image_shape = name, 4, (1, 4, 4)

        def generate(self, z: Any) -> Any:
            if self.name == "mute":
                raise ResourceError("mute: there is not enough memory")
            return np.zeros((len(z), 1, 4, 4), np.float32)

        def close(self) -> None:
            closed.append(self.name)

    def load(name: str) -> Generator:
        if name == "shut":
            raise InputError("shut: it is damaged")
        return Opened(name)

    entries = [Entry(name, "generator", onnx=name) for name in ("shut", "good", "mute")]
    monkeypatch.setattr("zoo.reports.comparison.compare.read_entries", lambda *_: (entries, []))
    compared = compare(["shut", "good", "mute"], load, latency=True)

    assert [row.state for row in compared.rows] == ["cannot be read", "", "cannot be read"]
    assert [row.problems for row in compared.rows] == [
        [("shut", "it is damaged")],
        [],
        [("mute", "there is not enough memory")],
    ]
    assert list(compared.latency or {}) == ["good"]
    assert [error.exit_code for error in compared.errors] == [3, 5]
    assert sorted(closed) == ["good", "mute"]
    closed.clear()
    named_entry("good", load)
    with pytest.raises(ResourceError):
        named_entry("mute", load)
    assert closed == ["good", "mute"]


class Clocked:
    """Opens generators whose pictures move a clock, and counts what is open and what was made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float]) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.open: list[str] = []
        self.most = 0
        self.opened: list[str] = []
        self.made: list[str] = []
        monkeypatch.setattr("zoo.reports.comparison.latency.time.perf_counter", lambda: self.now)

    def __call__(self, name: str) -> Generator:
        world = self

        class Opened(Generator):
            def __init__(self) -> None:
                self.name, self.latent_dim, self.image_shape = name, 4, (1, 4, 4)
                world.open.append(name)
                world.opened.append(name)
                world.most = max(world.most, len(world.open))

            def generate(self, z: Any) -> Any:
                world.made.append(name)
                world.now += world.seconds[name]
                return np.zeros((len(z), 1, 4, 4), np.float32)

            def close(self) -> None:
                world.open.remove(name)

        return Opened()


@pytest.mark.parametrize("count", [1, OPEN, OPEN + 1, 20])
def test_latencies_are_measured_in_turns_with_few_generators_open_at_once(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    names = [str(number) for number in range(count)]
    world = Clocked(monkeypatch, {name: 0.001 * (number + 1) for number, name in enumerate(names)})

    found, errors = measure_latency([*names, *names], world)

    assert (errors, world.open, world.most) == ({}, [], min(count, OPEN))
    turns = 1 if count <= OPEN else TURNS
    assert {world.opened.count(name) for name in names} == {turns}
    assert {world.made.count(name) for name in names} == {PICTURES + turns}, "one of each turn does not count"
    assert found == {name: pytest.approx(number + 1) for number, name in enumerate(names)}
    together = world.made[: min(count, OPEN) * 3]
    assert together == names[:OPEN] * 3, "picture by picture"
    if count == 20:
        firsts = [set(world.opened[start : start + OPEN]) for start in (0, 20, 40)]
        assert len({frozenset(first) for first in firsts}) == 3, "each turn beside others"


def test_slow_generators_make_fewer_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [str(number) for number in range(100)]
    world = Clocked(monkeypatch, dict.fromkeys(names, 0.05))

    found, _ = measure_latency(names, world)

    assert len(found) == 100
    assert {world.made.count(name) for name in names} == {TURNS * 2}, "one of a turn counts"
    one = Clocked(monkeypatch, {"one": 30.0})
    assert (measure_latency(["one"], one)[0], len(one.made)) == ({"one": 30_000.0}, 2)


SHELF = """
import zoo
from zoo.hookspecs import hookimpl

@hookimpl
def zoo_open_generator(name):
    return zoo.load("camel-gan") if name == "shelf:camel" else None
"""


def test_a_table_waits_neither_for_torch_nor_for_matplotlib(make: Runs, others: Plugins) -> None:
    make("a")
    code = (
        "import atexit, sys\n"
        "heavy = 'torch', 'matplotlib', 'jinja2'\n"
        "atexit.register(lambda: print([name for name in heavy if name in sys.modules], file=sys.stderr))"
    )

    ran = others.process("compare", "a", "camel-gan", code=code)

    assert (ran.code, ran.err) == (0, "[]\n")


def test_the_page_asks_for_nothing_and_is_never_a_script(make: Runs, zoo: Zoo) -> None:
    data = {"name": MARKUP, "source": MARKUP, "licence": MARKUP, "images": 1, "fingerprint": "0" * 64}
    make("a", recipe=MARKUP, metric=MARKUP, protocol=MARKUP, hardware=MARKUP, data=data)
    bad = make("b<i>", state="failed", divergence={"step": 1, "cause": MARKUP})
    (bad / "metrics.jsonl").write_text(f"{json.dumps({'step': 1, 'critic': 1e38, MARKUP: 2})}\n" * 3)

    assert zoo("compare", "a", "b<i>", "--html", "page.html").code == 0

    text = Path("page.html").read_text()
    assert text.count("<script") == 1
    assert re.search(r"<script>\s*</script>", text)
    assert '"><script>' not in text
    assert "<img src=x" not in text
    assert "default-src 'none'" in text
    assert set(re.findall(r'(?:src|href)="(?!data:image/png;base64,|#)([^"]*)"', text)) == set()
    assert "b&lt;i&gt;" in text
    assert ">49<" not in text


def test_the_page_has_figures_curves_pictures_and_costs(make: Runs) -> None:
    make("a", figure=1.0)
    make("b", figure=3.0, seed=1)
    make("c", weight=1.0)
    library.compare("a", "b", "c", html="page.html")
    first = Path("page.html").read_bytes()
    library.compare("a", "b", "c", html="page.html")

    text = first.decode()
    titles = re.findall(r"<h3>(.*?)</h3>", text)
    assert titles == ["swd", "swd over the steps", "The critic&#39;s loss", "The generator&#39;s loss"]
    assert text.count("<svg ") == 4
    assert len(re.findall(r'<img src="data:image/png', text)) == 3
    assert "2 ± 1.414" in text
    assert "<small>1, 3</small>" in text
    assert re.search(r'<th scope="row">losses.1.weight</th><td>10</td><td>1</td>', text)
    assert Path("page.html").read_bytes() == first


def test_a_grid_that_is_none_is_left_out(make: Runs) -> None:
    run = make("a")
    samples = run / "generator" / "samples.png"
    kept = samples.read_bytes()
    strip = library.compare("a").rows[0].entries[0].strip
    assert strip is not None
    with Image.open(samples) as image:
        assert np.array_equal(np.asarray(strip), np.asarray(image)[: strip.height])
    assert strip.size == (8 * 60 + 4, 2 * (2 + 28 + 2))
    shutil.rmtree(run / "samples")
    for content in (b"", kept[:100], b"no picture"):
        samples.write_bytes(content)
        assert library.compare("a").rows[0].entries[0].strip is None
    Image.new("L", (301, 17)).save(samples)
    assert library.compare("a").rows[0].entries[0].strip is None
    samples.unlink()
    samples.symlink_to(Path("/dev/zero"))
    assert library.compare("a").rows[0].entries[0].strip is None


def test_a_curve_of_several_runs_is_their_mean_where_they_have_steps() -> None:
    one = Curve(np.array([1, 2, 3]), np.array([1.0, 2.0, 3.0]))
    other = Curve(np.array([2, 3, 4]), np.array([4.0, 3.0, 8.0]))

    mean, deviation = mean_curve([one, other])

    assert mean.steps.tolist() == [1, 2, 3, 4]
    assert mean.values.tolist() == [1.0, 3.0, 3.0, 8.0]
    assert deviation.values.tolist() == pytest.approx([0.0, np.std([2, 4], ddof=1), 0.0, 0.0])


def test_figures_that_were_measured_later_are_shown_while_the_weights_are_theirs(make: Runs) -> None:
    run = make("a", figure=5.0)
    path = run / "generator" / "config.json"
    config = json.loads(path.read_text())
    later = {
        "metric": "kid:drawings", "value": 0.25, "higher_is_better": False, "protocol": "another", "images": "cats",
        "fingerprint": "a" * 64, "weights": config["files"]["model.safetensors"]["sha256"],
    }  # fmt: skip
    path.write_text(
        json.dumps(config | {"figures": [later, {**later, "metric": "fid", "weights": "b" * 64}]})
    )

    for name in ("a", "a/generator"):
        (row,) = library.compare(name).rows
        found = {measure.metric: figure.mean for measure, figure in row.figures.items()}
        assert found.keys() == {"swd", "kid:drawings"}
        assert found["kid:drawings"] == 0.25
    assert library.compare("a").rows[0].entries[0].figure == 5.0


def test_numbers_and_recipes_of_strangers_cost_nothing(make: Runs) -> None:
    make("a", figure=1.7e308, seconds=1e308, seed=10**300)
    make("b", figure=-1.7e308, seed=1)
    wide = make("c")
    text = (wide / "recipe.toml").read_text()
    many = "".join(f"x{index} = {index}\n" for index in range(5000))
    (wide / "recipe.toml").write_text(text.replace("[architecture]\n", f"[architecture]\n{many}"))

    comparison = library.compare("a", "b", "c", html="page.html")

    assert max(len(row.label) for row in comparison.rows) <= 80
    assert Path("page.html").stat().st_size < 1_000_000
    assert [row.first(lambda entry: entry.figure) for row in comparison.rows] == [None, None, 10.0]
