"""The play page in a real browser makes Python's pictures, from checked bytes.

Set ZOO_ONNXRUNTIME_WEB to the npm package (`npm pack onnxruntime-web@1.30.0`, unpacked) to run these.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from benchmarks.browser.play_page import (
    FRAMES,
    SAMPLES,
    difference,
    distinct_while_playing,
    downloaded,
    frames_of_the_gif,
    move,
    pixels,
    samples,
    served,
    state,
)
from benchmarks.support.chromium import WEBGPU, Chromium
from tests.support.browser.chromium import NEEDED, RUNTIME, text
from tests.support.handmade import build
from zoo.generators.generator import to_uint8
from zoo.generators.latents import latents, walk
from zoo.generators.pictures import grid
from zoo_export.browser.directions import pictures_needed, principal_directions
from zoo_export.browser.onnxruntime_web import CDN, INTEGRITY, read_runtime
from zoo_export.browser.page import make_page
from zoo_export.runtime.session import OnnxGenerator

pytest_plugins = ["tests.support.browser.fixtures"]
pytestmark = NEEDED
NO_GPU = "No available adapters."
"""Chromium's own words."""
FAILURE = "document.getElementById('failure').textContent"


@pytest.mark.parametrize("seed", [7, 2**64 - 1])
@pytest.mark.parametrize("truncation", [None, 0.7])
def test_a_link_shows_python_s_pictures(
    browser: Chromium, files: dict[str, bytes], models: list[str], seed: int, truncation: float | None
) -> None:
    more = "" if truncation is None else f"&truncation={truncation}"
    with served(files) as url:
        assert state(browser, f"{url}#seed={seed}{more}") == "ready"
        for index, model in enumerate(models):
            generator = OnnxGenerator(model)
            expected = generator.sample(SAMPLES, seed=seed, truncation=truncation)
            assert difference(samples(browser, index, generator.image_shape), expected) <= 1
            assert "Python's pixels ± 1 of 255" in text(
                browser, f".generator:nth-of-type({index + 1}) .latency"
            )
        assert set(browser.complaints) <= {NO_GPU}
        assert {
            request for request in browser.requests if not request.startswith((url, f"blob:{url}"))
        } == set()


def test_a_generator_that_takes_labels_is_shown_for_the_first_class(
    browser: Chromium, tmp_path: Path
) -> None:
    model = build()
    graph = model.graph
    graph.input.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]))
    table = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)
    graph.initializer.append(numpy_helper.from_array(table, "table"))
    graph.node.insert(1, helper.make_node("Gather", ["table", "label"], ["of_class"]))
    graph.node.insert(2, helper.make_node("Add", ["x", "of_class"], ["sum"]))
    graph.node[3].input[0] = "sum"
    (tmp_path / "labels.onnx").write_bytes(model.SerializeToString())
    generator = OnnxGenerator(tmp_path / "labels.onnx")
    with served(make_page([generator.name], Path(str(RUNTIME)))) as url:
        assert state(browser, f"{url}#seed=7") == "ready"
        assert difference(samples(browser, 0, generator.image_shape), generator.sample(SAMPLES, seed=7)) <= 1


def test_a_gpu_makes_the_same_pictures(files: dict[str, bytes], models: list[str]) -> None:
    with Chromium(*WEBGPU) as browser, served(files) as url:
        assert state(browser, f"{url}?on=webgpu#seed=7") == "ready"
        assert "WebGPU" in text(browser, ".latency")
        for index, model in enumerate(models):
            generator = OnnxGenerator(model)
            found = samples(browser, index, generator.image_shape)
            assert difference(found, generator.sample(SAMPLES, seed=7)) <= 1


def test_a_slider_moves_the_pictures_along_its_direction(
    browser: Chromium, files: dict[str, bytes], models: list[str]
) -> None:
    generator = OnnxGenerator(models[0])
    with served(files) as url:
        state(browser, f"{url}#seed=3")
        move(browser, "d2", -1.5)
        found = samples(browser, 0, generator.image_shape)
        assert browser.evaluate("location.hash") == "#seed=3&d2=-1.5"
        assert state(browser, f"{url}#seed=3&d2=-1.5") == "ready"
        again = samples(browser, 0, generator.image_shape)
    vectors = principal_directions(generator, pictures_needed(generator.latent_dim, 24, 784)).vectors
    z = latents(3, SAMPLES, generator.latent_dim) + np.float32(-1.5) * vectors[1]

    assert difference(found, to_uint8(generator.generate(z))) <= 1
    assert np.array_equal(found, again), "the link holds the sliders too"
    assert difference(found, generator.sample(SAMPLES, seed=3)) > 1


def test_the_walk_plays_and_is_saved(browser: Chromium, models: list[str], tmp_path: Path) -> None:
    generator = OnnxGenerator(models[0])
    with served(make_page(models[:1], Path(str(RUNTIME)))) as url:
        state(browser, f"{url}#seed=1&to=2&picture=3")
        assert distinct_while_playing(browser, 1.5) >= 3
        assert text(browser, "#play") == "Play"
        still = pixels(browser, ".large", generator.image_shape)
        frames = frames_of_the_gif(browser, tmp_path)
    first, last = (latents(seed, 1, generator.latent_dim, start=3)[0] for seed in (1, 2))
    scale = frames[0].shape[0] // generator.image_shape[1]

    assert difference(still, generator.sample(4, seed=1)[3:]) <= 1
    assert len(frames) == FRAMES
    found = np.stack(frames)[:, ::scale, ::scale, 0]
    assert difference(found, to_uint8(generator.generate(walk(first, last, FRAMES)))) <= 1


@pytest.mark.parametrize(("button", "columns"), [("save-picture", 1), ("save-all", 4)])
def test_pictures_are_saved_enlarged_by_whole_pixels(
    browser: Chromium, models: list[str], tmp_path: Path, button: str, columns: int
) -> None:
    with served(make_page(models[:1], Path(str(RUNTIME)))) as url:
        state(browser, f"{url}#seed=4&picture=2")
        path = downloaded(browser, button, tmp_path)
    expected = OnnxGenerator(models[0]).sample(SAMPLES, seed=4)
    with Image.open(path) as image:
        found = np.asarray(image.convert("L"))
    if button == "save-picture":
        assert path.name == "hand-4-2.png"
        scale = found.shape[0] // 2
        assert difference(found[None, ::scale, ::scale], expected[2:3]) <= 1
    else:
        assert path.name == "hand-4.png"
        small = Image.fromarray(found).resize(
            grid(expected, columns=columns, scale=1).size, Image.Resampling.NEAREST
        )
        assert difference(np.asarray(small), np.asarray(grid(expected, columns=columns, scale=1))) <= 1


@pytest.mark.parametrize(
    "name", ["runtime/ort.wasm.bundle.min.mjs", "runtime/ort-wasm-simd-threaded.wasm", "models/hand.onnx"]
)
def test_bytes_that_were_changed_on_the_way_are_not_used(
    browser: Chromium, files: dict[str, bytes], name: str
) -> None:
    changed = {**files, name: files[name][:-1] + bytes([files[name][-1] ^ 1])}
    with served(changed) as url:
        assert state(browser, url) == "failed"
        assert browser.evaluate(FAILURE) == (
            f"{name}: it did not arrive, or is not the file that this page was made with."
        )
        assert browser.evaluate("document.getElementById('controls').disabled") is True


def test_a_file_that_is_missing_is_named(browser: Chromium, files: dict[str, bytes]) -> None:
    with served({name: data for name, data in files.items() if name != "models/hand.onnx"}) as url:
        assert state(browser, url) == "failed"
        assert "models/hand.onnx" in browser.evaluate(FAILURE)


def test_from_the_public_network_the_same_bytes_are_asked_for_and_checked(models: list[str]) -> None:
    runtime = {CDN + name: data for name, data in read_runtime(Path(str(RUNTIME))).items()}
    assert {name.removeprefix(CDN) for name in runtime} == set(INTEGRITY)
    with Chromium() as browser, served(make_page(models[:1])) as url:
        browser.stand_in(runtime)
        assert state(browser, f"{url}#seed=7") == "ready"
        asked = {request for request in browser.requests if not request.startswith((url, f"blob:{url}"))}
        assert asked == {f"{CDN}ort.wasm.bundle.min.mjs", f"{CDN}ort-wasm-simd-threaded.wasm"}
        browser.stand_in({address: data + b" " for address, data in runtime.items()})
        assert state(browser, f"{url}#seed=7") == "failed"
