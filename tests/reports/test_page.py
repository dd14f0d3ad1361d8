"""The page: whole, on its own, and never anything but text where a stranger could write something else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import zoo as library
from tests.reports.test_symptoms import SICK, history, probe
from zoo.reports import page as pages
from zoo.reports import read
from zoo.reports.health import diagnose
from zoo.reports.page import page, write_report

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}'


def first_of(grid: Path) -> Image.Image:
    """Return the first picture of a sample grid, as large as it was made."""
    with Image.open(grid) as image:
        return image.crop((4, 4, 60, 60)).resize((28, 28), Image.Resampling.NEAREST)


@pytest.fixture
def run(trained: Path) -> Path:
    """The finished run, as it would lie here."""
    return Path(shutil.copytree(trained, "runs/tiny-1"))


def test_a_run_ends_with_a_page_that_shows_all_it_left(run: Path) -> None:
    text = (run / "report.html").read_text("utf-8")

    titles = re.findall(r"<h3>(.*?)</h3>", text)
    assert {"Quality", "Losses", "Gradient norms", "Scores", "Slopes", "Spread", "Weights"} <= set(titles)
    assert text.count("<svg ") == text.count("</svg>") == text.count("<figcaption>") - 3
    assert 'alt="Grid of generated pictures, step 4"' in text
    assert text.count('<img data-label="step ') == len(list((run / "samples").iterdir())) == 2
    assert 'alt="Generated pictures on their way between latent vectors, 1 of 18"' in text
    assert text.count('<img data-label="') - 2 == 18
    assert "<h2>Generated and real</h2>" in text
    assert "zoo export runs/tiny-1 --onnx" in text
    assert "mathdefault" not in text, "a formula that nothing draws"
    assert "wasserstein" in text
    assert "Lower is better." in text
    assert re.search(r"swd [\d.]+ at step 4 \(lower is better\)", text)
    assert len(text) < 3_000_000
    assert {path.name for path in (run / "probes").iterdir()} == {
        "step-000004.json",
        "neighbours.png",
        "walk.png",
    }
    with Image.open(run / "probes" / "neighbours.png") as image:
        assert image.width > image.height, "three rows"
    with Image.open(run / "probes" / "walk.png") as image:
        assert image.size == (4 * 28, 18 * 28)
        assert image.crop((0, 0, 28, 28)) == first_of(run / "samples" / "step-000004.png")


def test_the_page_asks_for_nothing_and_runs_its_own_script_only(run: Path) -> None:
    text = (run / "report.html").read_text("utf-8")

    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text
    )
    addresses = set(re.findall(r'(?:src|href)="(?!data:image/(?:png|webp);base64,|#)([^"]*)"', text))
    assert addresses == set(), "matplotlib's own references stay inside the picture"


def test_the_same_history_gives_the_same_page(run: Path) -> None:
    before = (run / "report.html").read_bytes()

    assert write_report(run).read_bytes() == before


def test_markup_from_a_run_folder_is_text(tmp_path: Path) -> None:
    strange = tmp_path / "a<b>"
    strange.mkdir()
    (strange / "recipe.toml").write_text(MARKUP)
    seen = history(
        "camel-gan", probe(500), probe(1000, generated_spread=1.0),
        seed=MARKUP, metric=MARKUP, hardware=MARKUP, protocol=MARKUP, command=[MARKUP], versions={MARKUP: MARKUP},
        data={"images": MARKUP, "source": MARKUP, "licence": MARKUP},
    )  # fmt: skip
    seen.curves[f"critic.{MARKUP}"] = seen.curves[MARKUP] = seen.curves["swd"]  # type: ignore[index]
    finding = diagnose(seen)

    text = page(strange, seen, finding)

    assert text.count("<script") == 1
    assert not re.search(r"<img[^>]*onerror", text)
    assert "a&lt;b&gt;" in text
    assert "49" not in re.findall(r"<th scope=\"row\">hardware</th><td>(.*?)</td>", text)[0]


def test_a_finding_names_the_plot_that_shows_it(tmp_path: Path) -> None:
    seen = history("camel-gan", probe(500), probe(1000, generated_spread=1.0))

    text = page(tmp_path, seen, diagnose(seen))

    assert "See <em>Spread</em> below." in text
    assert "Try: a Wasserstein loss with a gradient penalty, as in the recipes *-wgangp;" in text


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50])
def test_a_damaged_grid_is_left_out(run: Path, content: bytes) -> None:
    (run / "samples" / "step-000002.png").write_bytes(content)

    text = write_report(run).read_text("utf-8")

    assert text.count('<img data-label="step ') == len(list((run / "samples").glob("*.png"))) - 1


def test_many_large_grids_do_not_make_a_large_page(run: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    for step in range(100, 130):
        Image.fromarray(noise).save(run / "samples" / f"step-{step:06d}.png")
    (run / "samples" / "step-000140.png").symlink_to(Path("/dev/zero"))

    assert write_report(run).stat().st_size < 5_000_000


def test_the_commands_write_and_diagnose(run: Path, zoo: Zoo) -> None:
    (run / "report.html").unlink()
    ran = zoo("report")
    assert (ran.code, ran.out.strip()) == (0, "runs/tiny-1/report.html")
    ran = zoo("report", str(run), "--out", "mine.html")
    assert (ran.code, Path("mine.html").stat().st_size > 10_000) == (0, True)
    ran = zoo("diagnose", "--json")
    assert (ran.code, json.loads(ran.out)) == (0, [])
    ran = zoo("diagnose", str(run))
    assert (ran.code, ran.out) == (0, "")
    assert "runs/tiny-1: no symptom was found" in ran.err
    assert zoo("diagnose", "runs/none").code == 3


def test_a_finding_is_said_once_while_it_trains(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_REPORT", "1")
    monkeypatch.setattr(read, "read_history", lambda _: SICK["mode-collapse"][0])

    ran = zoo("train", str(tiny), "--set", "training.eval_every=1")

    assert ran.code == 0
    assert (
        ran.err.count("The generated pictures are nearly all alike: mode collapse: two of them are 12 levels")
        == 1
    )
    assert "step 1: The generated" in ran.err.replace("zoo: warning: ", "")
    assert "See `zoo diagnose runs/tiny-1`" in ran.err


def test_a_symptom_or_plugin_that_fails_does_not_end_a_training(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of nothing")

    monkeypatch.setenv("ZOO_REPORT", "1")
    monkeypatch.setattr(read, "with_facts", fail)

    ran = zoo("train", str(tiny))

    assert ran.code == 0
    assert "it cannot be diagnosed (of nothing). The training goes on" in ran.err


def test_paths_of_the_report_command_are_refused_like_all_others(run: Path, zoo: Zoo) -> None:
    assert zoo("report", "").code == 3
    ran = zoo("report", str(run), "--out", "no/such/x.html")
    assert ran.code == 3
    assert "there is no folder 'no' in" in ran.error
    assert not Path("no").exists()


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 3, "critic": 1.7e308, "generator": -1.7e308}',
        '{"step": 3, "critic.$\\\\frac{$": 1.0, "critic.b": 2.0}',
        '{"step": 3, "critic.\\u001b[31m": 1.0, "critic.b": 2.0}',
        '{"step": 3, "critic": 1' + "0" * 400 + "}",
    ],
)
def test_odd_figures_and_names_are_drawn_or_left_out(run: Path, line: str) -> None:
    with (run / "metrics.jsonl").open("a") as file:
        file.write(line + "\n")
    record = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps(record | {"metric": "$\\frac{$"}))
    (run / "samples" / "step-\u00b2\u00b2.png").write_bytes(b"")

    assert "<svg" in write_report(run).read_text("utf-8")


def test_what_a_link_leads_to_stays_out_of_the_page(run: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("TOPSECRET")
    (run / "recipe.toml").unlink()
    (run / "recipe.toml").symlink_to(secret)

    assert "TOPSECRET" not in write_report(run).read_text("utf-8")


def test_a_diverged_run_has_a_report_that_says_so(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_REPORT", "1")

    ran = zoo("train", str(tiny), "--set", "optimizers.critic.learning_rate=1e30", "--steps", "20")

    assert ran.code == 10
    assert "runs/tiny-1/report.html" in ran.err
    assert "The training diverged" in zoo("diagnose").out
    text = Path("runs/tiny-1/report.html").read_text("utf-8")
    assert "The training diverged" in text
    assert "<p>Seen: at step 1, the loss " in text
    assert "See <em>" not in text, "a plot that is not there, since nothing was logged"


def test_no_report_is_written_where_none_is_wanted(tiny: Path) -> None:
    run = library.train(str(tiny))

    assert not (run / "report.html").exists()


def test_a_report_that_cannot_be_drawn_costs_a_warning_only(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no ink")

    monkeypatch.setenv("ZOO_REPORT", "1")
    monkeypatch.setattr(pages, "plots", fail)

    assert library.train(str(tiny)).is_dir()
    assert "its report cannot be written (no ink)" in capsys.readouterr().err
