"""Rank 0 of a training: it alone reads the command line, holds and writes the run folder, and orders the others what
to do."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from zoo.data.sampler import sampler_on
from zoo.distributed.group import Group, join, leave
from zoo.distributed.protocol import Ended, Order, TrainerSpec
from zoo.distributed.torchrun import this_rank
from zoo.errors import InputError, NetworkError, ZooError
from zoo.system.signals import exit_code
from zoo.training.build import build_trainer, prepare
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from zoo.components import Plan
    from zoo.images import Images
    from zoo.training.device import Precision
    from zoo.training.ranks import Ranks
    from zoo.training.step import Step


@contextmanager
def leading() -> Iterator[Group]:
    """Give the ranks, of which this is the first; when the block ends, however it does, so do the others.

    After a failure they stay joined until this process has ended, so that torchrun, which ends all processes as soon
    as one has failed, does not cut short what this one has to say.
    """
    here = this_rank()
    assert here is not None
    group = join(here)
    try:
        yield group
    except BaseException as error:
        code = _exit_code(error)
        group.note_end(code)
        if group.idle:
            with suppress(NetworkError):
                _end(group, code)
        raise
    _end(group, 0)
    leave()


def _end(group: Group, code: int) -> None:
    with group.ordering(Order.END):
        group.broadcast_object(Ended(code, group.run))


def _exit_code(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, KeyboardInterrupt):
        return exit_code()
    return error.exit_code if isinstance(error, ZooError) else 1


def make_trainer(
    plan: Plan,
    images: Images,
    device: torch.device,
    precision: Precision,
    ranks: Ranks,
    *,
    eager: bool = False,
) -> Trainer:
    """Return a trainer on the images; on the first of several ranks, the others then have theirs too.

    See `build_trainer`.
    """
    if not (isinstance(ranks, Group) and ranks.rank == 0):
        return build_trainer(plan, images, device, precision, ranks, eager=eager)
    prepare(device)
    with starting_workers(ranks, plan, images.fingerprint, device, precision):
        return LeadingTrainer(plan, sampler_on(device, images), device, precision, ranks)


@contextmanager
def starting_workers(
    group: Group, plan: Plan, fingerprint: str, device: torch.device, precision: Precision
) -> Iterator[None]:
    """Have the other ranks make trainers while one is made in the block.

    Raises:
        InputError: one of them cannot, or the batch cannot be split over them.
    """
    plan.batch_per_rank(group.size)
    with group.ordering(Order.START):
        group.broadcast_object(
            TrainerSpec(plan.resolved(), plan.where, fingerprint, device.type, precision, plan.preferred)
        )
        problems = group.all_gather(None)
        for rank, problem in enumerate(problems):
            if problem is not None:
                # The others know it too, and wait for the next order.
                group.idle = True
                raise InputError(f"rank {rank}: {problem}")
        yield


class LeadingTrainer(Trainer):
    """A trainer that has those of the other ranks do whatever it does."""

    ranks: Group

    def train_step(self) -> Step:
        """Make one iteration; a signal that another rank got is raised here."""
        with self.ranks.ordering(Order.STEP) as number:
            if number:
                signal.raise_signal(number)
            return super().train_step()

    def state_dict(self) -> dict[str, Any]:
        """Return everything that decides the future, of every rank."""
        with self.ranks.ordering(Order.SAVE):
            return super().state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was taken."""
        super().load_state_dict(state)
        with self.ranks.ordering(Order.LOAD):
            self.ranks.broadcast_object(state)

    def slow_down(self, factor: float) -> None:
        """Multiply both learning rates by `factor`."""
        super().slow_down(factor)
        with self.ranks.ordering(Order.SLOW_DOWN):
            self.ranks.broadcast_object(factor)
