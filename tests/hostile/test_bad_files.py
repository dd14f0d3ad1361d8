"""Files that are bad are refused as such, one at a time, and never called a fault of the zoo."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.hub.folder import make_folder
from tests.support.run_folders import bare_record
from zoo.errors import InputError, IntegrityError, NewerFormatError
from zoo.generators.folder import GeneratorFolder
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import MANIFEST, TENSORS, VALUES, checkpoint_path, checkpoints
from zoo.runs.record import RunRecord, read_record
from zoo.runs.resume import reopen
from zoo.system.strict_json import COMMAS_LIMIT, parse_json
from zoo_export.inspection.limits import CheckedModel
from zoo_hub.repository.publishable import check_publishable
from zoo_hub.server.hub import LocalHub
from zoo_hub.server.messages import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

NO_JSON = {
    "nested": b"[" * 100_000,
    "nested a little less": b'{"a":' * 500 + b"1" + b"}" * 500,
    "nested in a field": json.dumps({"recipe": json.loads("[" * 200 + "]" * 200)}).encode(),
    "cut": b'{"recipe": "tiny"',
    "empty": b"",
    "no object": b"[1]",
    "a key twice": b'{"recipe": "a", "recipe": "b"}',
    "no number": b'{"seconds": NaN}',
    "endless": b'{"seconds": 1e999}',
    "many digits": b'{"step": ' + b"9" * 5000 + b"}",
    "no UTF-8": b'{"recipe": "\xff"}',
    "a mark before it": b"\xef\xbb\xbf{}",
    "half a character": b'{"recipe": "\\ud800"}',
    "a null byte": b"{}\0",
}
WRONG: tuple[Any, ...] = (None, True, 7, -1, 2.5, 10**30, "x", "nan", [], [1], {}, {"a": 1}, [[]])


def reseal(checkpoint: Path) -> None:
    """Make the manifest right for files that were changed."""
    hashes = {
        name: hashlib.sha256((checkpoint / name).read_bytes()).hexdigest() for name in (TENSORS, VALUES)
    }
    (checkpoint / MANIFEST).write_text(json.dumps({"format": 1, **hashes}))


@pytest.mark.parametrize("case", NO_JSON)
def test_one_bad_run_hides_no_other(zoo: Zoo, case: str) -> None:
    from pathlib import Path

    for name, text in (("good", bare_record("2026-01-01").encode()), ("odd", NO_JSON[case])):
        (Path("runs") / name).mkdir(parents=True)
        (Path("runs") / name / "run.json").write_bytes(text)
    listed = zoo("runs")
    assert (listed.code, listed.out.count("\n"), listed.err.count("\n")) == (0, 2, 1)
    assert "runs/odd/run.json: " in listed.err
    assert zoo("resume").err.count("runs/odd/run.json: ") == 1
    assert zoo("resume", "runs/odd").code == 3
    assert zoo("export", "runs/odd", "--onnx", "--checkpoint", "last").code == 3


def test_a_wrong_type_in_any_field_is_told(tmp_path: Path) -> None:
    good = json.loads(bare_record("2026-01-01"))
    best, rollback = (
        {"step": 1, "value": 1.0},
        {"step": 1, "cause": "c", "back_to": 0, "learning_rates": {"critic": 0.1}},
    )
    whole = {**good, "best": best, "rollbacks": [rollback], "changes": [{"step": 1, "fields": {"a": [1, 2]}}]}
    (tmp_path / "run.json").write_text(json.dumps(whole))
    assert read_record(tmp_path).as_dict() == whole
    refused = 0
    for field in RunRecord.model_fields:
        for value in WRONG:
            (tmp_path / "run.json").write_text(json.dumps({**whole, field: value}))
            with suppress(InputError):
                read_record(tmp_path)
                continue
            refused += 1
    assert refused > 8 * len(RunRecord.model_fields)


@pytest.mark.parametrize("case", NO_JSON)
def test_a_bad_manifest_or_state_is_a_damaged_checkpoint(trained: Path, tmp_path: Path, case: str) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    newest = checkpoints(run)[-1]
    for name in (VALUES, MANIFEST):
        (newest / name).write_bytes(NO_JSON[case])
        if name == VALUES:
            reseal(newest)
        with pytest.raises(IntegrityError, match=f"^{newest}: "):
            load_checkpoint(newest)
    assert reopen(run).step == 2


def test_a_state_without_any_one_of_its_keys_is_refused_or_whole(trained: Path, tmp_path: Path) -> None:
    run = reopen(shutil.copytree(trained, tmp_path / "run"))
    newest = checkpoints(run.path)[-1]
    text = (newest / VALUES).read_text("utf-8")
    refused = set()
    for place in list(_keys(json.loads(text)["state"])):
        values = json.loads(text)
        entries = _entries(values["state"], place[:-1])
        entries[:] = [entry for entry in entries if entry[0] != place[-1]]
        (newest / VALUES).write_text(json.dumps(values))
        reseal(newest)
        try:
            run.load(load_checkpoint(newest, run.check))
        except IntegrityError:
            refused.add(place)
    assert {("recipe",), ("trainer",), ("log",), ("log", "pending"), ("seconds",), ("best",)} <= refused


def _entries(node: Any, way: Sequence[str]) -> Any:
    """Return the pairs of key and node of a dictionary in a state."""
    for key in way:
        node = dict(node["dict"])[key]
    return node["dict"]


def _keys(node: Any) -> Iterator[tuple[str, ...]]:
    for key, inner in node.get("dict", ()):
        yield (key,)
        yield from ((key, *rest) for rest in _keys(inner))


def test_what_is_no_regular_file_is_a_damaged_checkpoint(trained: Path, tmp_path: Path) -> None:
    import os

    for number, name in enumerate((MANIFEST, VALUES, TENSORS)):
        run = shutil.copytree(trained, tmp_path / str(number))
        (checkpoints(run)[-1] / name).unlink()
        os.mkfifo(checkpoints(run)[-1] / name)
        assert reopen(run).step == 2


def without(tensors: dict[str, Any], name: str) -> None:
    del tensors[name]


def reshaped(tensors: dict[str, Any], name: str) -> None:
    tensors[name] = tensors[name][None].clone()


def retyped(tensors: dict[str, Any], name: str) -> None:
    tensors[name] = tensors[name].to(torch.float64 if tensors[name].is_floating_point() else torch.int32)


def more(tensors: dict[str, Any], name: str) -> None:
    tensors[f"{name}x"] = tensors[name].clone()


@pytest.mark.parametrize("change", [without, reshaped, retyped, more])
@pytest.mark.parametrize(
    "name",
    [
        "/trainer/generator/dense.0.weight",
        "/trainer/ema/dense.1.running_mean",
        "/trainer/critic_optimizer/state/0/exp_avg",
        "/trainer/generator_optimizer/state/1/step",
        "/trainer/random/torch",
        "/trainer/random/numpy/0",
    ],
)
def test_a_resealed_checkpoint_that_does_not_fit_is_passed_over(
    trained: Path, tmp_path: Path, zoo: Zoo, name: str, change: Callable[[dict[str, Any], str], None]
) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    newest = checkpoints(run)[-1]
    tensors = load_file(newest / TENSORS)
    change(tensors, name)
    save_file(tensors, newest / TENSORS)
    reseal(newest)
    ran = zoo("resume", run, "--steps", "5")
    assert ran.code == 0, ran.err
    assert ran.warnings[0].startswith(f"{newest}: ")
    assert read_record(run).step == 5
    assert [int(path.name[5:]) for path in checkpoints(run)] == [2, 4, 5]
    load_checkpoint(checkpoint_path(run, 4))


def test_where_no_checkpoint_fits_it_is_said_with_the_right_code(
    trained: Path, tmp_path: Path, zoo: Zoo
) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    for path in checkpoints(run):
        tensors = load_file(path / TENSORS)
        retyped(tensors, "/trainer/ema/dense.0.weight")
        save_file(tensors, path / TENSORS)
        reseal(path)
    for command in (["resume", run, "--steps", "5"], ["export", run, "--onnx", "--checkpoint", "best"]):
        ran = zoo(*command)
        assert ran.code == 4, ran.err
    assert "ema dense.0.weight is float64" in ran.err


def test_random_numbers_that_no_generator_takes(trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    newest = checkpoints(run)[-1]
    tensors = load_file(newest / TENSORS)
    tensors["/trainer/random/python/1"][-1] = 10**6
    save_file(tensors, newest / TENSORS)
    reseal(newest)
    before = torch.get_rng_state()
    assert reopen(run).step == 2
    assert not torch.equal(before, torch.zeros_like(before))


def test_formats_of_the_future(trained: Path, tmp_path: Path, zoo: Zoo) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    folder = make_folder(tmp_path / "generator")
    said = "its format is 99, and this version reads 1: it was made by a newer zoo. Upgrade with pip install"
    newest = checkpoints(run)[-1]
    for path, read in (
        (run / "run.json", lambda: read_record(run)),
        (newest / MANIFEST, lambda: load_checkpoint(newest)),
        (newest / VALUES, lambda: load_checkpoint(newest)),
        (folder / "config.json", lambda: GeneratorFolder.open(folder)),
    ):
        before = path.read_bytes(), (newest / MANIFEST).read_bytes()
        path.write_text(json.dumps({**json.loads(before[0]), "format": 99}))
        if path.name == VALUES:
            reseal(newest)
        with pytest.raises(NewerFormatError, match=said):
            read()
        ran = zoo("generate", folder) if path.name == "config.json" else zoo("resume", run, "--steps", "9")
        assert (ran.code, said in ran.error) == (3, True)
        path.write_bytes(before[0])
        (newest / MANIFEST).write_bytes(before[1])
    report = json.loads((folder / "onnx" / "report.json").read_bytes())
    opened = GeneratorFolder.open(folder).add_files(
        {"onnx/report.json": json.dumps({**report, "format": 99}).encode()}
    )
    with pytest.raises(NewerFormatError, match=said):
        check_publishable(opened)
    assert reopen(run).step == 4


def test_json_is_read_as_everybody_reads_it() -> None:
    assert parse_json(b'{"a": [1, -2.5e3, "\\ud83d\\ude00", null]}') == {"a": [1, -2500.0, "😀", None]}
    assert parse_json(b"[" * 99 + b"]" * 99)
    for case, text in NO_JSON.items():
        if case != "no object":
            with pytest.raises(ValueError, match=r"^(it |')"):
                parse_json(text)


def test_many_keys_and_one_twice_take_no_time() -> None:
    import time

    keys = ", ".join(f'"k{number}": 1' for number in range(100_000))
    began = time.process_time()
    with pytest.raises(ValueError, match="it has 'k99999' twice"):
        parse_json(f'{{{keys}, "k99999": 2}}'.encode())
    assert time.process_time() - began < 2


def test_so_many_values_are_read_and_no_more() -> None:
    for count in (COMMAS_LIMIT - 2, COMMAS_LIMIT - 1):
        assert len(parse_json(b"[" + b"1," * count + b"1]")) == count + 1
    for more in (
        b"[" + b"1," * COMMAS_LIMIT + b"1]",
        b"[" + b"{}," * COMMAS_LIMIT,
        b"[" * (COMMAS_LIMIT + 1),
    ):
        with pytest.raises(ValueError, match="it holds more than 1,000,000 values"):
            parse_json(more)


@pytest.mark.parametrize("sizes", [[2**62] * 8, [2**63 - 1] * 4, [2**31, 2**31, 2**31], [1, 2**40, 2**40]])
@pytest.mark.parametrize("op", ["Expand", "Tile", "ConstantOfShape", "Reshape"])
def test_sizes_whose_product_overflows_are_refused(op: str, sizes: list[int]) -> None:
    import numpy as np
    from onnx import helper, numpy_helper

    from tests.support.handmade import build
    from zoo.errors import ResourceError

    model = build()
    model.graph.initializer.append(numpy_helper.from_array(np.array(sizes), "sizes"))
    last = model.graph.node[-1]
    last.output[0] = "small"
    inputs = ["sizes"] if op == "ConstantOfShape" else ["small", "sizes"]
    model.graph.node.append(helper.make_node(op, inputs, ["huge"]))
    for number in range(6):  # products of products
        before = "huge" if number == 0 else f"p{number - 1}"
        name = "images" if number == 5 else f"p{number}"
        model.graph.node.append(helper.make_node("MatMul", [before, before], [name]))
    with pytest.raises((InputError, ResourceError)):
        CheckedModel(model.SerializeToString(), "it")


@pytest.mark.parametrize("text", [*NO_JSON.values(), b'{"id": "me/odd"}', b'{"branches": 1}'])
def test_one_bad_repository_hides_no_other(tmp_path: Path, text: bytes) -> None:
    with LocalHub(tmp_path / "hub", {"hf_me": "me"}) as hub:
        hub.store.create("models", "me/camel", "me", private=False)
        hub.store.create("models", "me/odd", "me", private=False)
        (tmp_path / "hub" / "repos" / "models" / "me" / "odd.json").write_bytes(text)
        assert [repo["id"] for repo in hub.store.every("models")] == ["me/camel"]
        with pytest.raises(RefusedError, match="me/odd is damaged"):
            hub.store.load("models", "me/odd")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_sizes_that_are_no_numbers_are_refused(number: float) -> None:
    """Found by `python -m benchmarks.fuzz onnx`, number 516."""
    import numpy as np
    from onnx import numpy_helper

    from tests.support.handmade import build

    model = build()
    sizes = next(tensor for tensor in model.graph.initializer if tensor.name == "s")
    sizes.CopyFrom(numpy_helper.from_array(np.array([-1, 1, 2, number], np.float32), "s"))
    with pytest.raises(InputError, match="that are no numbers"):
        CheckedModel(model.SerializeToString(), "it")
