"""What reads each kind of file, as the commands do: it may refuse one with a ZooError, and nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import zoo as library
from tests.conftest import TINY
from tests.support.fuzz.mutations import (
    json_mutation,
    safetensors_mutation,
    text_mutation,
    toml_mutation,
)
from tests.support.fuzz.onnx_mutations import onnx_mutation
from tests.support.hub.folder import make_config
from zoo.cli.output import plain
from zoo.cli.runs import _row
from zoo.errors import IntegrityError
from zoo.generators.files import REPORT, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.plugins.planning import load_plan
from zoo.recipes.tables import flattened, write_toml
from zoo.runs.checkpoints.checkpoint import load_checkpoint, newest_good
from zoo.runs.checkpoints.clearing import prune
from zoo.runs.checkpoints.names import MANIFEST, TENSORS, VALUES, checkpoints
from zoo.runs.folder import generator_folder, latest_run
from zoo.runs.generator.network import load_generator
from zoo.runs.lock import RECORD
from zoo.runs.record import read_record, write_record
from zoo.runs.resume import reopen
from zoo.runs.summary import find_runs
from zoo.system.terminal import escape
from zoo_export.runtime.model_file import check_model
from zoo_export.runtime.session import OnnxGenerator
from zoo_hub.card.card import base_card, merge, render
from zoo_hub.card.front_matter import parse_card
from zoo_hub.card.text import section_texts
from zoo_hub.repository.publishable import check_publishable, published_files
from zoo_hub.server.cards import tags_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.fuzz.mutations import Mutation

SMALL_WORK = 10_000_000
"""Multiplications that are made for one mutation; a larger model is checked and not run."""
CARD_WORDS = (
    "---", "--- ", "key: value", "license: [mit, {a: b}]", "tags: *a", "a: &a [*a]", "a: !!python/object:os.system x",
    "date: 2026-99-99", "n: 1e999", "n: .nan", "n: 0x" + "f" * 5000, "n: 12:30:45.5", "n: 0b1_0", "? {a: b}\n: c",
    "<<: {a: 1}", "license: mit", "license:\n  - a\n  - 1", "tags:", "tags: gan", "datasets: {x: 1}", "model-index: 1",
    "\x1b[2J", "\ufeff", "\r", "\0", "\x85", "\u2028", "\t", "'", '"', "|", ">", "[" * 500, "{" * 500, "- " * 500,
    "<!-- zoo:begin use -->", "<!-- zoo:end use -->", "<!-- zoo:begin summary -->", "<!-- zoo:seal {} -->",
    "<!-- zoo:seal [1] -->", "<!-- zoo:seal " + "[" * 3000 + " -->", '<!-- zoo:seal {"tags": 1, "words": {}} -->',
    '<!-- zoo:seal {"license": [], "license": 1} -->', '<!-- zoo:seal {"a": NaN} -->', "-->", "%YAML 9.9", "!!binary |",
)  # fmt: skip
"""What YAML, and what the zoo reads of a card, may stumble over."""


@dataclass(frozen=True)
class Target:
    """A kind of file: one that is good, how it is damaged, and what reads it."""

    good: bytes
    mutate: Mutation
    read: Callable[[bytes], None]


def targets(place: Path) -> dict[str, Target]:
    """Return the kinds by name; `place` is a new folder for what they read."""
    run = _trained(place)
    model = library.load(run)
    assert isinstance(model, OnnxGenerator)
    generator = run / "generator"
    newest = checkpoints(run)[-1]
    config = (generator / "config.json").read_bytes()
    card = render("me/camel", make_config()).encode()
    return {
        "onnx": Target(model.model, onnx_mutation, _read_onnx),
        "config.json": Target(config, json_mutation, _Config(generator, place / "config").read),
        "report.json": Target(
            (generator / REPORT).read_bytes(), json_mutation, _Listed(generator, place / "report", REPORT).check
        ),
        "run.json": Target((run / RECORD).read_bytes(), json_mutation, _Record(run, place / "records").read),
        **{
            name: Target((newest / name).read_bytes(), mutate, _Checkpoint(run, place / f"of-{name}", name).read)
            for name, mutate in (
                (MANIFEST, json_mutation), (VALUES, json_mutation), (TENSORS, safetensors_mutation),
            )
        },
        "model.safetensors": Target(
            (generator / WEIGHTS).read_bytes(),
            safetensors_mutation,
            _Listed(generator, place / "weights", WEIGHTS).load,
        ),
        "recipe": Target(TINY.encode(), toml_mutation, _Recipe(place / "recipe.toml").read),
        "card": Target(card, text_mutation(CARD_WORDS), _Card(card.decode()).read),
    }  # fmt: skip


def _trained(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "tiny.toml").write_text(TINY)
    return library.train(str(place / "tiny.toml"), out=place / "run")


def _read_onnx(data: bytes) -> None:
    checked = check_model(data, "it")
    checked.fitting(64)
    generator = OnnxGenerator.from_bytes(data, "it", threads=1)
    assert escape(repr(generator))
    if checked.cost(2).work <= SMALL_WORK:
        generator.sample(2)


class _Config:
    def __init__(self, generator: Path, place: Path) -> None:
        shutil.copytree(generator, place)
        self.path = place / "config.json"

    def read(self, data: bytes) -> None:
        self.path.write_bytes(data)
        folder = GeneratorFolder.open(self.path.parent)
        for value in folder.config.model_dump(mode="json").values():
            escape(plain(value))
        card = merge("", "me/camel", folder.config)
        assert section_texts("me/camel", folder.config, None)
        assert parse_card(card)
        assert published_files(folder.config)
        generator_folder(self.path.parent)
        folder.verify()
        check_publishable(folder)


class _Listed:
    """A file of a generator, listed as it is."""

    def __init__(self, generator: Path, place: Path, name: str) -> None:
        shutil.copytree(generator, place)
        self.place, self.name = place, name
        self.config = json.loads((place / "config.json").read_bytes())

    def _put(self, data: bytes) -> GeneratorFolder:
        (self.place / self.name).write_bytes(data)
        self.config["files"][self.name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        (self.place / "config.json").write_text(json.dumps(self.config))
        return GeneratorFolder.open(self.place)

    def check(self, data: bytes) -> None:
        check_publishable(self._put(data))

    def load(self, data: bytes) -> None:
        load_generator(self._put(data))


class _Record:
    """`run.json` beside that of a good run, which must still be found."""

    def __init__(self, run: Path, place: Path) -> None:
        (place / "good").mkdir(parents=True)
        (place / "odd").mkdir()
        shutil.copyfile(run / RECORD, place / "good" / RECORD)
        self.place = place

    def read(self, data: bytes) -> None:
        odd = self.place / "odd"
        (odd / RECORD).write_bytes(data)
        found = find_runs(self.place)
        assert self.place / "good" in [summary.path for summary in found], "a bad run hides a good one"
        for summary in found:
            measures = [] if summary.measure is None else [summary.measure]
            escape(" ".join(_row(summary, measures)))
        assert latest_run(self.place) in (self.place / "good", odd)
        record = read_record(odd)
        write_record(odd, record)
        assert read_record(odd).as_dict() == record.as_dict()


class _Checkpoint:
    """A file of a checkpoint whose manifest is right; where it is not taken, the one before is."""

    def __init__(self, run: Path, place: Path, name: str) -> None:
        shutil.copytree(run, place)
        prune(place, best=None)
        self.name, self.place = name, place
        self.run = reopen(place)
        self.turn = 0

    def read(self, data: bytes) -> None:
        newest = checkpoints(self.place)[-1]
        (newest / self.name).write_bytes(data)
        if self.name != MANIFEST:
            hashes = {
                name: hashlib.sha256((newest / name).read_bytes()).hexdigest() for name in (TENSORS, VALUES)
            }
            (newest / MANIFEST).write_text(json.dumps(hashes))
        self.turn += 1
        if self.turn % 20:
            load_checkpoint(newest, self.run.check)
            return
        state, problems = newest_good(self.place, self.run.check)
        assert state is not None, "there is no checkpoint left"
        assert len(problems) <= 1
        if problems:
            raise IntegrityError(problems[0])
        self.run.load(state)
        flattened(state["recipe"])
        next(self.run._trainer.steps(2**63))


class _Recipe:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, data: bytes) -> None:
        self.path.write_bytes(data)
        plan = load_plan(str(self.path))
        write_toml(plan.resolved())
        escape(plan.recipe.summary)


class _Card:
    def __init__(self, good: str) -> None:
        self.good = good

    def read(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        merged = merge(base_card(text, self.good) or "", "me/camel", make_config())
        assert base_card(self.good, merged)
        tags_of(parse_card(merged))
