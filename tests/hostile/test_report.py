"""A run folder from a stranger gives a report or one line: never a script, never a hang, never a huge page."""

from __future__ import annotations

import io
import json
import os
import struct
import time
import zlib
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.reports.test_symptoms import probe
from tests.support.run_folders import bare_record
from zoo.reports.animations import animations
from zoo.reports.page import write_report
from zoo.reports.pictures import picture_url
from zoo.reports.read import read_history

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

MARKUP = (
    "\"'></title></pre></svg><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}{% raw %}<!--"
)
STEPS = 6
LOG = "".join(
    json.dumps({"step": step, "critic": 1.0 / step, "generator": 2.0, "swd": 9.0}) + "\n"
    for step in range(1, STEPS + 1)
)
Fields = dict[str, Any]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with a record, a log, a grid, a walk and a probe."""
    folder = tmp_path / "run"
    for part in ("samples", "probes"):
        (folder / part).mkdir(parents=True)
    record = json.loads(bare_record("2026-11-27T08:00:00+00:00"))
    (folder / "run.json").write_text(json.dumps(record | {"step": STEPS, "steps": STEPS, "metric": "swd"}))
    (folder / "metrics.jsonl").write_text(LOG)
    (folder / "samples" / "step-000001.png").write_bytes(png(20, 20))
    (folder / "probes" / "walk.png").write_bytes(png(8, 36))
    (folder / "probes" / "neighbours.png").write_bytes(png(20, 12))
    (folder / "probes" / "step-000002.json").write_text(probe(2).model_dump_json())
    return folder


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and attributes that could run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.dangers: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.dangers += [
            f"{tag} {name}={value}"
            for name, value in attributes
            if name.startswith("on")
            or (name in ("src", "href", "xlink:href") and not (value or "").startswith(("data:image/", "#")))
        ]


def is_safe(path: Path) -> str:
    """Hold a page to what is ours, and return its text."""
    text = path.read_text("utf-8")
    page = Page(text)
    assert page.tags.count("script") == page.tags.count("title") == page.tags.count("body") == 1
    assert page.dangers == []
    assert len(text) < 3_000_000
    return text


def rewrite(run: Path, **fields: object) -> None:
    record = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps(record | fields))


def everywhere(text: str) -> Fields:
    """Return every field of a record that holds text, with this one."""
    return {
        "recipe": text, "started": text, "command": [text, text], "device": text, "hardware": text,
        "instruction_set": text, "precision": text, "versions": {text: text}, "protocol": text,
        "data": {"name": text, "source": text, "licence": text, "images": 3, "fingerprint": text, "stand_in": text},
        "divergence": {"step": 3, "cause": text},
        "rollbacks": [{"step": 3, "cause": text, "back_to": 2, "learning_rates": {text: 1.0}}],
        "changes": [{"step": 2, "fields": {text: [text, text]}}],
    }  # fmt: skip


def test_markup_is_text_wherever_it_stands(run: Path, zoo: Zoo) -> None:
    name = MARKUP.replace("/", "|")[:75]
    rewrite(run, **everywhere(MARKUP), metric=name)
    line = {"step": 3, name: 5.0, f"critic.{name[:60]}": 1.0, "critic.other": 2.0, "critic": 1.0}
    (run / "metrics.jsonl").write_text("".join(json.dumps(line | {"step": at}) + "\n" for at in range(1, 6)))
    (run / "recipe.toml").write_text(MARKUP)
    (run / "samples" / f"step-1{name[:20]}.png").write_bytes(png(8, 8))
    strange = run.rename(run.with_name(name[:60]))

    ran = zoo("report", strange)

    assert ran.code == 0
    text = is_safe(strange / "report.html")
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 8
    assert "{{ 7 * 7 }}" in text
    assert "The training diverged" in text


def test_long_texts_neither_fill_the_page_nor_hold_it_up(run: Path) -> None:
    rewrite(run, **everywhere("x" * 40_000))
    (run / "recipe.toml").write_text("y" * 10_000_000)

    began = time.process_time()
    text = is_safe(write_report(run))

    assert len(text) < 500_000
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": 1e308, "seed": 10**39, "best": {"step": 3, "value": 1e308}},
        {"step": 10**15, "steps": 10**30},
        {"data": {"name": "", "source": "", "licence": "", "images": 10**30, "fingerprint": ""}},
    ],
)
def test_numbers_may_be_huge(run: Path, fields: Fields) -> None:
    rewrite(run, **fields)

    is_safe(write_report(run))


@pytest.mark.parametrize(
    "log",
    [
        b"", b'{"step": 1, "critic": NaN, "swd": Infinity}\n',
        b'{"step": 1, "critic": 1e38, "swd": -1e38}\n{"step": 2, "critic": -1e38, "swd": 1e38}\n',
        b'{"step": 9007199254740991, "critic": 1e-300, "swd": 0.0}\n',
        b'{"step": 1, "critic.gradient-norm": 0, "generator.gradient-norm": -1}\n',
    ],
    ids=["empty", "no numbers", "huge", "last step", "norms"],
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_a_log_may_hold_anything(run: Path, log: bytes) -> None:
    (run / "metrics.jsonl").write_bytes(log)

    is_safe(write_report(run))


def test_a_log_that_never_ends_is_read_in_part(run: Path) -> None:
    with (run / "metrics.jsonl").open("ab") as file:
        file.truncate(1 << 40)  # bytes, of which the disk holds a few

    began = time.process_time()
    history = read_history(run)

    assert len(history.curve("critic")) == STEPS
    assert time.process_time() - began < 10


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int, extra: bytes = b"") -> bytes:
    """Return a grey PNG of this size whose pixels are zeros, as many as fit into a megabyte of its file."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min(width * height, 100_000_000)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


BOMBS: dict[str, Callable[[], bytes]] = {
    "pixels": lambda: bomb(60_000, 60_000),
    "one row": lambda: bomb(2**31 - 1, 1),
    "text": lambda: bomb(20, 20, chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(90_000_000)))),
    "profile": lambda: bomb(20, 20, chunk(b"iCCP", b"a\x00\x00" + zlib.compress(bytes(90_000_000)))),
    "cut off": lambda: png(20, 20)[:50],
    "no size": lambda: bomb(0, 0),
    "a GIF": lambda: b"GIF89a" + bytes(100),
    "a page": lambda: MARKUP.encode(),
    "large": lambda: png(20, 20) + bytes(5 << 20),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_pictures_that_are_none_are_left_out(run: Path, kind: str) -> None:
    data = BOMBS[kind]()
    for name in ("samples/step-000003.png", "probes/walk.png", "probes/neighbours.png"):
        (run / name).write_bytes(data)

    began = time.process_time()
    moving = animations(run)
    shown = picture_url(run / "probes" / "neighbours.png")

    assert [animation.title for animation in moving] == ["The same latents over time"]
    assert len(moving[0].frames) == 1
    assert shown is None
    assert time.process_time() - began < 3


@pytest.mark.parametrize("size", [(1, 18), (4000, 18), (18, 1), (20, 17), (1, 3600)])
def test_a_walk_of_an_odd_shape_is_shown_or_left_out(run: Path, size: tuple[int, int]) -> None:
    (run / "probes" / "walk.png").write_bytes(png(*size))

    assert len(animations(run)) == 1 + (size[1] % 18 == 0)


def test_noise_of_every_kind_of_picture_stays_small(run: Path) -> None:
    random = np.random.default_rng(0)
    for step in range(8):
        noise = Image.fromarray(random.integers(0, 256, (600, 600, 3), np.uint8))
        noise.save(run / "samples" / f"step-{step:06d}.png", compress_level=0)
    Image.fromarray(random.integers(0, 256, (900, 1200, 3), np.uint8)).save(run / "probes" / "walk.png")
    Image.fromarray(random.integers(0, 256, (300, 1200, 3), np.uint8)).save(run / "probes" / "neighbours.png")

    is_safe(write_report(run))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "[" * 5000, '{"step": 2}', "{}" * 9])
def test_probes_that_are_none_are_left_out(run: Path, content: str) -> None:
    (run / "probes" / "step-000002.json").write_text(content)

    assert read_history(run).probes == ()


def test_probes_of_extreme_numbers_are_drawn(run: Path) -> None:
    seen = probe(2).model_dump()
    extreme = {"mean": 1e38, "std": 1e38, "low": -1e38, "high": 1e38, "counts": [2**53 - 1] * 1000}
    for name in ("training_scores", "held_out_scores", "generated_scores", "slopes", "weights"):
        seen[name] = extreme
    seen |= {"generated_spread": 1e38, "training_spread": 0.0, "training_neighbour": 1e38, "neighbours": []}
    (run / "probes" / "step-000003.json").write_text(json.dumps(seen | {"step": 3}))

    assert "<h3>Scores</h3>" in is_safe(write_report(run))


def test_links_out_of_the_folder_are_not_followed(run: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(16, 18))
    for name in (
        "samples/step-000001.png",
        "probes/walk.png",
        "probes/neighbours.png",
        "probes/step-000002.json",
    ):
        (run / name).unlink()
        (run / name).symlink_to(secret)
    (run / "samples" / "step-000002.png").symlink_to("/dev/zero")
    if hasattr(os, "mkfifo"):
        os.mkfifo(run / "samples" / "step-000003.png")

    text = is_safe(write_report(run))

    assert "<img" not in text


@pytest.mark.parametrize("record", ["", "{", "[]", MARKUP, "[" * 100_000, json.dumps({"recipe": MARKUP})])
def test_a_record_that_is_none_is_refused_in_one_line(run: Path, zoo: Zoo, record: str) -> None:
    (run / "run.json").write_text(record)

    ran = zoo("report", run)

    assert (ran.code, ran.err.count("\n")) == (3, 1)
    assert not (run / "report.html").exists()
