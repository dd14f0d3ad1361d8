"""Recipes that cannot be, by way of `--set`: each is refused with file, table, field, value and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    assert [path.name for path in Path.cwd().iterdir()] == []


CHANGES = r"""
2 losses.1.name=gradient-penality
  camel-wgangp.toml [losses.1]: gradient-penality: there is no such loss. Did you mean 'gradient-penalty'?

2 metric.name=fidd
  camel-wgangp.toml [metric]: fidd: there is no such metric. Did you mean 'fid'?

2 architecture.name=dcgann
  camel-wgangp.toml [architecture]: dcgann: there is no such architecture. Did you mean 'dcgan'?

3 data={}
  camel-wgangp.toml [data]: it names no dataset. Add name = one of array, celeba, cifar10, folder, quickdraw

2 optimizers.critic.name=adamw
  camel-wgangp.toml [optimizers.critic]: there is no 'adamw'. Did you mean 'adam'?

3 optimizers.critic={}
  camel-wgangp.toml [optimizers]: it needs the field 'critic.name'. Add it

3 training.stepz=4
  camel-wgangp.toml [training]: it has no field 'stepz'; it has accumulate, batch_size, checkpoint_every, critic_steps,
  ema, eval_every, log_every, sample_every, seed, steps. Did you mean 'steps'?

3 trainin.steps=4
  camel-wgangp.toml: it has no field 'trainin'; it has architecture, augmentations, data, losses, metric, name,
  optimizers, regularizers, summary, training. Did you mean 'training'?

3 losses.1.wight=4
  camel-wgangp.toml [losses.1]: gradient-penalty has no field 'wight'; it has interval, weight. Did you mean
  'weight'?

3 optimizers.critic.lr=1
  camel-wgangp.toml [optimizers.critic]: it has no field 'lr'; it has betas, eps, learning_rate, name. Set
  optimizers.critic.learning_rate instead

3 training.lr=1
  camel-wgangp.toml [training]: it has no field 'lr'; it has accumulate, batch_size, checkpoint_every, critic_steps,
  ema, eval_every, log_every, sample_every, seed, steps. Set optimizers.critic.learning_rate and
  optimizers.generator.learning_rate instead

3 batch_size=8
  camel-wgangp.toml: it has no field 'batch_size'; it has architecture, augmentations, data, losses, metric, name,
  optimizers, regularizers, summary, training. Set training.batch_size instead

2 optimizers.generator.name=sgd
  camel-wgangp.toml [optimizers.generator]: there is no 'sgd'. There is adam, rmsprop.

3 training.steps=abc
  camel-wgangp.toml [training]: steps should be a valid integer, found "abc". Change it

3 training.steps=5.5
  camel-wgangp.toml [training]: steps should be a valid integer, found 5.5. Change it

3 training.steps=true
  camel-wgangp.toml [training]: steps should be a valid integer, found true. Change it

3 losses=5
  camel-wgangp.toml: losses should be a list, found 5. Change it

3 losses.1=5
  camel-wgangp.toml: losses.1 should be a table, found 5. Change it

3 architecture=dcgan
  camel-wgangp.toml: architecture should be a table, found "dcgan". Change it

3 architecture.generator_activation=rely
  camel-wgangp.toml [architecture]: dcgan.generator_activation should be 'relu' or 'leaky-relu', found "rely".
  Change it

3 architecture.initial=[7, 7]
  camel-wgangp.toml [architecture]: dcgan.initial has no entry 2, counted from 0. Add it

3 optimizers.critic.betas=[0.5]
  camel-wgangp.toml [optimizers.critic]: betas has no entry 1, counted from 0. Add it

3 training.batch_size=0
  camel-wgangp.toml [training]: batch_size should be at least 1, found 0. Change it

3 training.ema=1
  camel-wgangp.toml [training]: ema should be less than 1, found 1. Change it

3 losses.1.weight=-4
  camel-wgangp.toml [losses.1]: gradient-penalty.weight should be at least 0, found -4. Change it

3 losses.1.weight=nan
  camel-wgangp.toml [losses.1]: gradient-penalty.weight should be a finite number, found NaN. Change it

3 optimizers.critic.learning_rate=inf
  camel-wgangp.toml [optimizers.critic]: learning_rate should be a finite number, found Infinity. Change it

3 losses=[]
  camel-wgangp.toml: losses should have at least 1 entry, not 0, found []. Change it

3 name=../elsewhere
  camel-wgangp.toml: name should match pattern '^[a-z0-9][a-z0-9._-]{0,63}$', found "../elsewhere". Change it

3 losses.0.name=bce
  camel-wgangp.toml [losses.0]: critic_steps is 5: under bce a critic trained ahead of the generator leaves it
  no gradient. Use 1, or the wasserstein loss

3 architecture.critic_batch_norm_momentum=0.9
  camel-wgangp.toml [losses.1]: the critic has batch norm, which ties the images of a batch together, so that no
  image has a gradient of its own. Use a critic without it

3 losses.0.weight=0
  camel-wgangp.toml [losses]: no loss says anything to the generator. Add one that does
"""
"""Exit code and change; then the message, on as many lines as it takes."""


@pytest.mark.parametrize("case", CHANGES.strip().split("\n\n"), ids=lambda case: case.split(maxsplit=2)[1])
def test_a_change_that_cannot_be(case: str, zoo: Zoo) -> None:
    first, *message = case.splitlines()
    code, _, change = first.partition(" ")

    ran = zoo("train", "camel-wgangp", "--set", change)

    assert (ran.code, ran.error) == (int(code), " ".join(line.strip() for line in message))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("training.steps", "it is not of the form key.path=value. Write for example training.steps=500"),
        ("=5", "it is not of the form key.path=value. Write for example training.steps=500"),
        ("a..b=5", "it is not of the form key.path=value. Write for example training.steps=500"),
        ("training.steps.more=1", "'steps' is no table. Name a field of a table"),
        ("training.steps.even.more=1", "nothing lies below 'even'. Name a field of a table"),
        ("losses.7.weight=1", "'7' is no entry of a list of 2. Count from 0"),
        ("losses.-1.weight=1", "'-1' is no entry of a list of 2. Count from 0"),
        ("losses.²=1", "'²' is no entry of a list of 2. Count from 0"),
        ("losses.last.weight=1", "'last' is no entry of a list of 2. Count from 0"),
    ],
)
def test_a_change_that_leads_nowhere(change: str, reason: str, zoo: Zoo) -> None:
    ran = zoo("train", "camel-wgangp", "--set", change)

    assert (ran.code, ran.error) == (3, f"--set {change}: {reason}")
