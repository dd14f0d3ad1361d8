"""What `config.json` says of a run's generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from zoo.__about__ import __version__
from zoo.errors import InputError
from zoo.generators.command import KEEPING, finished_command
from zoo.generators.config import DataRecord, GeneratorConfig, TrainingRecord
from zoo.generators.config_file import config_bytes
from zoo.generators.files import CONFIG
from zoo.plugins.collect import load_registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.components import Component, Plan
    from zoo.generators.config import ComponentRecord
    from zoo.runs.record import RunRecord


def generator_config(plan: Plan, record: RunRecord, step: int, value: float | None) -> GeneratorConfig:
    """Return what `config.json` says of the generator of a step, whose figure is `value`.

    Raises:
        InputError: the file cannot hold it.
    """
    try:
        config = _config(plan, record, step, value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{plan.where}: {CONFIG} cannot hold {where} = {str(first['input'])[:80]!r}: {first['msg']}. Change it"
        ) from error
    config_bytes(config)
    return config


def _config(plan: Plan, record: RunRecord, step: int, value: float | None) -> GeneratorConfig:
    registry = load_registry()

    def records(components: Iterable[Component]) -> tuple[ComponentRecord, ...]:
        return tuple(registry.record(component) for component in components)

    return GeneratorConfig(
        library=f"gan-model-zoo {__version__}",
        recipe=plan.recipe.name,
        architecture=registry.record(plan.architecture),
        latent_dim=plan.architecture.latent_dim,
        image_shape=plan.architecture.image_shape,
        training=TrainingRecord(
            step=step,
            steps=record.step,
            batch_size=plan.training.batch_size,
            critic_steps=plan.training.critic_steps,
            seed=plan.training.seed,
            seconds=record.seconds,
            hardware=record.hardware,
            precision=record.precision,
            metric=None if plan.metric is None else plan.metric.name,
            value=value,
            protocol=record.protocol,
            higher_is_better=None if plan.metric is None else plan.metric.higher_is_better,
            losses=records(plan.losses),
            regularizers=records(plan.regularizers),
            augmentations=records(plan.augmentations),
            command=_command(record),
        ),
        data=DataRecord.model_validate(record.data.model_dump()),
        papers=plan.papers(),
    )


def _command(record: RunRecord) -> str | None:
    """Return the command that trains the same again; None where a resume has made another training of it."""
    if any(change.fields.keys() - KEEPING for change in record.changes):
        return None
    return finished_command(record.train_command, record.step, rolled_back=bool(record.rollbacks))
