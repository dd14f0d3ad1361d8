"""One step of one side of the game: its losses, their sum, the gradient, the optimizer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor, nn

    from zoo.components import Loss
    from zoo.recipes.optimizers import Optimizer
    from zoo.training.ranks import Ranks

GRADIENT = "gradient-norm"
Values = dict[str, tuple[float, "Tensor"]]
"""The losses of one side by name: the factor of each in the sum, and its own value."""
Scalars = list[tuple[str, "Tensor"]]
"""What a step leaves, as in `Step.scalars`."""


@dataclass(frozen=True)
class Step:
    """A finished generator iteration."""

    number: int
    """How many iterations there have been, this one included."""
    scalars: tuple[tuple[str, Tensor], ...]
    """Scalars on the device, without graph, in the order they came about: of each critic step and then of the
    generator's, each loss's own unweighted value (`critic.gradient-penalty`), their weighted sum as it is minimised
    (`critic`), and the norm of its gradient (`critic.gradient-norm`)."""

    @property
    def losses(self) -> dict[str, Tensor]:
        """The scalars by name, averaged over the critic's steps."""
        gathered: dict[str, list[Tensor]] = {}
        for name, value in self.scalars:
            gathered.setdefault(name, []).append(value)
        return {name: torch.stack(values).mean() for name, values in gathered.items()}


def labelled(losses: tuple[Loss, ...]) -> list[tuple[str, Loss]]:
    """Give each loss the name its figures are logged under: its own, numbered where a recipe has it twice."""
    names = [loss.name for loss in losses]
    return [
        (f"{loss.name}.{names[:index].count(loss.name)}" if loss.name in names[:index] else loss.name, loss)
        for index, loss in enumerate(losses)
    ]


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Spare a network's weights their gradients: they would be thrown away, and cost a third of the step."""
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    try:
        for weight in learning:
            weight.requires_grad_(False)
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


def optimizer_step(
    side: str, parts: Iterable[Values], count: int, optimizer: torch.optim.Optimizer, ranks: Ranks
) -> Scalars:
    """Minimise the weighted sum by one step and return its parts, it and its gradient's norm, detached.

    Args:
        side: whose losses these are.
        parts: the losses of each micro-batch; one is asked for when the graph of the one before is gone.
        count: how many micro-batches there are. The gradient, and what is returned, is the mean over them.
        optimizer: of the side's weights.
        ranks: over whom the gradient, and what is returned, is averaged as well.
    """
    optimizer.zero_grad(set_to_none=True)
    names: list[str] = []
    figures: list[list[Tensor]] = []
    for values in parts:
        if not values:
            return []
        total = torch.stack([factor * value for factor, value in values.values()]).sum()
        (total / count if count > 1 else total).backward()  # type: ignore[no-untyped-call]
        names = [*(f"{side}.{name}" for name in values), side]
        figures.append([*(value.detach() for _, value in values.values()), total.detach()])
    gradients = [
        weight.grad
        for group in optimizer.param_groups
        for weight in group["params"]
        if weight.grad is not None
    ]
    means = figures[0]
    if count > 1 or ranks.size > 1:
        together = torch.stack([torch.stack(row) for row in figures]).mean(0)
        ranks.all_reduce_mean([*gradients, together])
        means = list(together.unbind())
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    optimizer.step()
    return [*zip(names, means, strict=True), (f"{side}.{GRADIENT}", norm)]


def restore(optimizer: torch.optim.Optimizer, state: dict[str, Any], network: nn.Module) -> None:
    """Give an optimizer its tensors back, in the strides of their weights: another layout sums in another order.

    Rates and decays are the recipe's, not the state's: a resume may have changed them.
    """
    weights = list(network.parameters())
    slots_by_weight = {
        index: {
            key: torch.empty_like(weights[int(index)]).copy_(value)
            if torch.is_tensor(value) and value.shape == weights[int(index)].shape
            else value
            for key, value in slots.items()
        }
        for index, slots in state["state"].items()
    }
    optimizer.load_state_dict(
        {"state": slots_by_weight, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def slots(recipe: Optimizer, network: nn.Module) -> dict[int, dict[str, Any]]:
    """Return what an optimizer keeps of each weight after a step; tensors as large as a weight lie on no device."""
    tried = tried_slots(recipe)
    return {
        index: {
            key: torch.empty_like(weight, device="meta") if value.shape else value
            for key, value in tried.items()
        }
        for index, weight in enumerate(network.parameters())
    }


def tried_slots(recipe: Optimizer) -> dict[str, Tensor]:
    """Return what an optimizer keeps of a weight, seen after a step at one of two numbers.

    A tensor with a shape is as large as the weight; one without is a single number, whatever the weight is like.
    """
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.zeros(2)
    trial = recipe.make([weight])
    trial.step()
    return dict(trial.state[weight])
