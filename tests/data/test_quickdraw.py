"""Quick, Draw!: categories, the cache, the bundled sample that stands in, and every way the host can fail."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo.system.download
from tests.support.loopback import FileServer, closed_port, serve
from zoo.errors import InputError, NetworkError
from zoo.plugins.registry import validated
from zoo.system.download import Unreachable
from zoo_plugins.datasets.quickdraw import HERE, QuickDraw, categories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DRAWINGS = (np.arange(7 * 784) % 256).astype(np.uint8).reshape(7, 784)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    buffer = io.BytesIO()
    np.save(buffer, DRAWINGS)
    with serve(buffer.getvalue()) as server:
        monkeypatch.setenv("ZOO_QUICKDRAW_URL", f"{server.url}/bitmaps/")
        monkeypatch.setattr(zoo.system.download, "PAUSES", ())
        yield server


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a host at which nobody answers, and make it the data set's."""
    host = f"127.0.0.1:{closed_port()}"
    monkeypatch.setenv("ZOO_QUICKDRAW_URL", f"http://{host}")
    return host


def test_there_are_345_categories_in_the_order_of_the_list() -> None:
    assert len(categories()) == len(set(categories())) == 345
    assert categories()[0] == "aircraft carrier"
    assert categories()[-1] == "zigzag"
    assert {"camel", "t-shirt", "teddy-bear", "The Eiffel Tower", "see saw"} < set(categories())


def test_a_category_comes_from_the_host_once(host: FileServer) -> None:
    for _ in range(2):
        images = QuickDraw(category="cat").images()
        assert np.array_equal(images.pixels[:], DRAWINGS.reshape(7, 1, 28, 28))
    assert len(host.asked) == 1
    assert images.source == f"{host.url}/bitmaps/cat.npy"
    assert (images.licence, images.stand_in) == ("cc-by-4.0", None)


@pytest.mark.usefixtures("host")
def test_limit_takes_the_first() -> None:
    assert np.array_equal(QuickDraw(limit=2).images().pixels[:, 0], DRAWINGS[:2].reshape(2, 28, 28))
    assert len(QuickDraw(limit=None).images()) == 7


def test_names_with_spaces_are_quoted(host: FileServer) -> None:
    assert (
        QuickDraw(category="The Eiffel Tower").images().source
        == f"{host.url}/bitmaps/The%20Eiffel%20Tower.npy"
    )


@pytest.mark.usefixtures("nobody")
def test_a_local_file_needs_no_network(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", DRAWINGS)
    images = QuickDraw(path=str(tmp_path / "mine.npy")).images()
    assert (len(images), images.source, images.stand_in) == (7, "mine.npy", None)


def test_the_sample_stands_in_for_a_host_out_of_reach(nobody: str) -> None:
    images = QuickDraw().images()
    assert images.stand_in is not None
    assert images.stand_in.reason == (
        f"{nobody} cannot be reached (Connection refused), so the 100 bundled camel drawings are used"
    )
    assert (images.shape, len(images), images.source) == ((1, 28, 28), 100, "bundled sample")
    again = QuickDraw.model_validate(dict(images.stand_in.fields)).images()
    assert again.fingerprint == images.fingerprint


@pytest.mark.usefixtures("nobody")
def test_the_sample_is_drawings_on_black() -> None:
    pixels = QuickDraw(bundled=True).images().pixels[:]
    assert (pixels.reshape(100, -1).max(axis=1) > 200).all()
    assert (pixels == 0).mean() > 0.5
    assert len(np.unique(pixels.reshape(100, -1), axis=0)) == 100
    assert (HERE / "camel-100.npy").stat().st_size < 100_000


def test_without_a_sample_the_error_says_what_to_do(nobody: str) -> None:
    with pytest.raises(NetworkError) as caught:
        QuickDraw(category="cat").images()
    assert str(caught.value) == (
        f"{nobody} cannot be reached (Connection refused), and no sample of 'cat' is bundled. "
        "Give a downloaded file with --data PATH, or choose the category 'camel'"
    )
    with pytest.raises(InputError) as wrong:
        QuickDraw(category="cat", bundled=True).images()
    assert str(wrong.value) == "cat: no sample of it is bundled. Leave `bundled` out, or give --data PATH"


def test_a_refusal_is_no_reason_for_a_stand_in(host: FileServer) -> None:
    host.status = 404
    with pytest.raises(NetworkError) as caught:
        QuickDraw().images()
    assert not isinstance(caught.value, Unreachable)
    assert str(caught.value) == f"{host.url}/bitmaps/camel.npy: the host answered 404 Not Found. Try later"


def test_an_answer_that_is_no_file_of_drawings_does_not_stay(host: FileServer) -> None:
    good, host.data = host.data, b"<html>Please log in</html>"
    with pytest.raises(NetworkError) as caught:
        QuickDraw().images()
    assert str(caught.value) == (
        f"{host.url}/bitmaps/camel.npy: what came is no file of drawings. "
        "Try again, or give a good one with --data PATH"
    )
    host.data = good
    assert len(QuickDraw().images()) == 7


@pytest.mark.parametrize(
    ("category", "near"), [("camle", "camel"), ("Camel", "camel"), ("teddy bear", "teddy-bear")]
)
def test_an_unknown_category_is_refused_with_the_near_one(category: str, near: str) -> None:
    with pytest.raises(InputError) as caught:
        validated(QuickDraw, {"category": category}, "mine.toml [data]", "quickdraw")
    assert str(caught.value) == (
        f"mine.toml [data]: quickdraw.category: {category!r} is no category of Quick, Draw! "
        f"(Did you mean {near!r}?). Change it"
    )


def test_a_category_like_no_other_is_refused_with_a_few_of_the_many() -> None:
    with pytest.raises(InputError) as caught:
        validated(QuickDraw, {"category": "xyzxyz"}, "mine.toml [data]", "quickdraw")
    assert str(caught.value) == (
        "mine.toml [data]: quickdraw.category: 'xyzxyz' is no category of Quick, Draw! "
        "(There are 345, for example aircraft carrier, airplane, alarm clock). Change it"
    )
