"""Recordings that are not kept: what they would have done is undone, and the training goes on without them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import torch

from tests.support.recorded import INSTEAD, assert_same_training, eager_of, plan_of, recorded_of
from tests.support.tape import TapeRecorder

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.training.graph_trainer import GraphTrainer, Replay, Work
    from zoo.training.step import Scalars


class Held(TapeRecorder):
    """Replays that leave one group of tensors as it was, as one of memory that is theirs no more would."""

    def __init__(self, group: str) -> None:
        super().__init__()
        self.group = group
        self.trainer: GraphTrainer | None = None

    def capture(self, work: Work) -> tuple[Scalars, Replay]:
        scalars, replay = super().capture(work)

        def hold() -> None:
            assert self.trainer is not None
            places = self.trainer._now().tensors[self.group]
            before = [place.clone() for place in places]
            replay()
            for place, value in zip(places, before, strict=True):
                place.copy_(value)

        return scalars, hold


GROUPS = [
    *(
        f"{network}'s {kind}"
        for network in ("generator", "averaged generator")
        for kind in ("weights", "statistics", "counts")
    ),
    "critic's weights",
    *(
        f"{slot} of the {side}'s optimizer"
        for side in ("critic", "generator")
        for slot in ("step", "exp_avg", "exp_avg_sq")
    ),
]


@pytest.mark.parametrize("group", GROUPS)
def test_a_recording_that_leaves_something_out_is_not_kept(tiny: Path, group: str) -> None:
    told: list[str] = []
    plan, recorder = plan_of(tiny), Held(group)
    trainer = recorder.trainer = recorded_of(plan, recorder, told.append)
    assert_same_training(trainer, eager_of(plan))

    assert len(told) == 1
    assert told[0].startswith(f"{INSTEAD}a replay ends with the {group} ")
    assert set(GROUPS) == set(trainer._now().tensors)


class Spoilt(TapeRecorder):
    """Leaves a weight that is no number, as stale memory may."""

    def capture(self, work: Work) -> tuple[Scalars, Replay]:
        scalars, replay = super().capture(work)
        last = next(
            one
            for one in reversed(self.tapes[-1].played)
            if one.func.name().startswith("aten::_foreach_lerp_")
        )

        def spoil() -> None:
            replay()
            last.args[0][0].fill_(float("nan"))

        return scalars, spoil


class Mute(TapeRecorder):
    """Writes no figures."""

    def capture(self, work: Work) -> tuple[Scalars, Replay]:
        scalars, replay = super().capture(work)

        def silent() -> None:
            replay()
            scalars[0][1].zero_()

        return scalars, silent


class Monotonous(TapeRecorder):
    """Plays with the same random numbers again and again."""

    def capture(self, work: Work) -> tuple[Scalars, Replay]:
        scalars, replay = super().capture(work)

        def again() -> None:
            torch.manual_seed(0)
            replay()

        return scalars, again


@pytest.mark.parametrize(
    ("recorder", "reason"),
    [
        (Mute, r"a replay ends with the figures (\S+) from where it should, after a way of \1"),
        (Spoilt, "a replay makes the averaged generator's weights no numbers"),
        (Monotonous, "a replay draws other random numbers"),
    ],
)
def test_a_recording_that_does_something_else_is_not_kept(
    tiny: Path, recorder: type[TapeRecorder], reason: str
) -> None:
    told: list[str] = []
    plan = plan_of(tiny)
    trainer = recorded_of(plan, recorder(), told.append)
    assert_same_training(trainer, eager_of(plan))

    assert len(told) == 1
    assert re.fullmatch(INSTEAD + reason, told[0])
    assert not trainer.uses_graph
