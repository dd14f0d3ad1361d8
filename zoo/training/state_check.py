"""Whether a checkpoint's state fits a trainer, asked before anything of it is taken over.

A checkpoint may be whole and still be none to go on from: another program may have written it. Errors are ValueErrors
with a clause for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from zoo.training.random_state import random_state, restore_random_state, same_state
from zoo.training.step import tried_slots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from zoo.recipes.optimizers import Optimizer
    from zoo.training.trainer import Trainer


def check_trainer_state(trainer: Trainer, state: Any) -> None:
    """Raise ValueError where `Trainer.load_state_dict`, or a step after it, would fail at `state`."""
    parts = table("the trainer", state)
    for name in ("step", "ema_updates"):
        count(name, parts.get(name))
    for name, network in (
        ("generator", trainer.generator),
        ("critic", trainer.critic),
        ("ema", trainer.ema.module),
    ):
        check_tensors(name, network.state_dict(), parts.get(name))
    components = table("components", parts.get("components"))
    for place, module in trainer.component_states.items():
        check_tensors(place, module.state_dict(), components.get(place))
    optimizers = trainer.plan.recipe.optimizers
    for name, optimizer, network in (
        ("critic_optimizer", optimizers.critic, trainer.critic),
        ("generator_optimizer", optimizers.generator, trainer.generator),
    ):
        _check_optimizer(name, optimizer, network, parts.get(name))
    others = parts.get("ranks", [])
    if not isinstance(others, list):
        raise ValueError("ranks is no list")
    for random in (parts.get("random"), *others):
        _check_random(random, trainer.device)


def check_tensors(where: str, expected: Mapping[str, Any], found: Any) -> None:
    """Raise ValueError where `found` has not the tensors of `expected`: names, shapes and types."""
    tensors = table(where, found)
    for name in (*expected, *tensors):
        if name not in tensors:
            raise ValueError(f"{where} lacks {name}")
        if name not in expected:
            raise ValueError(f"{where} holds {name}, which there is not")
    for name, tensor in expected.items():
        if torch.is_tensor(tensor):
            _same(f"{where} {name}", tensor.shape, tensor.dtype, tensors[name])


def table(where: str, found: Any) -> dict[Any, Any]:
    """Return `found`, which must be a table."""
    if not isinstance(found, dict):
        raise ValueError(f"{where} is no table")
    return found


def count(where: str, found: Any) -> int:
    """Return `found`, which must be a whole number from 0 on."""
    if type(found) is not int or not 0 <= found < 2**63:
        raise ValueError(f"{where} is {found!r:.40}, and no count")
    return found


def _check_optimizer(where: str, optimizer: Optimizer, network: nn.Module, found: Any) -> None:
    weights, slots = list(network.parameters()), tried_slots(optimizer)
    for index, kept in table(where, table(where, found).get("state")).items():
        if count(f"{where}: a weight's number", index) >= len(weights):
            raise ValueError(f"{where} is of more than {len(weights)} weights")
        weight, kept = weights[index], table(f"{where} {index}", kept)
        for name in slots.keys() | kept.keys():
            if name not in kept or name not in slots:
                raise ValueError(f"{where} {index} {'lacks' if name in slots else 'holds'} {name}")
            shape = weight.shape if slots[name].shape else slots[name].shape
            _same(f"{where} {index} {name}", shape, slots[name].dtype, kept[name])


def _same(where: str, shape: torch.Size, dtype: torch.dtype, found: Any) -> None:
    if not torch.is_tensor(found):
        raise ValueError(f"{where} is no tensor")
    if found.shape != shape or found.dtype != dtype:
        raise ValueError(f"{where} is {_look(found.shape, found.dtype)}, and {_look(shape, dtype)} is wanted")


def _look(shape: torch.Size, dtype: torch.dtype) -> str:
    return f"{str(dtype).removeprefix('torch.')} {tuple(shape)}"


def _check_random(found: Any, device: torch.device) -> None:
    """Try the numbers out: what generators take depends on every one of them."""
    before = random_state(device)
    try:
        restore_random_state(found, device)
        put_back = random_state(device)
        kept = {name: found[name] for name in put_back.keys() & found.keys()}
        if not same_state({name: put_back[name] for name in kept}, kept):
            raise TypeError("they are others when they are put back")
    except Exception as error:  # each generator has errors of its own
        reason = str(error).partition("\n")[0]
        raise ValueError(f"its random numbers are none ({type(error).__name__}: {reason})") from error
    finally:
        restore_random_state(before, device)
