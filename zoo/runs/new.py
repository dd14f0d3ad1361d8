"""Starting a training, and going on with one: from a recipe's name to a run that is ready to go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from zoo.data.split import split
from zoo.data.variety import too_little
from zoo.distributed.leader import make_trainer
from zoo.errors import InputError, ZooError
from zoo.evaluation.dry_run import dry_run
from zoo.evaluation.measure import RealImages, rehearse
from zoo.generators.command import asked_command, started_command
from zoo.images import describe_shape
from zoo.plugins.collect import load_registry
from zoo.plugins.events import Events
from zoo.plugins.manager import plugins
from zoo.plugins.planning import load_plan, with_data, with_stand_in
from zoo.runs.checkpoints.checkpoint import refuse_unsavable
from zoo.runs.folder import new_run_path
from zoo.runs.generator.config import generator_config
from zoo.runs.lock import command_line
from zoo.runs.options import DEFAULTS, TrainOptions
from zoo.runs.record import RunData, RunRecord
from zoo.runs.run import Run
from zoo.system.atomic import disk_errors
from zoo.system.console import warn
from zoo.system.signals import deferred
from zoo.training.device import choose_device, choose_precision, environment
from zoo.training.memory.refusal import refuse_without_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from zoo.components import Plan
    from zoo.images import Images
    from zoo.training.trainer import Trainer


class Prepared(NamedTuple):
    """A new training that is ready to go, and has no folder yet."""

    plan: Plan
    images: RealImages
    trainer: Trainer
    record: RunRecord

    def at(self, path: Path, events: Events) -> Run:
        """Return the run that trains in `path`, and tells `events` of it."""
        return Run(path, self.plan, self.images, self.trainer, self.record, events)


def new_run(
    recipe: str | Path,
    changes: Sequence[str] = (),
    *,
    data: Path | None = None,
    out: Path | None = None,
    options: TrainOptions = DEFAULTS,
    preferred: Iterable[str] = (),
    command: str | None = None,
) -> Run:
    """Make a new training ready to go; no folder is made where something is wrong.

    Args:
        out: the run folder itself, empty and held by this process; without it the next free `runs/<recipe>-<n>`.

    The other arguments and what is raised are those of `prepare`; a tracker that there is not is a UsageError too.
    """
    with deferred():
        load_registry()
        events = Events(options.trackers)
    prepared = prepare(recipe, changes, data=data, options=options, preferred=preferred, command=command)
    path = claim_run_path(prepared.plan.recipe.name) if out is None else out
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return prepared.at(path, events)


def prepare(
    recipe: str | Path,
    changes: Sequence[str] = (),
    *,
    data: Path | None = None,
    options: TrainOptions = DEFAULTS,
    preferred: Iterable[str] = (),
    command: str | None = None,
) -> Prepared:
    """Make a training of a recipe, and find out whether all that it leads to can be done.

    Args:
        recipe: its name, or the path of a TOML file.
        changes: `key.path=value`, as `--set` takes them.
        data: a local file or folder in place of the recipe's data.
        options: how to train.
        preferred: distributions whose components are meant by names that others bring too.
        command: what was asked for, see `zoo.generators.command`, where the recipe is a file that was made of it.

    Raises:
        UsageError, InputError, NetworkError: the recipe, a component or the data cannot be found.
        ZooError: the generator could not be published, see `refuse_unpublishable`.
    """
    with deferred():
        load_registry()
    plan = load_plan(recipe, changes, preferred=preferred)
    if data is not None:
        plan = with_data(plan, data, load_registry())
    prepared = prepare_plan(plan, options)
    stand_in = prepared.images.images.stand_in
    prepared.record.train_command = started_command(
        command or asked_command(str(recipe), changes, data),
        prepared.plan.training.seed,
        options.precision,
        {} if stand_in is None else stand_in.fields,
    )
    return prepared


def prepare_plan(plan: Plan, options: TrainOptions) -> Prepared:
    """Make a training of a plan; raises as `prepare` does."""
    device = options.ranks.local(choose_device(options.device or "auto"))
    precision = choose_precision(options.precision or "auto", device)
    with deferred():
        refuse_without_memory(plan, device, precision, options.ranks.size)
        refuse_unpublishable(plan)
    eager = bool(options.eager)
    plan, images = _images(plan)
    with deferred():
        trainer = make_trainer(plan, images, device, precision, options.ranks, eager=eager)
        record = _record(plan, images, trainer, eager=eager)
        generator_config(plan, record, step=0, value=None)
    real = RealImages(images, split(len(images)))
    rehearse(plan, real, device)
    return Prepared(plan, real, trainer, record)


def refuse_unpublishable(plan: Plan) -> None:
    """Refuse, before anything is learnt, a plan whose generator could not be saved, exported or drawn with.

    Raises:
        ZooError: its subclasses say what would go wrong.
    """
    states = {place: component.state() for place, component in plan.components()}
    refuse_unsavable({place: state.state_dict() for place, state in states.items() if state is not None})
    network = dry_run(plan)
    for plugin, check in plugins().implementations("zoo_check_generator"):
        refusals: list[ZooError] = []
        with plugins().tolerant(plugin):
            try:
                check(architecture=plan.architecture, generator=network)
            except ZooError as error:
                refusals.append(error)
        for refusal in refusals:
            raise refusal


def claim_run_path(name: str) -> Path:
    """Make the next free `runs/<name>-<n>`; of two processes that want one, each gets its own."""
    while True:
        path = new_run_path(name)
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path


def _images(plan: Plan) -> tuple[Plan, Images]:
    images = plan.data.images()
    for warning in images.warnings:
        warn(warning)
    if images.stand_in is not None:
        warn(images.stand_in.reason)
        plan = with_stand_in(plan, images.stand_in, load_registry())
    wanted = plan.architecture.image_shape
    if images.shape != wanted:
        raise InputError(
            f"{images.source}: its images are {describe_shape(images.shape)}, {plan.recipe.name} makes "
            f"{describe_shape(wanted)}. "
            "Give a folder or zip of images, which are resized, or take another recipe"
        )
    little = too_little(images, plan.training.batch_size, augmented=bool(plan.augmentations))
    if little is not None:
        warn(little)
    return plan, images


def _record(plan: Plan, images: Images, trainer: Trainer, *, eager: bool) -> RunRecord:
    parts = split(len(images))
    plugins = load_registry().versions(component for _, component in plan.components())
    return RunRecord(
        format=1,
        recipe=plan.recipe.name,
        started=datetime.now(UTC).isoformat(timespec="microseconds"),
        command=command_line(),
        seed=plan.training.seed,
        **environment(trainer.device, trainer.precision, trainer.ranks.size, plugins),
        eager=eager,
        data=RunData(
            name=plan.data.name,
            source=images.source,
            licence=images.licence,
            images=len(images),
            fingerprint=images.fingerprint,
            stand_in=None if images.stand_in is None else images.stand_in.reason,
        ),
        metric=None if plan.metric is None else plan.metric.name,
        protocol=None if plan.metric is None else parts.protocol(plan.metric, images.shape, plan.features),
        higher_is_better=None if plan.metric is None else plan.metric.higher_is_better,
    )
