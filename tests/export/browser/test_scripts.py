"""The page's scripts, run by node: the numbers in a browser are Python's, to the last bit."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from zoo.generators.latents import latents, walk
from zoo_export.browser.page import STATIC

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Node = Callable[..., Any]

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Return a function that runs a script beside the page's, with `given` from JSON, and returns what it gives."""
    shutil.copytree(STATIC, tmp_path / "static")
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def run(script: str, given: Any = None) -> Any:
        (tmp_path / "given.json").write_text(json.dumps(given))
        (tmp_path / "test.js").write_text(
            'import fs from "node:fs";\n'
            f'import * as latents from "./static/js/latents.js";\nimport * as link from "./static/js/link.js";\n'
            f'import * as files from "./static/js/files.js";\n'
            'const given = JSON.parse(fs.readFileSync("given.json"));\n'
            f'const keep = (bytes) => fs.writeFileSync("bytes", bytes);\n'
            f"const give = (found) => fs.writeFileSync('found.json', JSON.stringify(found ?? null));\n{script}\n"
        )
        done = subprocess.run(
            [str(NODE), "test.js"], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")
        bytes_ = tmp_path / "bytes"
        return bytes_.read_bytes() if bytes_.exists() else json.loads((tmp_path / "found.json").read_text())

    return run


def in_javascript(node: Node, cases: list[tuple[int, int, int, float | None]]) -> NDArray[np.float32]:
    given = [[str(seed), str(picture), dim, truncation] for seed, picture, dim, truncation in cases]
    code = """keep(Buffer.concat(given.map(([seed, picture, dim, truncation]) =>
      Buffer.from(latents.latents(BigInt(seed), BigInt(picture), dim, truncation).buffer))));"""
    return np.frombuffer(node(code, given), "<f4")


def in_python(cases: list[tuple[int, int, int, float | None]]) -> NDArray[np.float32]:
    return np.concatenate(
        [
            latents(seed, 1, dim, start=picture, truncation=truncation)[0]
            for seed, picture, dim, truncation in cases
        ]
    )


def test_the_latents_are_python_s_to_the_last_bit(node: Node) -> None:
    random = np.random.default_rng(0)
    edges: list[tuple[int, int, int, float | None]] = [
        (seed, picture, dim, truncation)
        for seed in (0, 1, 2**32, 2**53 + 1, 2**63, 2**64 - 1)
        for picture in (0, 1, 2**32 + 1, 2**53 + 1, 2**63 - 1)
        for dim, truncation in ((1, None), (2, None), (101, None), (100, 0.5), (3, 0.02))
    ]
    drawn: list[tuple[int, int, int, float | None]] = [
        (int(random.integers(2**64, dtype=np.uint64)), int(random.integers(1000)), 100, None)
        for _ in range(1500)
    ]
    for cases in (edges, drawn):
        found, expected = in_javascript(node, cases), in_python(cases)
        assert found.dtype == expected.dtype
        assert np.array_equal(found.view(np.uint32), expected.view(np.uint32))


def test_a_walk_is_python_s(node: Node) -> None:
    first, last = latents(3, 2, 100)
    ends = [(first, last), (first, 2 * first), (first, -first), (0 * first, last)]
    given = [[start.tolist(), end.tolist()] for start, end in ends]
    code = """keep(Buffer.concat(given.flatMap(([start, end]) => latents.walk(
      Float32Array.from(start), Float32Array.from(end), 9)).map((z) => Buffer.from(z.buffer))));"""
    found = np.frombuffer(node(code, given), "<f4").reshape(len(ends), 9, 100)

    for path, (start, end) in zip(found, ends, strict=True):
        # Sums of a hundred products in another order: the last bit may differ.
        np.testing.assert_allclose(path, walk(start, end, 9), rtol=1e-6, atol=1e-7)
        assert np.array_equal(path[[0, -1]], [start, end])


USUAL = "{seed: 0n, to: 1n, picture: 0, truncation: null, offsets: [0, 0, 0]}"
PARSE = f"""const found = link.parse(given, {USUAL}, 12);
give({{...found, seed: String(found.seed), to: String(found.to), again: link.format(found, {USUAL})}});"""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", {}),
        ("#seed=7", {"seed": "7"}),
        ("#seed=18446744073709551615&picture=11", {"seed": str(2**64 - 1), "picture": 11}),
        ("#seed=18446744073709551616&picture=12", {}),
        ("#seed=-1&picture=-1&to=1e3", {}),
        ("#seed=<script>&truncation=none&d1=NaN", {}),
        ("#seed=0007&to=8", {"seed": "7", "to": "8"}),
        ("#truncation=0.7&d2=-1.5&d9=3", {"truncation": 0.7, "offsets": [0, -1.5, 0]}),
        ("#truncation=0.01&d1=4.1&d2=Infinity", {}),
        ("#seed=&seed=5", {}),
    ],
)
def test_an_address_is_read_and_what_is_wrong_in_it_is_left_out(
    node: Node, address: str, expected: dict[str, Any]
) -> None:
    found = node(PARSE, address)
    again = found.pop("again")

    assert found == {
        "seed": "0",
        "to": "1",
        "picture": 0,
        "truncation": None,
        "offsets": [0, 0, 0],
        **expected,
    }
    assert again.startswith(f"#seed={found['seed']}")
    assert node(PARSE, again) == {**found, "again": again}


@pytest.mark.parametrize("grey", [True, False])
def test_a_gif_holds_the_frames(node: Node, grey: bool) -> None:
    random = np.random.default_rng(1)
    frames = random.integers(256, size=(3, 4, 5, 4), dtype=np.uint8)
    frames[..., 3] = 255
    if grey:
        frames[..., 1] = frames[..., 2] = frames[..., 0]
    given = [frame.flatten().tolist() for frame in frames]
    data = node(
        "keep(files.encodeGif(given.map((data) => ({data: Uint8ClampedArray.from(data), width: 5, height: 4}))));",
        given,
    )

    with Image.open(io.BytesIO(data)) as gif:
        assert (gif.info["loop"], gif.info["duration"]) == (0, 50)
        found = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)]
    assert len(found) == 3
    if grey:
        assert np.array_equal(found, frames[..., :3])
    else:  # the quantiser keeps 5 bits of red and blue and 6 of green
        assert np.abs(np.stack(found).astype(int) - frames[..., :3]).max() <= 8


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize(
    ("base", "advice"),
    [
        (
            "https://cdn.example/ort/",
            " Is there a way to cdn.example? A page made with zoo demo --runtime FOLDER needs none: it brings the file "
            "along.",
        ),
        ("runtime/", ""),
    ],
)
def test_without_a_connection_the_page_says_what_needs_none(node: Node, base: str, advice: str) -> None:
    files = {
        "module": {"file": "ort.mjs", "integrity": "x"},
        "binary": {"file": "ort.wasm", "integrity": "x"},
    }
    script = """globalThis.document = { baseURI: "http://127.0.0.1:8000/" };
    globalThis.fetch = async () => { throw new TypeError("Failed to fetch"); };
    const { openRuntime } = await import("./static/js/runtime.js");
    await openRuntime(given, "wasm").catch((error) => give(error.message));"""

    assert node(script, {"base": base, "wasm": files}) == (
        f"{base}ort.mjs: it did not arrive, or is not the file that this page was made with.{advice}"
    )


def test_every_script_parses(tmp_path: Path) -> None:
    for script in sorted((tmp_path / "static").rglob("*.js")):
        subprocess.run([str(NODE), "--check", script], check=True, capture_output=True, timeout=60)
