"""Each symptom: found in a history that has it, and in no healthy one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zoo.history import BINS, Curve, Diagnosis, Distribution, History, Neighbour, Probe
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import load_plan
from zoo.reports.health import diagnose, in_lines
from zoo.reports.read import with_facts

if TYPE_CHECKING:
    from zoo.components import Symptom

RECIPES = ["camel-gan", "camel-wgan", "camel-wgangp"]
STEPS = np.arange(10, 6001, 10)
NAMES = [
    "critic-too-strong",
    "critic-too-weak",
    "divergence",
    "lipschitz-bound-broken",
    "memorisation",
    "mode-collapse",
    "not-trained-long-enough",
    "oscillating-loss",
    "overfitted-critic",
    "saturated-weights",
    "uninformative-loss",
    "vanishing-generator-gradient",
]


def spread(mean: float, std: float = 1.0, counts: tuple[int, ...] = (1,) * BINS) -> Distribution:
    return Distribution(mean=mean, std=std, low=mean - 3 * std, high=mean + 3 * std, counts=counts)


def probe(step: int = 6000, **changed: Any) -> Probe:
    """A healthy one, as trained camels have it, but for what is changed."""
    healthy = {
        "step": step,
        "training_scores": spread(1.0),
        "held_out_scores": spread(0.8),
        "generated_scores": spread(-0.5),
        "slopes": spread(1.0, 0.2),
        "weights": spread(0.0, 0.05),
        "generated_spread": 100.0,
        "training_spread": 115.0,
        "neighbours": tuple(Neighbour(index=index, distance=80.0) for index in range(16)),
        "training_neighbour": 84.0,
    }
    return Probe.model_validate(healthy | changed)


def curve(values: Any, steps: Any = STEPS) -> Curve:
    return Curve(np.asarray(steps), np.broadcast_to(np.asarray(values, float), np.shape(steps)))


def history(recipe: str = "camel-wgangp", *probes: Probe, **changed: Any) -> History:
    """A healthy one of a recipe, but for the probes and curves that are given (`generator_gradient_norm`)."""
    noise = np.random.default_rng(0).normal(size=len(STEPS))
    bce = recipe == "camel-gan"
    evaluated = np.arange(500, 6001, 500)
    curves = {
        "critic": curve((0.65 - STEPS / 25_000 if bce else -1.5 - STEPS / 5_000) + 0.02 * noise),
        "generator": curve((0.85 + STEPS / 6_000 if bce else 7.0 - STEPS / 6_000) + 0.1 * noise),
        "critic.gradient-norm": curve(17 + noise),
        "generator.gradient-norm": curve(13 + noise),
        "swd": curve(40 + 5 * np.exp(-evaluated / 2000), evaluated),
    }
    record = {"step": 6000, "steps": 6000, "metric": "swd", "best": {"step": 5000, "value": 40.2}}
    given = {name.replace("_", "."): value for name, value in changed.items() if isinstance(value, Curve)}
    given = {name.replace("gradient.norm", "gradient-norm"): value for name, value in given.items()}
    record |= {name: value for name, value in changed.items() if not isinstance(value, Curve)}
    found = History(record, load_plan(recipe).recipe, curves | given, probes or (probe(5500), probe()))
    return with_facts(found, recipe)


def found(name: str, seen: History) -> Diagnosis | None:
    symptom: type[Symptom] = load_registry().entry("symptom", name).component  # type: ignore[assignment]
    return symptom().find(seen)


SWINGING = curve(1.0 + 0.8 * np.sin(STEPS / 100))
LATE = (5000, 5500, 6000)
LIKE = [probe(step, generated_scores=spread(1.01)) for step in LATE]
SICK: dict[str, list[History]] = {
    "critic-too-strong": [
        history(
            "camel-gan", probe(training_scores=spread(9), generated_scores=spread(-9)), critic=curve(0.02)
        ),
    ],
    "critic-too-weak": [
        history("camel-wgan", *LIKE, critic=curve(0.0)),
        history("camel-gan", *(probe(step, generated_scores=spread(9)) for step in LATE), critic=curve(0.69)),
    ],
    "divergence": [
        history(divergence={"step": 812, "cause": "the loss critic.wasserstein is nan"}),
        history(
            rollbacks=[{"step": 70, "cause": "the weight x is inf", "back_to": 50, "learning_rates": {}}]
        ),
    ],
    "lipschitz-bound-broken": [history("camel-wgangp", probe(slopes=spread(4.0)))],
    "memorisation": [
        history("camel-gan", probe(neighbours=tuple(Neighbour(index=1, distance=20) for _ in range(16)))),
    ],
    "mode-collapse": [
        history("camel-gan", probe(500), probe(1000, generated_spread=12.0)),
        history("camel-wgangp", probe(600, generated_spread=0.0)),
    ],
    "not-trained-long-enough": [
        history(swd=curve([90, 70, 60, 50], [100, 200, 300, 400]), best={"step": 400, "value": 50.0}),
    ],
    "oscillating-loss": [history("camel-gan", generator=SWINGING)],
    "overfitted-critic": [history("camel-wgangp", probe(held_out_scores=spread(-0.4)))],
    "saturated-weights": [
        history("camel-wgan", probe(weights=spread(0, 0.005, (880, *(1,) * (BINS - 2), 880)))),
    ],
    "uninformative-loss": [
        history("camel-gan", critic=curve(0.693), swd=curve([90, 70, 60, 50], [1500, 3000, 4500, 6000])),
    ],
    "vanishing-generator-gradient": [
        history("camel-gan", generator_gradient_norm=curve(10.0 ** (-STEPS / 1000)))
    ],
}


def test_every_symptom_that_ships_is_tried_here() -> None:
    assert load_registry().names("symptom") == NAMES == sorted(SICK)


@pytest.mark.parametrize("name", NAMES)
def test_a_sick_history_is_found_with_its_evidence(name: str) -> None:
    for sick in SICK[name]:
        diagnosis = found(name, sick)

        assert diagnosis is not None
        assert any(letter.isdigit() for letter in diagnosis.evidence), "the figure that shows it"
        assert diagnosis.cause
        assert diagnosis.advice
        lines = in_lines([diagnosis])
        assert lines[0] == f"{diagnosis.what}."
        assert all("\n" not in line for line in lines)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_healthy_history_has_nothing(recipe: str) -> None:
    assert diagnose(history(recipe)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_has_just_begun_has_nothing(name: str) -> None:
    empty = with_facts(History({"step": 0}, load_plan("camel-wgangp").recipe), "here")
    short = History(
        {"step": 2, "metric": "swd"}, None, {"critic": curve([1.0, 2.0], [1, 2]), "swd": curve([3.0], [2])}
    )

    assert found(name, empty) is None
    assert found(name, short) is None


def test_what_only_one_kind_of_scores_can_have_is_not_looked_for_in_the_other() -> None:
    assert found("oscillating-loss", history("camel-wgangp", generator=SWINGING)) is None
    assert found("critic-too-strong", history("camel-wgangp", probe(training_scores=spread(90)))) is None
    assert found("lipschitz-bound-broken", history("camel-wgan", probe(slopes=spread(40.0)))) is None
    assert found("lipschitz-bound-broken", history("camel-gan", probe(slopes=spread(40.0)))) is None


def test_a_training_that_goes_on_is_not_told_to_go_on() -> None:
    (short,) = SICK["not-trained-long-enough"]
    goes_on = replace(short, record={**short.record, "state": "running"})

    assert found("not-trained-long-enough", goes_on) is None


def test_what_the_critic_cannot_tell_apart_may_have_become_good() -> None:
    weak = SICK["critic-too-weak"][0]
    steps = [1000, 6000]
    fallen = replace(weak, curves={**weak.curves, "swd": curve([90, 40], steps)})
    risen = replace(weak, curves={**weak.curves, "swd": curve([1, 100], steps)}, higher_is_better=True)

    assert found("critic-too-weak", fallen) is None
    assert found("critic-too-weak", risen) is None
    assert found("critic-too-weak", replace(fallen, higher_is_better=True)) is not None


@pytest.mark.parametrize(("recipe", "loss"), [("camel-wgan", -0.5), ("camel-gan", 0.6)])
def test_a_critic_that_learns_is_not_too_weak_for_an_average_that_lags(recipe: str, loss: float) -> None:
    assert found("critic-too-weak", history(recipe, *LIKE, critic=curve(loss))) is None


def test_weights_are_saturated_only_where_something_holds_them() -> None:
    (clipped,) = SICK["saturated-weights"]

    assert found("saturated-weights", replace(clipped, recipe=load_plan("camel-wgangp").recipe)) is None


def test_that_most_weights_are_at_the_ends_is_usual_under_clipping() -> None:
    usual = probe(weights=spread(0, 0.005, (290, *(2,) * (BINS - 2), 290)))

    assert found("saturated-weights", history("camel-wgan", usual)) is None


def test_a_figure_that_ends_with_its_best_by_chance_is_not_still_improving() -> None:
    steps = [100, 200, 300, 400, 500, 600, 700, 800]
    jumps = curve([343, 385, 281, 257, 160, 292, 520, 128], steps)

    assert found("not-trained-long-enough", history(swd=jumps, best={"step": 800, "value": 128.0})) is None


def test_figures_below_one_are_told_apart() -> None:
    fell = history(swd=curve([0.09, 0.05, 0.00491], [100, 200, 300]), best={"step": 300, "value": 0.00491})
    short = found("not-trained-long-enough", fell)

    assert short is not None
    assert "went from 0.05 to 0.00491 " in short.evidence


def test_a_figure_that_stays_at_zero_is_not_still_improving() -> None:
    steps = [100, 200, 300, 400]
    still = history(swd=curve([0, 0, 0, 0], steps), best={"step": 400, "value": 0.0})

    assert found("not-trained-long-enough", still) is None


def test_advice_can_be_typed() -> None:
    sick = SICK["lipschitz-bound-broken"][0]
    diagnosis = found("lipschitz-bound-broken", sick)

    assert diagnosis is not None
    assert "--set losses.1.weight=20" in diagnosis.advice[0]
    assert "--set optimizers.critic.learning_rate=0.0001" in diagnosis.advice[1]
    assert sick.scaled("training.batch_size", 2) == "--set training.batch_size=128"
    assert sick.scaled("losses.9.weight", 2) == "--set losses.9.weight=..."


def test_a_collapse_is_dated_from_where_it_began() -> None:
    narrow = history(
        "camel-gan", probe(500), probe(1000, generated_spread=9), probe(1500, generated_spread=8)
    )

    diagnosis = found("mode-collapse", narrow)

    assert diagnosis is not None
    assert diagnosis.step == 1000
    assert "8 levels apart" in diagnosis.evidence


def test_a_symptom_that_fails_is_left_out_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of nothing")

    monkeypatch.setattr(load_registry().entry("symptom", "mode-collapse").component, "find", fail)
    assert [diagnosis.what for diagnosis in diagnose(SICK["saturated-weights"][0])] == [
        "Clipping has saturated the critic's weights"
    ]
    assert (
        "the symptom mode-collapse of gan-model-zoo failed (of nothing). It is left out"
        in capsys.readouterr().err
    )
