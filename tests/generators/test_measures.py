"""Which figures can stand in one column."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.hub.folder import make_config
from zoo.generators.measures import Measure, better, by_own_measure, columns

SWD = Measure("swd", "as papers do", "cats", "a" * 64, higher_is_better=False)


def test_what_was_measured_in_one_way_on_the_same_images_is_one_column_whatever_these_are_called() -> None:
    unsaid = replace(SWD, data="the same cats in another folder", higher_is_better=None)

    found = columns([[unsaid], [SWD], [unsaid]])

    assert list(found.headings.values()) == ["swd"]
    assert found.directions == ["lower"], "of equal measures, the one that says it"
    assert found.notes() == ["swd: as papers do; cats"]


@pytest.mark.parametrize("change", [{"protocol": "otherwise"}, {"fingerprint": "b" * 64}, {"metric": "fid"}])
def test_whatever_differs_makes_another_column(change: dict[str, str]) -> None:
    other = replace(SWD, **change)  # type: ignore[arg-type]

    found = columns([[SWD], [other]])

    assert list(found.headings) == [SWD, other]
    assert [*found.headings.values()] == (["swd", "fid"] if "metric" in change else ["swd [1]", "swd [2]"])


@pytest.mark.parametrize("change", [{"protocol": ""}, {"fingerprint": ""}])
def test_what_nobody_said_enough_of_stands_alone(change: dict[str, str]) -> None:
    unsaid = replace(SWD, **change)  # type: ignore[arg-type]

    found = columns([[unsaid.of("mine")], [unsaid.of("yours")], [SWD.of("mine")], [SWD.of("yours")]])

    assert list(found.headings.values()) == ["swd [1]", "swd [2]", "swd [3]"]
    if not unsaid.protocol:
        assert found.notes()[0] == "swd [1]: nobody said how it was measured; cats"


def test_where_there_is_no_room_for_all_the_most_shared_stay_in_their_order() -> None:
    one, two, three = (replace(SWD, protocol=name) for name in "123")

    assert list(columns([[one, two], [three, two], [three]], limit=2).headings) == [two, three]


def test_the_words_are_lower_higher_and_a_dash() -> None:
    assert [better(value) for value in (False, True, None)] == ["lower", "higher", "-"]


def test_generators_are_grouped_by_how_they_were_measured_and_unknown_ones_stand_alone() -> None:
    config = make_config()
    other, silent, without = (
        config.model_copy(update={"training": config.training.model_copy(update=change)})
        for change in ({"protocol": "another"}, {"protocol": None}, {"metric": None})
    )
    configs = {"a": config, "b": other, "c": config, "d": silent, "e": silent, "f": without, "g": without}

    groups = by_own_measure(configs)

    assert list(groups.values()) == [["a", "c"], ["b"], ["d"], ["e"], ["f", "g"]]
    assert [None if measure is None else measure.protocol for measure in groups] == [
        config.training.protocol, "another", "", "", None,
    ]  # fmt: skip
