"""`run.json`: what other versions wrote is read, and nothing of it is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import zoo as library
from tests.support.run_folders import bare_record
from zoo.errors import InputError
from zoo.runs.record import RunRecord, read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path


def test_reading_and_writing_keeps_every_byte(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), steps=1, out=tmp_path / "run")
    library.resume(run, steps=2)
    written = (run / "run.json").read_bytes()
    write_record(run, read_record(run))

    assert (run / "run.json").read_bytes() == written
    assert list(json.loads(written))[-7:] == [
        "steps", "state", "step", "seconds", "best", "cuda_graph", "changes",
    ]  # fmt: skip


def test_what_another_version_knows_is_kept(tmp_path: Path) -> None:
    record = json.loads(bare_record("2026-01-01"))
    record["data"]["shards"] = 3
    record |= {"best": {"step": 1, "value": 2.0, "spread": 0.5}, "labels": {"classes": 10}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    read = read_record(tmp_path)
    read.state = "stopped"
    write_record(tmp_path, read)

    assert json.loads((tmp_path / "run.json").read_bytes()) == {**record, "state": "stopped"}
    assert (read.ranks, read.eager, read.rollbacks) == (1, False, [])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("data", None, "data: Input should be a valid dictionary or instance of RunData"),
        ("state", "asleep", "state: Input should be 'running', 'done', 'stopped' or 'failed'"),
        ("best", {"step": 1}, "it lacks 'value'"),
        ("rollbacks", [{"step": "x"}], "rollbacks.0.step: Input should be a valid integer"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: object, said: str) -> None:
    record = json.loads(bare_record("2026-01-01"))
    (tmp_path / "run.json").write_text(json.dumps({**record, field: value}))
    with pytest.raises(InputError) as caught:
        read_record(tmp_path)

    assert str(caught.value).startswith(f"{tmp_path / 'run.json'}: {said}")
    assert str(caught.value).endswith(". Restore it or start a new run")


def test_a_default_that_nobody_set_is_not_written() -> None:
    record = RunRecord.model_validate_json(bare_record("2026-01-01"))

    assert record.as_dict() == json.loads(bare_record("2026-01-01"))
