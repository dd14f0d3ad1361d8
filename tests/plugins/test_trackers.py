"""Trackers: made for the runs that name them, refused before a training where they cannot be, never in its way."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import zoo as library
from zoo.errors import InputError, UsageError

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

TRACKER = """
from collections.abc import Mapping
from typing import ClassVar
from zoo.components import Tracker
from zoo.hookspecs import hookimpl

class Mine(Tracker):
    name: ClassVar[str] = "mine"
    BODY

@hookimpl
def zoo_register_trackers():
    return [Mine]
"""
NOTES = """needs: ClassVar[Mapping[str, str]] = {"json": "json"}

    @hookimpl
    def zoo_run_started(self, run):
        print(f"started at {run.step}")

    @hookimpl
    def zoo_run_rolled_back(self, run, step):
        print(f"from {step} to {run.step}")

    @hookimpl
    def zoo_run_finished(self, outcome):
        print(outcome)
"""


def test_a_tracker_hears_only_of_the_runs_that_name_it(
    others: Plugins, tiny: Path, zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    others.add("zoo-mine", TRACKER.replace("BODY", NOTES))

    tracked = zoo("train", tiny, "--steps", "1", "--tracker", "mine", "--tracker", "mine")
    quiet = zoo("resume", "--steps", "2")
    library.resume("runs/tiny-1", steps=3, trackers=["mine"])

    assert (tracked.err.count("started at 0\n"), tracked.err.count("done\n")) == (1, 1)
    assert tracked.out == "runs/tiny-1/generator\n", "what it prints is no result"
    assert "started" not in quiet.err
    assert "started at 2\n" in capsys.readouterr().err
    assert json.loads(zoo("list", "--json").out)["components"]["tracker"].keys() == {"mine", "tensorboard"}


def test_what_a_tracker_needs_is_on_the_run_and_in_its_hooks(
    others: Plugins, tiny: Path, zoo: Zoo, tmp_path: Path
) -> None:
    body = f"""needs: ClassVar[Mapping[str, str]] = {{"json": "json"}}

    def write(self, **facts):
        with open({str(tmp_path / "heard")!r}, "a") as file:
            file.write(self.library.dumps(facts) + "\\n")

    def zoo_run_started(self, run):
        self.write(id=run.id, fields=run.fields)

    def zoo_samples_drawn(self, run, grid, pictures):
        self.write(size=grid.size, mode=grid.mode, seen=bool((grid.getpixel((4, 4)) == pictures[0, 0, 0]).all()))
"""
    others.add("zoo-mine", TRACKER.replace("BODY", body))

    assert zoo("train", tiny, "--steps", "1", "--tracker", "mine").warnings == [
        "data.bundled is set, so the 100 bundled camel drawings are used"
    ]
    assert zoo("resume", "--steps", "2", "--tracker", "mine").code == 0

    first, drawn, again, *_ = [json.loads(line) for line in (tmp_path / "heard").read_text().splitlines()]
    assert drawn == {"size": [484, 484], "mode": "L", "seen": True}
    assert first["id"] == again["id"] != ""
    assert first["id"].isdecimal()
    fields = first["fields"]
    assert (fields["losses.1.weight"], fields["data.bundled"], fields["architecture.initial.2"]) == (
        10.0,
        True,
        8,
    )
    assert (fields["training.steps"], again["fields"]["training.steps"]) == (1, 2)
    assert {type(value) for value in fields.values()} <= {bool, int, float, str}


def test_a_grid_is_made_where_somebody_wants_it(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.runs.run.grid", lambda _: pytest.fail("nobody asked for it"))

    library.train(str(tiny), steps=1)


def test_a_tracker_is_told_of_a_rollback(others: Plugins, tiny: Path, zoo: Zoo) -> None:
    others.add("zoo-mine", TRACKER.replace("BODY", NOTES))

    ran = zoo(
        "train", tiny, "--tracker", "mine", "--on-nan", "rollback",
        "--set", "optimizers.critic.learning_rate=1e30",
    )  # fmt: skip

    assert ran.code == 10
    assert ran.err.count(" to 0\n") == 3
    assert "failed\n" in ran.err


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("mime", 2, "mime: there is no such tracker. Did you mean 'mine'?"),
        ("", 2, ": there is no such tracker. "),
        ("no\nsuch", 2, "there is no such tracker"),
    ],
)
def test_an_unknown_tracker_is_refused_before_there_is_a_folder(
    others: Plugins, tiny: Path, zoo: Zoo, name: str, code: int, message: str
) -> None:
    others.add("zoo-mine", TRACKER.replace("BODY", NOTES))

    ran = zoo("train", tiny, "--tracker", name)

    assert (ran.code, ran.out) == (code, "")
    assert message in ran.error
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pass", "tracker mine of zoo-mine: TypeError: it has no hook"),
        ("@hookimpl\n    def zoo_step_logged(self, steps): pass", "PluginValidationError: "),
        ("def zoo_step_logged(self, steps): pass", "PluginValidationError: "),
        ("def zoo_step_loged(self, step): pass",
         "TypeError: there is no hook 'zoo_step_loged' of a run. Did you mean 'zoo_step_logged'?"),
        ("def zoo_diagnose(self): pass", "TypeError: there is no hook 'zoo_diagnose' of a run"),
        ("zoo_step_logged: ClassVar[int] = 3", "TypeError: its zoo_step_logged is no method"),
        ("project: str", "tracker mine: mine needs the field 'project'. Add it"),
        ('needs: ClassVar[Mapping[str, str]] = {"no_such_module": "no-such"}',
         "tracker mine: it needs no_such_module, which is not installed. Install it with pip install 'no-such', or "
         "train without --tracker mine"),
    ],
)  # fmt: skip
def test_a_tracker_that_cannot_be_made_is_refused(
    others: Plugins, tiny: Path, zoo: Zoo, body: str, message: str
) -> None:
    others.add("zoo-mine", TRACKER.replace("BODY", body))

    ran = zoo("train", tiny, "--tracker", "mine")

    assert ran.code == 3
    assert message in ran.error
    assert zoo("train", tiny, "--steps", "1").code == 0


def test_two_trackers_of_one_name_are_refused(others: Plugins, tiny: Path, zoo: Zoo) -> None:
    others.add("zoo-mine", TRACKER.replace("BODY", NOTES))
    others.add("zoo-rival", TRACKER.replace("BODY", NOTES))

    ran = zoo("train", tiny, "--tracker", "mine")

    assert ran.code == 2
    assert "the tracker comes from zoo-mine and zoo-rival" in ran.error


@pytest.mark.parametrize("trackers", ["tensorboard", 3, [b"tensorboard"], None])
def test_the_python_api_wants_a_list_of_names(tiny: Path, trackers: object) -> None:
    with pytest.raises(InputError, match=r"is no list of texts. Give one, like \['NAME'\]"):
        library.train(str(tiny), trackers=trackers)  # type: ignore[arg-type]


def test_a_resume_refuses_an_unknown_tracker_and_leaves_the_run_as_it_is(tiny: Path) -> None:
    run = library.train(str(tiny), steps=1)
    before = (run / "run.json").read_bytes()

    with pytest.raises(UsageError, match="tensorbord: there is no such tracker"):
        library.resume(run, steps=2, trackers=["tensorbord"])

    assert (run / "run.json").read_bytes() == before


def test_nothing_is_written_for_a_tracker_that_is_not_named(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    run = library.train(str(tiny), steps=1)

    assert not (run / "tensorboard").exists()
    with pytest.raises(InputError, match=r"pip install 'gan-model-zoo\[tensorboard\]'"):
        library.train(str(tiny), steps=1, trackers=["tensorboard"])


def test_tensorboard_shows_what_the_log_holds_also_after_a_kill(tiny: Path) -> None:
    pytest.importorskip("tensorboard", exc_type=ImportError)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    changes = ["training.checkpoint_every=2", "training.sample_every=2", "training.eval_every=2"]
    run = library.train(str(tiny), steps=4, changes=changes, trackers=["tensorboard"])
    shutil.rmtree(run / "checkpoints" / "step-00000004")  # as if it had been killed before that was saved

    library.resume(run, steps=6, trackers=["tensorboard"])

    seen = EventAccumulator(str(run / "tensorboard"), {"histograms": 0, "images": 0}).Reload()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    for name in ("critic", "generator", "critic.gradient-norm", "critic.gradient-penalty", "swd"):
        logged = [(line["step"], line[name]) for line in lines if name in line]
        events = [(event.step, event.value) for event in seen.Scalars(name.replace(".", "/"))]
        assert len(events) >= 3
        assert events == [(step, pytest.approx(value)) for step, value in logged]
    assert [image.step for image in seen.Images("samples")] == [1, 2, 4, 6]
    assert (seen.Images("samples")[0].width, seen.Images("samples")[0].height) == (484, 484)
    weights = seen.Histograms("probes/weights")
    probe = json.loads((run / "probes" / "step-000006.json").read_bytes())
    assert [event.step for event in weights] == [2, 4, 6]
    assert weights[-1].histogram_value.bucket == probe["weights"]["counts"]
    assert {"_hparams_/experiment", "_hparams_/session_start_info"} <= seen.summary_metadata.keys()
