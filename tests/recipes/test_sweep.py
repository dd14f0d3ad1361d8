"""What `--sweep` and `--seeds` stand for: every combination once, in a folder that can be typed; or one line."""

from __future__ import annotations

import shlex

import pytest

from zoo.errors import InputError, UsageError
from zoo.recipes.sweep import RUNS_LIMIT, Combination, combinations, parse_axis


def swept(*fields: str, seeds: tuple[int, ...] = (0,)) -> list[Combination]:
    return combinations([parse_axis(field) for field in fields], seeds)


def test_every_combination_of_values_and_seeds_is_there_once() -> None:
    runs = swept("losses.1.weight=1,10", "training.ema=0,0.9", seeds=(3, 4))

    assert len(runs) == len(set(runs)) == 8
    assert runs[0] == Combination(
        "weight=1,ema=0,seed=3", ("losses.1.weight=1", "training.ema=0", "training.seed=3")
    )
    assert [run.folder for run in runs[:3]] == [
        "weight=1,ema=0,seed=3",
        "weight=1,ema=0,seed=4",
        "weight=1,ema=0.9,seed=3",
    ]


def test_lists_stand_in_brackets_and_fields_that_change_together_are_joined() -> None:
    runs = swept("a.upsample=[2,2,1,1],[1,1,1,1]+a.strides=[1,1,1,1],[2,2,1,1]")

    assert [run.changes[:2] for run in runs] == [
        ("a.upsample=[2,2,1,1]", "a.strides=[1,1,1,1]"),
        ("a.upsample=[1,1,1,1]", "a.strides=[2,2,1,1]"),
    ]
    assert runs[0].folder == "upsample=2-2-1-1,strides=1-1-1-1,seed=0"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("a.b=1e+3,2", ("1e+3", "2")),
        ('a.b="x,y",z', ('"x,y"', "z")),
        ("a.b=[[1, 2]],[[3]]", ("[[1, 2]]", "[[3]]")),
        ('a.b={name = "x", y = [1, 2]},{name = "z"}', ('{name = "x", y = [1, 2]}', '{name = "z"}')),
        ("a.b=x=y,-1", ("x=y", "-1")),
        ("a.b=1", ("1",)),
        ("a.b=1+2,3", ("1+2", "3")),
    ],
)
def test_values_are_parted_where_people_mean_it(field: str, values: tuple[str, ...]) -> None:
    assert parse_axis(field).fields == {"a.b": values}


def test_fields_of_one_name_are_told_apart_and_folders_of_one_name_numbered() -> None:
    assert swept("losses.0.weight=1", "losses.1.weight=2")[0].folder == "0.weight=1,1.weight=2,seed=0"
    assert swept("name=a,b+losses.0.name=c,d")[0].folder == "name=a,0.name=c,seed=0", "an ending of the other"
    assert [run.folder for run in swept("data.path=a/b,a:b,A:B")] == [
        "path=a-b,seed=0",
        "path=a-b,seed=0_2",
        "path=A-B,seed=0_3",
    ]
    assert len(swept("data.path=" + "x" * 500)[0].folder) <= 80


@pytest.mark.parametrize(
    "value", ["../../etc", "/etc/passwd", "..", "a\nb", "\x1b31m", "ä", "$(ls)", "a b", "~", "*"]
)
def test_a_folder_is_one_name_that_needs_no_quotes(value: str) -> None:
    (run,) = swept(f"data.path={value}")

    assert "/" not in run.folder
    assert run.folder.isascii()
    assert run.folder.isprintable()
    assert shlex.quote(run.folder) == run.folder


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([""], "not of the form KEY=VALUE,VALUE"),
        (["training.steps"], "not of the form"),
        (["=1,2"], "not of the form"),
        (["a..b=1"], "not of the form"),
        (["a.b="], "a.b has an empty value"),
        (["a.b=1,,2"], "a.b has an empty value"),
        (["a.b=1,2,"], "a.b has an empty value"),
        (["a.b=1,1"], "a.b=1 stands in it twice"),
        (["a.b=2e-4,0.0002"], "a.b=0.0002 stands in it twice"),
        (["a.b=2,2,1,1;1,1,1,1"], "a semicolon parts no values"),
        (["a.b=[2,2"], "is not closed"),
        (["a.b=2,2]"], "is not closed, or not opened"),
        (['a.b="x'], "is not closed"),
        (["a.b=1,2+c.d=1,2,3"], "a.b has 2 and c.d has 3"),
        (["a.b=1,2+a.b=3,4"], "a.b stands in it twice"),
        (["a.b=1", "a.b=2"], "swept twice"),
        (["a=1", "a.b=2"], "it lies in a"),
        (["a.b=" + ",".join(map(str, range(RUNS_LIMIT + 1)))], f"at most {RUNS_LIMIT}"),
        (["a.b=1," + "x" * 500 + ","], "…: a.b has an empty value"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(fields: list[str], said: str) -> None:
    with pytest.raises(InputError) as refused:
        swept(*fields)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_the_same_value_of_one_field_may_meet_two_of_another() -> None:
    assert len(swept("a.b=1,1+c.d=1,2")) == 2
    with pytest.raises(InputError, match="stands in it twice"):
        swept("a.b=1,1+c.d=2,2")


def test_the_seed_is_swept_in_one_way() -> None:
    assert [run.folder for run in swept("training.seed=5,7", seeds=())] == ["seed=5", "seed=7"]
    with pytest.raises(UsageError, match="gives the seeds already"):
        swept("training.seed=5,7")


def test_many_values_are_refused_before_they_are_multiplied() -> None:
    values = ",".join(map(str, range(100)))
    with pytest.raises(InputError, match="1,000,000 runs"):
        swept(f"a.a={values}", f"a.b={values}", seeds=tuple(range(100)))
