"""A short, seeded part of `python -m benchmarks.fuzz`: damaged files of every kind are refused, or read as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fuzz.attack import attack
from tests.support.fuzz.mutations import json_mutation
from tests.support.fuzz.targets import Target, targets
from zoo.errors import InputError, ZooError
from zoo.system.console import stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 40
KINDS = (
    "onnx", "config.json", "report.json", "run.json", "manifest.json", "state.json", "state.safetensors",
    "model.safetensors", "recipe", "card",
)  # fmt: skip


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        return targets(tmp_path_factory.mktemp("fuzz") / "files")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    stderr().quiet = True
    yield
    stderr().quiet = False


def test_every_kind_is_attacked(kinds: dict[str, Target]) -> None:
    assert tuple(kinds) == KINDS
    for target in kinds.values():
        target.read(target.good)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_and_nothing_else(kinds: dict[str, Target], kind: str) -> None:
    outcome = attack(kind, kinds[kind], COUNT)
    kinds[kind].read(kinds[kind].good)

    assert list(outcome.findings) == []
    assert outcome.mutations == COUNT == outcome.taken + sum(outcome.refused.values())
    assert outcome.refused.keys() <= {2, 3, 4, 5}
    assert len(outcome.refused) > 0, "the damage does no harm, so it shows nothing"


def test_the_attack_finds_what_it_looks_for() -> None:
    def read(data: bytes) -> None:
        if b"null" in data:
            raise RecursionError("deep")
        if b"true" in data:
            raise ZooError("of no kind")
        raise InputError("refused")

    outcome = attack("made up", Target(b'{"a": [1, 2], "b": {"c": "d"}}', json_mutation, read), 400)
    assert {finding.split(": ", 2)[1] for finding in outcome.findings} == {"RecursionError", "ZooError"}
    assert set(outcome.refused) == {3}
