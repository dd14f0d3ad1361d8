"""Going back after a divergence: how often, how much slower, and what is recorded of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from zoo.errors import DivergedError
from zoo.runs.checkpoints.checkpoint import newest_good
from zoo.runs.record import Rollback
from zoo.system.console import warn

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.components import Plan
    from zoo.runs.checkpoints.checkpoint import Check
    from zoo.runs.checkpoints.nesting import State

MOST_ROLLBACKS = 3
SLOWER = 0.5
"""What a rollback multiplies both learning rates by."""


def slower_plan(plan: Plan, error: DivergedError, done: int) -> Plan:
    """Return the plan to go on with, or raise what happened where it has been gone back often enough."""
    if done >= MOST_ROLLBACKS:
        advice = (
            f"It went back {MOST_ROLLBACKS} times, each time to half the learning rates: change the recipe"
        )
        raise DivergedError(error.step, error.cause, advice) from error
    return _slowed(plan, SLOWER)


def last_good(run: Path, error: DivergedError, check: Check) -> State:
    """Return the checkpoint to go back to, or raise what happened where none is whole and passes `check`."""
    state, damage = newest_good(run, check)
    for line in damage:
        warn(line)
    if state is None:
        raise error
    return state


def _slowed(plan: Plan, factor: float) -> Plan:
    """Return the plan with both learning rates multiplied by `factor`."""
    old = plan.recipe.optimizers
    optimizers = old.model_copy(
        update={
            side: optimizer.model_copy(update={"learning_rate": optimizer.learning_rate * factor})
            for side, optimizer in (("critic", old.critic), ("generator", old.generator))
        }
    )
    return replace(plan, recipe=plan.recipe.model_copy(update={"optimizers": optimizers}))


def rollback_entry(plan: Plan, error: DivergedError, back_to: int) -> Rollback:
    """Return what `run.json` says of a rollback to step `back_to`, where `plan` goes on."""
    optimizers = plan.recipe.optimizers
    rates = {
        "critic": optimizers.critic.learning_rate,
        "generator": optimizers.generator.learning_rate,
    }
    return Rollback(step=error.step, cause=error.cause, back_to=back_to, learning_rates=rates)


def describe(entry: Rollback) -> str:
    """Return a rollback in words."""
    rates = entry.learning_rates
    return (
        f"step {entry.step}: {entry.cause}. Back to step {entry.back_to} with learning rates "
        f"{rates['critic']:.3g} (critic) and {rates['generator']:.3g} (generator)"
    )
