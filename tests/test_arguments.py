"""Every public call of Python's, given what it cannot use: one sentence of a ZooError's, never anything else."""

from __future__ import annotations

import inspect
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zoo
from zoo.errors import InputError, ResourceError, ZooError
from zoo.generators.bundled import bundled_generators
from zoo.generators.folder import GeneratorFolder
from zoo.generators.latents import latents
from zoo.system.arguments import decimal_count
from zoo_export.browser.folder import demo
from zoo_export.export import ExportOptions, export, export_checkpoint, export_copy
from zoo_export.runtime.session import OnnxGenerator
from zoo_hub.pull import pull
from zoo_hub.push import PushOptions, dry_run, push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Stubborn:
    """What cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __fspath__(self) -> str:
        raise RuntimeError("no")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")


NAME = "camel-wgangp"
DIM = 100
NO_NUMBERS: list[Any] = [None, "x", "3", b"3", [3], {}, object(), Stubborn(), np.zeros(3), 1j, True]
NO_WHOLE = [*NO_NUMBERS, 2.5, 3.0, float("nan"), float("inf"), np.float32(1)]
NO_TEXT: list[Any] = [5, 2.5, b"x", ["x"], {}, object(), Stubborn(), True, np.zeros(3)]
NO_PATH = [*NO_TEXT, "", " ", "a\0b", "x" * 5000]
NO_FLAG: list[Any] = ["yes", 1, 0.0, [], object(), Stubborn()]
NO_CHOICE: list[Any] = [5, "gpu", b"cpu", ["cpu"], object(), Stubborn(), True, ""]
NO_WORDS: list[Any] = ["training.steps=1", 5, [5], [None], b"x", object(), Stubborn()]
NO_LATENTS: list[Any] = [
    *(None, "x", b"x", 5, object(), Stubborn(), [], [[]], [["x"] * DIM], [[0.0] * DIM, [0.0]], {}, True),
    *([0.0] * DIM, [[0.0] * 16], np.zeros((1, DIM), complex), np.zeros((1, DIM), bool), np.zeros((0, DIM))),
    *(np.zeros((1, 1, DIM)), np.full((1, DIM), np.nan), np.full((1, DIM), np.inf), np.full((1, DIM), 1e300)),
    *(np.zeros((1, DIM), object), np.zeros((1, DIM), "datetime64[s]"), np.zeros((1, DIM + 1))),
]
HUGE = 10**30


def cases(generator: OnnxGenerator, tmp_path: Path) -> Iterator[tuple[str, Callable[..., Any], list[Any]]]:
    """Yield what is called, the call that takes the argument, and what it cannot use."""
    onnx, folder = generator, GeneratorFolder.open(bundled_generators()[NAME])
    yield "sample(n)", onnx.sample, [*NO_WHOLE, 0, -1, HUGE]
    yield "sample(seed)", partial(onnx.sample, 1), [*NO_WHOLE, -1, 2**64, HUGE]
    yield "sample(batch)", lambda x: onnx.sample(1, batch=x), [*NO_WHOLE, 0, -1]
    numbers = [
        number for number in [*NO_NUMBERS, float("nan"), float("inf"), 0, -1, 1e-9] if number is not None
    ]
    yield "sample(truncation)", lambda x: onnx.sample(1, truncation=x), numbers
    yield "batches(n)", lambda x: next(onnx.batches(x)), [*NO_WHOLE, 0, -1]
    yield "interpolate(a)", lambda x: onnx.interpolate(x, 1, 2), [*NO_WHOLE, -1, HUGE]
    yield "interpolate(b)", lambda x: onnx.interpolate(0, x, 2), [*NO_WHOLE, -1, HUGE, 0]
    yield "interpolate(steps)", lambda x: onnx.interpolate(0, 1, x), [*NO_WHOLE, -1, 0, 1, HUGE]
    yield "interpolate(seed)", lambda x: onnx.interpolate(0, 1, 2, x), [*NO_WHOLE, -1]
    yield (
        "walking(stops)",
        lambda x: next(onnx.walking(x, 2)),
        [None, 5, "01", b"01", [], [1], [1, 2.5], [1, "2"], {}],
    )
    yield "walking(loop)", lambda x: next(onnx.walking([0, 1], 4, loop=x)), NO_FLAG
    yield "generate(z)", onnx.generate, NO_LATENTS
    yield (
        "generate(labels)",
        partial(onnx.generate, np.zeros((1, DIM), np.float32)),
        ["x", [1], np.zeros(1, np.int64)],
    )
    yield "using(device)", onnx.using, [*NO_CHOICE, None]
    yield (
        "using(threads)",
        partial(onnx.using, "cpu"),
        [value for value in NO_WHOLE if value is not None] + [0, -1],
    )
    yield "OnnxGenerator(path)", OnnxGenerator, [*NO_PATH, None, str(tmp_path / "none.onnx"), str(tmp_path)]
    yield "from_bytes(model)", lambda x: OnnxGenerator.from_bytes(x, "it"), [None, "x", 5, b"", b"x" * 99]
    yield "latents", lambda x: latents(0, 1, x), NO_WHOLE
    yield "load(name)", zoo.load, [*NO_PATH, None, "no-such-generator"]
    yield "train(recipe)", zoo.train, [*NO_TEXT, None, "", "a\0b", "no-such-recipe"]
    for name, wrong in {
        "steps": [*NO_WHOLE[1:], 0, -1],
        "seed": [*NO_WHOLE[1:], -1],
        "data": NO_PATH,
        "changes": [*NO_WORDS, ["x"], ["=1"]],
        "out": NO_PATH,
        "device": NO_CHOICE,
        "precision": NO_CHOICE,
        "eager": NO_FLAG,
        "on_nan": [*NO_CHOICE, None],
        "minutes": [*NO_NUMBERS[1:2], [3], {}, Stubborn(), True, 0, -1, float("nan"), float("inf")],
    }.items():
        yield f"train({name})", lambda x, name=name: zoo.train("camel-gan", **{name: x}), wrong
        if name not in ("data", "out", "seed"):
            yield f"resume({name})", lambda x, name=name: zoo.resume(tmp_path, **{name: x}), wrong
    yield "resume(run)", zoo.resume, [*NO_PATH, None, str(tmp_path)]
    yield "export(folder)", export, [*NO_PATH, None, str(tmp_path)]
    yield "export(options)", partial(export, folder), [None, "x", 5, {}]
    yield "export_copy(out)", partial(export_copy, folder), [*NO_PATH, None, str(tmp_path)]
    yield "export_checkpoint(run)", lambda x: export_checkpoint(x, "best", None), [*NO_PATH, None]
    yield "ExportOptions(opset)", ExportOptions, NO_WHOLE
    yield "ExportOptions(variants)", lambda x: ExportOptions(variants=x), ["fp16", 5, ["fp64"], [None]]
    yield "demo(names)", lambda x: demo(x, tmp_path / "page"), [*NO_TEXT[:3], None, [5], object()]
    yield "demo(out)", partial(demo, NAME), [*NO_PATH, None]
    yield "push(repo)", lambda x: push(x, folder), [*NO_TEXT, None, ""]
    yield "push(folder)", partial(push, "me/it"), [*NO_PATH, None]
    yield "push(options)", partial(dry_run, "me/it", folder), [None, "x", {}]
    yield "PushOptions(private)", PushOptions, NO_FLAG
    yield "PushOptions(tag)", lambda x: PushOptions(tag=x), NO_TEXT
    yield "pull(repo)", pull, [*NO_TEXT, None, "", "no name", "../x"]
    yield "pull(revision)", partial(pull, "me/it"), [*NO_TEXT, "", ".."]
    yield "pull(to)", lambda x: pull("me/it", to=x), NO_PATH
    yield "pull(extras)", lambda x: pull("me/it", extras=x), [5, "fp16", ["fp64"], [None]]


def wrongs(generator: OnnxGenerator, tmp_path: Path) -> Iterator[str]:
    """Yield each case that does not end as it should, in words."""
    for what, call, values in cases(generator, tmp_path):
        for value in values:
            shown = f"{type(value).__name__} {'' if isinstance(value, Stubborn) else str(value)[:40]!r}"
            try:
                call(value)
            except ZooError as error:
                message = str(error)
                if "\n" in message or ". " not in message or len(message) > 600:
                    yield f"{what} with {shown}: {message!r}"
            except Exception as error:
                yield f"{what} with {shown}: {type(error).__name__}: {error}"
            else:
                yield f"{what} with {shown}: nothing was raised"


def test_every_wrong_argument_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    generator = zoo.load(NAME)
    assert isinstance(generator, OnnxGenerator)
    before = sorted(Path.cwd().rglob("*"))

    found = list(wrongs(generator, tmp_path))

    assert found == []
    assert sorted(Path.cwd().rglob("*")) == before
    assert list(tmp_path.iterdir()) == []


def test_what_is_right_is_taken_in_each_of_its_forms() -> None:
    generator = zoo.load(NAME)
    one = generator.sample(2, seed=3, batch=1, truncation=1)

    same = generator.sample(np.int64(2), seed=np.uint8(3), batch=np.int16(7), truncation=np.float32(1))  # type: ignore[arg-type]
    z = latents(3, 2, generator.latent_dim)

    assert np.array_equal(one, same)
    assert np.array_equal(generator.generate(z.tolist()), generator.generate(z))
    assert np.array_equal(generator.generate(z.astype(np.float64)), generator.generate(z))


def test_more_pictures_than_memory_holds_are_refused_at_once() -> None:
    generator = zoo.load(NAME)

    with pytest.raises(
        ResourceError, match=r": 1,000,000,000,000 pictures take [0-9,]+ bytes of memory, and"
    ):
        generator.sample(10**12)
    with pytest.raises(InputError, match=r"^n: '3' is no whole number\. Give one, like 3$"):
        generator.sample("3")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "count"),
    [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)]
    + [(text, None) for text in ("", "²", "٣", "-1", "+1", " 1", "1_0", "1.0", "abc", "9" * 5000)],
)
def test_a_count_is_written_in_plain_digits(text: str, count: int | None) -> None:
    assert decimal_count(text) == count


@pytest.mark.parametrize("call", [zoo.load, zoo.train, zoo.resume])
def test_a_docstring_names_no_argument_of_another_call(call: Callable[..., Any]) -> None:
    every = {name for one in (zoo.load, zoo.train, zoo.resume) for name in inspect.signature(one).parameters}
    named = set(re.findall(r"`(\w+)`", inspect.getdoc(call) or ""))
    assert named & every <= inspect.signature(call).parameters.keys()
