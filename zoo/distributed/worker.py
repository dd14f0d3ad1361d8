"""Every rank of a training but the first: it makes the same steps on its own images, and neither writes nor speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.distributed.group import join, leave
from zoo.distributed.protocol import Order
from zoo.distributed.torchrun import this_rank
from zoo.errors import InputError, NetworkError, ZooError
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import make_plan
from zoo.recipes.recipe import parse_recipe
from zoo.system.console import silence
from zoo.system.signals import stop_on_signals
from zoo.training.build import build_trainer
from zoo.training.process_state import isolated

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.components import Plan
    from zoo.distributed.group import Group
    from zoo.distributed.protocol import Ended, TrainerSpec
    from zoo.images import Images
    from zoo.training.trainer import Trainer


class LeaderError(ZooError):
    """Rank 0 failed, and has said why."""

    def __init__(self, code: int) -> None:
        self.exit_code = code
        super().__init__(f"rank 0 ended with exit code {code}. See what it says")


def follow() -> Path:
    """Do what rank 0 does until it ends, and return the run folder that it filled.

    Raises:
        LeaderError: rank 0 failed; its process may still be at work on that.
        ZooError: this rank failed, or has lost the others.
    """
    silence()
    here = this_rank()
    assert here is not None
    group = join(here)
    with isolated(training=True), stop_on_signals(silent=True) as stop:
        trainer: Trainer | None = None
        try:
            while True:
                order, _ = group.exchange_order(signal=stop.signal or 0)
                if order == Order.END:
                    return _left(group.broadcast_object())
                if order == Order.START:
                    trainer = _made(group, group.broadcast_object())
                elif trainer is not None:
                    _obey(order, trainer, group)
        except NetworkError:
            code = group.noted_end()
            if code is None:
                raise
            raise LeaderError(code) from None


def _left(ended: Ended) -> Path:
    if ended.code or ended.run is None:
        raise LeaderError(ended.code)
    leave()
    return ended.run


def _obey(order: Order, trainer: Trainer, group: Group) -> None:
    if order == Order.STEP:
        trainer.train_step()
    elif order == Order.SAVE:
        trainer.state_dict()
    elif order == Order.LOAD:
        trainer.load_state_dict(group.broadcast_object())
    elif order == Order.SLOW_DOWN:
        trainer.slow_down(group.broadcast_object())


def _made(group: Group, spec: TrainerSpec) -> Trainer | None:
    """Return a trainer like rank 0's, or None where a rank has none, which rank 0 then says."""
    problem = None
    try:
        device = group.local(torch.device(spec.device))
        plan = make_plan(parse_recipe(spec.recipe, spec.where), load_registry(), spec.where, spec.preferred)
        images = _same_images(plan, spec.fingerprint)
    except Exception as error:
        problem = str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
    if any(group.all_gather(problem)):
        return None
    return build_trainer(plan, images, device, spec.precision, group)


def _same_images(plan: Plan, fingerprint: str) -> Images:
    images = plan.data.images()
    if images.fingerprint != fingerprint:
        reason = f" ({images.stand_in.reason})" if images.stand_in is not None else ""
        raise InputError(
            f"{images.source}: its images have fingerprint {images.fingerprint[:12]}{reason}, those of rank 0 have "
            f"{fingerprint[:12]}. Bring the same images to every machine"
        )
    return images
