"""Several trainings of one recipe: each as if it were alone, none begun where one is wrong, resumed as a whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zoo as library
from zoo.errors import BusyError, InputError, NoMemoryError, ResourceError, UsageError
from zoo.runs.lock import held, starts
from zoo.runs.new import prepare_plan
from zoo.runs.record import read_record
from zoo.runs.run import Run
from zoo.runs.session import train_new
from zoo.sweeps.end import FailedRunsError
from zoo.sweeps.record import Failure, read_sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.cli_fixtures import Zoo
    from zoo.components import Plan
    from zoo.runs.new import Prepared
    from zoo.runs.options import TrainOptions

pytest_plugins = ["tests.support.cli_fixtures"]
WEIGHTS = "losses.1.weight=1,10"
TWO = ("weight=1,seed=0", "weight=10,seed=0")
QUICK = ("training.steps=2", "training.eval_every=2", "training.checkpoint_every=1")


def small(tiny: Path) -> str:
    """Return the recipe with what makes it quicker, and no measurement."""
    text = tiny.read_text().partition("[metric]")[0].replace("steps = 4", "steps = 2")
    tiny.write_text(text.replace("critic_steps = 2", "critic_steps = 1"))
    return str(tiny)


def states(sweep: Path) -> dict[str, tuple[str, int]]:
    return {
        path.parent.name: (record.state, record.step)
        for path in sorted(sweep.glob("*/run.json"))
        if (record := read_record(path.parent))
    }


def weights(run: Path) -> bytes:
    return (run / "generator" / "model.safetensors").read_bytes()


def test_each_run_of_a_sweep_is_the_run_that_it_would_be_alone(tiny: Path, zoo: Zoo) -> None:
    recipe = small(tiny)
    ran = zoo("train", recipe, "--sweep", WEIGHTS, "--precision", "fp32")

    sweep = Path("runs/tiny-sweep-1")
    assert (ran.code, states(sweep)) == (0, dict.fromkeys(TWO, ("done", 2)))
    assert f"run 2 of 2: {sweep / TWO[1]}" in ran.err
    assert [line.split("  ")[0] for line in ran.out.splitlines()] == [
        "name",
        "tiny weight=1",
        "tiny weight=10",
    ]
    alone = library.train(recipe, changes=["losses.1.weight=10"], out="alone", precision="fp32")
    assert weights(sweep / TWO[1]) == weights(alone) != weights(sweep / TWO[0])
    record = read_sweep(sweep)
    assert [run.folder for run in record.runs] == list(TWO)
    assert (record.recipe, record.precision, record.failures) == ("tiny", "fp32", {})


def test_seeds_count_from_the_one_that_is_given(tiny: Path) -> None:
    sweep = library.sweep(small(tiny), seeds=2, seed=7, steps=1)

    assert states(sweep) == {"seed=7": ("done", 1), "seed=8": ("done", 1)}
    assert read_record(sweep / "seed=8").seed == 8


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--sweep", "losses.1.weigth=1,2"], 3, "'weigth'"),
        (["--sweep", "losses.1.weight=1,-2"], 3, "weight"),
        (["--sweep", "losses.1.weight=1,many"], 3, 'found "many"'),
        (["--sweep", "losses.7.weight=1,2"], 3, "--sweep losses.7.weight=1: '7' is no entry of a list of 2"),
        (["--sweep", "nosuch.key=1,2"], 3, "'nosuch"),
        (["--sweep", "losses.0.name=wasserstein,nosuch"], 2, "nosuch"),
        (["--sweep", "optimizers.critic.name=adam,nosuch"], 2, "nosuch"),
        (
            ["--sweep", "losses.1.weight=1,1.0"],
            3,
            "weight=1,seed=0 and weight=1.0,seed=0 are the same training",
        ),
        (["--sweep", "losses.1.weight=1,2", "--set", "losses.1.weight=3"], 2, "is set to one value too"),
        (["--sweep", "training.steps=1,2", "--steps", "3"], 2, "training.steps is set to one value too"),
        (["--sweep", "training.seed=1,2", "--seeds", "3"], 2, "gives the seeds already"),
        (["--sweep", ""], 3, "not of the form"),
        (["--seeds", "0"], 3, "--seeds"),
        (["--seeds", "101"], 3, "--seeds"),
        (["--seeds", "x"], 3, "--seeds"),
        (["--sweep", WEIGHTS, "--minutes", "0"], 3, "--minutes"),
        (["--sweep", WEIGHTS, "--out", "no/such"], 3, "there is no folder 'no'"),
        (["--sweep", WEIGHTS, "--data", "nosuch.npy"], 3, "nosuch.npy"),
        (
            ["--sweep", "architecture.generator_strides=[1,2],[1,1]"],
            3,
            "generator_strides=1-1,seed=0: bundled sample: its images",
        ),
        (["--sweep", "architecture.critic_kernels=[5,5],[5]"], 3, "critic"),
    ],
)
def test_what_is_wrong_with_one_run_is_said_before_any_is_trained(
    tiny: Path, zoo: Zoo, options: list[str], code: int, said: str
) -> None:
    ran = zoo("train", tiny, *options)

    assert (ran.code, ran.out) == (code, "")
    assert said in ran.error
    assert list(Path.cwd().iterdir()) == []


def test_a_disk_without_room_for_all_of_them_is_said_before_the_first(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def full(path: Path, size: int, times: int = 1) -> None:
        asked.append(times)
        raise ResourceError(f"{path}: {size} bytes {times} times")

    monkeypatch.setattr("zoo.system.disk_space.refuse_without_room", full)
    ran = zoo("train", small(tiny), "--sweep", WEIGHTS, "--seeds", "3")

    assert (ran.code, asked) == (5, [6 * 4 + 1])
    assert not Path("runs").exists() or list(Path("runs").iterdir()) == []


@pytest.mark.parametrize(
    ("swept", "prepared"),
    [
        ("training.accumulate=1,2", 2),
        ("optimizers.critic.name=adam,rmsprop", 2),
        ("optimizers.critic.learning_rate=0.001,0.002", 1),
    ],
)
def test_a_run_is_tried_where_it_takes_other_memory_and_its_networks_are_gone_before_the_next(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch, swept: str, prepared: int
) -> None:
    trainers: list[weakref.ref[Any]] = []

    def watched(plan: Plan, options: TrainOptions) -> Prepared:
        assert [trainer() for trainer in trainers] == [None] * len(trainers)
        ready = prepare_plan(plan, options)
        trainers.append(weakref.ref(ready.trainer))
        return ready

    def full(path: Path, *_: int) -> None:
        raise ResourceError(f"{path}: that is enough")

    monkeypatch.setattr("zoo.runs.new.prepare_plan", watched)
    monkeypatch.setattr("zoo.system.disk_space.refuse_without_room", full)
    recipe = small(tiny)
    tiny.write_text(tiny.read_text().replace("betas = [0.5, 0.999]", ""))  # rmsprop has none
    ran = zoo("train", recipe, "--sweep", swept)
    assert (ran.code, len(trainers)) == (5, prepared)


def test_a_run_without_enough_memory_fails_alone(
    tiny: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(plan: Plan, *_: object) -> None:
        asked.append(plan.where)
        if len(asked) == 3:  # both were prepared, and somebody else takes the memory
            raise NoMemoryError(f"{plan.where}: it is gone")

    monkeypatch.setattr("zoo.runs.new.refuse_without_memory", refuse)
    ran = zoo("train", small(tiny), "--sweep", WEIGHTS)
    sweep = Path("runs/tiny-sweep-1")
    assert (ran.code, len(asked), states(sweep)) == (5, 4, {TWO[1]: ("done", 2)})
    assert "1 run failed" in ran.error
    assert "it is gone" in ran.error


def test_several_processes_are_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TORCHELASTIC_RUN_ID": "x",
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "2",
    }.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(UsageError, match="torchrun started several"):
        library.sweep(str(tiny), seeds=2)


class Interrupting:
    """Sends a signal in the first run's second step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.steps = 0
        after = Run._after

        def interrupting(run: Run, step: int, cadence: Any) -> Any:
            self.steps += 1
            if self.steps == 1:
                os.kill(os.getpid(), number)
            return after(run, step, cadence)

        monkeypatch.setattr(Run, "_after", interrupting)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_sweep_that_is_stopped_goes_on_as_a_whole(tiny: Path, zoo: Zoo, number: int, code: int) -> None:
    recipe, sweep = small(tiny), Path("runs/tiny-sweep-1")
    with pytest.MonkeyPatch.context() as patch:
        Interrupting(patch, number)
        ran = zoo("train", recipe, "--sweep", WEIGHTS)

    assert (ran.code, states(sweep)) == (code, {TWO[0]: ("stopped", 1)})
    assert f"{sweep}: 2 runs left. Go on with:  zoo resume {sweep}" in ran.err
    tiny.unlink()  # the sweep has its own copy
    ran = zoo("resume")
    assert (ran.code, states(sweep)) == (0, dict.fromkeys(TWO, ("done", 2)))
    stamps = [path.stat().st_mtime_ns for path in sorted(sweep.glob("*/run.json"))]

    ran = zoo("resume", sweep)
    assert (ran.code, "step 2/2" in ran.err) == (0, False)
    assert [path.stat().st_mtime_ns for path in sorted(sweep.glob("*/run.json"))] == stamps


def test_a_killed_sweep_goes_on_where_it_was(tiny: Path, zoo: Zoo) -> None:
    sweep = library.sweep(small(tiny), [WEIGHTS], out="mine")
    first, second = (sweep / name for name in TWO)
    # As a kill between two checkpoints, and one before the first run.json, leave them.
    record = json.loads((first / "run.json").read_text())
    (first / "run.json").write_text(json.dumps(record | {"state": "running", "step": 1}))
    shutil.rmtree(first / "generator")
    shutil.rmtree(second)
    second.mkdir()
    (second / ".lock").touch()

    ran = zoo("resume", "mine")

    assert (ran.code, states(sweep)) == (0, dict.fromkeys(TWO, ("done", 2)))


def test_the_time_that_is_given_is_for_all_of_them(tiny: Path) -> None:
    sweep = library.sweep(small(tiny), [WEIGHTS], minutes=1e-6)

    assert states(sweep) == {TWO[0]: ("stopped", 1)}
    library.resume(sweep)
    assert states(sweep) == dict.fromkeys(TWO, ("done", 2))


def test_more_steps_are_made_by_all_runs_and_remembered(tiny: Path, zoo: Zoo) -> None:
    sweep = library.sweep(small(tiny), [WEIGHTS], steps=1)

    library.resume(sweep, steps=2, minutes=1e-6)
    assert states(sweep) == {TWO[0]: ("done", 2), TWO[1]: ("done", 1)}
    library.resume(sweep)
    assert states(sweep) == dict.fromkeys(TWO, ("done", 2))
    ran = zoo("resume", sweep, "--set", "losses.0.weight=2")
    assert (ran.code, "differ in nothing but what it sweeps" in ran.error) == (2, True)


@pytest.mark.parametrize("steps", [0, -5, 10**9 + 1, 2.0, True, "3"])
def test_steps_that_no_recipe_can_have_leave_a_sweep_as_it_was(sweep: Path, steps: Any) -> None:
    before = (sweep / "sweep.json").read_bytes()

    with pytest.raises(InputError, match=r"^steps: "):
        library.resume(sweep, steps=steps)

    assert (sweep / "sweep.json").read_bytes() == before


def test_steps_of_numpy_are_remembered_as_a_number(sweep: Path) -> None:
    library.resume(sweep, steps=np.int64(2))  # type: ignore[arg-type]

    assert read_sweep(sweep).steps == 2


def test_swept_steps_are_not_made_equal_by_a_resume(tiny: Path) -> None:
    sweep = library.sweep(small(tiny), ["training.steps=1,2"])

    assert states(sweep) == {"steps=1,seed=0": ("done", 1), "steps=2,seed=0": ("done", 2)}
    with pytest.raises(UsageError, match=r"sweeps training\.steps"):
        library.resume(sweep, steps=5)


def test_a_run_that_diverges_is_said_and_does_not_end_the_others(tiny: Path, zoo: Zoo) -> None:
    recipe, sweep = small(tiny), Path("runs/tiny-sweep-1")
    rates = "optimizers.critic.learning_rate=1e30,2e-4"
    ran = zoo("train", recipe, "--sweep", rates, "--steps", "4")

    bad, good = "learning_rate=1e30,seed=0", "learning_rate=2e-4,seed=0"
    assert (ran.code, states(sweep)[good]) == (10, ("done", 4))
    assert f"{sweep / bad}: it failed: step " in ran.err
    assert f"{sweep}: 1 run failed: {bad}: step " in ran.error
    before = (sweep / bad / "run.json").stat().st_mtime_ns
    with pytest.raises(FailedRunsError) as failed:
        library.resume(sweep)
    assert (failed.value.exit_code, (sweep / bad / "run.json").stat().st_mtime_ns) == (10, before)


def test_a_run_that_cannot_begin_is_said_and_tried_again(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[int]()

    def failing(*arguments: Any, **options: Any) -> Path:
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError
        return train_new(*arguments, **options)

    monkeypatch.setattr("zoo.sweeps.in_turn.train_new", failing)
    with pytest.raises(FailedRunsError, match=r"weight=1,seed=0: there is not enough memory") as failed:
        library.sweep(small(tiny), [WEIGHTS], out="mine")

    assert (failed.value.exit_code, states(Path("mine"))) == (5, {TWO[1]: ("done", 2)})
    assert list(read_sweep(Path("mine")).failures) == [TWO[0]]
    assert states(library.resume("mine")) == dict.fromkeys(TWO, ("done", 2))


class WordlessError(RuntimeError):
    """Of a plugin; not even its text can be made."""

    def __str__(self) -> str:
        raise ValueError("no")


def test_a_run_that_fails_without_a_word_does_not_end_the_others(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_recipe: str, changes: Sequence[str], **_: Any) -> Path:
        raise WordlessError if "losses.1.weight=1" in changes else OSError("two\nlines" + " x" * 1000)

    monkeypatch.setattr("zoo.sweeps.in_turn.train_new", failing)
    with pytest.raises(FailedRunsError, match="2 runs failed"):
        library.sweep(small(tiny), [WEIGHTS], out="mine")

    wordless, long = (read_sweep(Path("mine")).failures[name].message for name in TWO)
    assert wordless == "WordlessError"
    assert (long.startswith("OSError: two lines x"), len(long) <= 300) == (
        True,
        True,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep of two runs, made once."""
    from tests.conftest import TINY

    folder = tmp_path_factory.mktemp("made")
    tiny = folder / "tiny.toml"
    tiny.write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_REPORT", "0")
        patch.setenv("ZOO_CACHE", str(folder / "cache"))
        return library.sweep(small(tiny), [WEIGHTS], out=folder / "sweep")


@pytest.fixture
def sweep(made: Path) -> Path:
    """The finished sweep, as it would lie here."""
    Path("runs").mkdir()
    return Path(shutil.copytree(made, "runs/tiny-sweep-1"))


def test_the_runs_of_a_sweep_are_runs_like_any_other(sweep: Path, zoo: Zoo) -> None:
    listed = json.loads(zoo("runs", "--json").out)
    assert [run["path"] for run in listed] == [str(sweep / name) for name in TWO]
    assert [run["path"] for run in json.loads(zoo("runs", sweep, "--json").out)] == [
        run["path"] for run in listed
    ]
    assert zoo("diagnose", "--json").code == 0
    assert zoo("info", sweep / TWO[0]).code == 0


def test_a_sweep_ends_with_its_comparison(sweep: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_REPORT", "1")
    ran = zoo("resume", sweep)

    page = sweep / "compare.html"
    assert (ran.code, ran.out.splitlines()[-1]) == (0, str(page))
    assert "tiny weight=10" in page.read_text()
    page.unlink()
    library.resume(sweep)
    assert page.exists()
    monkeypatch.setattr("zoo.reports.comparison.page.page", lambda _: 1 / 0)
    ran = zoo("resume", sweep)
    assert (ran.code, f"zoo compare {sweep} --html {page}" in ran.err) == (0, True)


@pytest.mark.parametrize(
    "command", [("export", "--onnx"), ("generate",), ("report",), ("diagnose",), ("info",)]
)
def test_where_one_run_is_needed_a_sweep_is_refused_by_its_runs(
    sweep: Path, zoo: Zoo, command: tuple[str, ...]
) -> None:
    ran = zoo(*command, sweep)

    assert (ran.code, ran.out) == (3, "")
    assert f"Name one of its runs, such as {sweep / TWO[0]}" in ran.error


def test_a_sweep_is_not_trained_by_two(sweep: Path, zoo: Zoo) -> None:
    with held(sweep):
        assert starts(Path("runs")) == []
        ran = zoo("resume", sweep)
        assert (ran.code, ran.error.startswith(f"{sweep}: process")) == (7, True)
        assert len(json.loads(zoo("runs", "--json").out)) == 2
        assert zoo("compare", sweep).code == 0, "what trains in it is compared as far as it is"
        assert zoo("info", sweep).code == 3, "and it is still no run"
    with held(sweep / TWO[0]), pytest.raises(BusyError):
        library.resume(sweep / TWO[0])


def test_a_new_training_or_sweep_is_not_made_over_a_sweep(sweep: Path, tiny: Path, zoo: Zoo) -> None:
    for options in ([], ["--seeds", "2"]):
        ran = zoo("train", tiny, "--out", sweep, *options)
        assert (ran.code, f"or go on with `zoo resume {sweep}`" in ran.error) == (3, True)
    assert states(sweep) == dict.fromkeys(TWO, ("done", 2))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"format": "1"},
        {"runs": []},
        {"runs": [{"folder": "../x", "changes": []}]},
        {"runs": [{"folder": "/etc", "changes": []}]},
        {"runs": [{"folder": "..", "changes": []}]},
        {"runs": [{"folder": "a", "changes": []}, {"folder": "A", "changes": []}]},
        {"runs": [{"folder": "a", "changes": [1]}]},
        {"steps": -1},
        {"steps": True},
        {"device": "tpu"},
        {"failures": {"a": 1}},
        {"recipe": None},
    ],
)
def test_a_damaged_sweep_is_refused_in_one_line(sweep: Path, zoo: Zoo, change: dict[str, Any]) -> None:
    record = json.loads((sweep / "sweep.json").read_text())
    (sweep / "sweep.json").write_text(json.dumps(record | change))

    ran = zoo("resume", sweep)

    assert (ran.code, str(sweep / "sweep.json") in ran.error) == (3, True)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 1, "format": 1}', b"\xff", b"x" * (2 << 20)]
)
def test_a_file_that_is_no_record_is_refused_in_one_line(sweep: Path, content: bytes) -> None:
    (sweep / "sweep.json").write_bytes(content)

    with pytest.raises(InputError, match=r"sweep\.json"):
        library.resume(sweep)


def test_runs_that_fail_alike_are_named_with_one_reason() -> None:
    same = Failure(message="there is not enough memory", exit_code=5)
    failures = {f"seed={seed}": same for seed in range(13)} | {"weight=9": Failure(message="no", exit_code=3)}

    error = FailedRunsError(Path("runs/s"), failures)

    ten = ", ".join(f"seed={seed}" for seed in range(10))
    assert str(error) == f"runs/s: 14 runs failed: {ten} and 3 others: {same.message}; weight=9: no"
    assert error.exit_code == 5
