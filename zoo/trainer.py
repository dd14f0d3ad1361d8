"""The one training loop: it knows components by what they do, never by name; it prints nothing and calls no hook."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from zoo.batch import CriticBatch, GeneratorBatch
from zoo.ema import Ema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from zoo.components import Loss
    from zoo.device import Precision
    from zoo.plan import Plan


@dataclass(frozen=True)
class Step:
    """A finished generator iteration."""

    number: int
    """How many iterations there have been, this one included."""
    losses: dict[str, Tensor]
    """Scalars on the device, without graph: `critic` and `generator` (sums as minimised, the critic's averaged over
    its steps), and each loss's own unweighted value (`critic.gradient-penalty`)."""


class Trainer:
    """The networks, their optimizers, and the steps that train them.

    Args:
        plan: what to assemble.
        pixels: uint8 (N, C, H, W), all images, on any device; may be mapped from a file.
        index: int64 (M,), which of them are for training.
        device: where the networks live.
        precision: of convolutions; losses, gradient norms, weights and optimizer state are float32 always.
    """

    def __init__(
        self, plan: Plan, pixels: Tensor, index: Tensor, device: torch.device, precision: Precision = "fp32"
    ) -> None:
        self.plan = plan
        self.device = device
        self.precision = precision
        self.step = 0
        torch.manual_seed(plan.training.seed)
        self.generator = self._placed(plan.architecture.generator())
        self.critic = self._placed(plan.architecture.critic())
        for regularizer in plan.regularizers:
            regularizer.prepare(self.critic)
        self.ema = Ema(self.generator, plan.training.ema)
        self.critic_optimizer = plan.recipe.optimizers.critic.make(self.critic.parameters())
        self.generator_optimizer = plan.recipe.optimizers.generator.make(self.generator.parameters())
        self._pixels = pixels
        self._index = index.to(pixels.device)
        self._together = not plan.critic_ties_batch
        self._losses = _labelled(plan.losses)
        self._states = {
            place: state.to(device)
            for place, component in plan.components()
            if (state := component.state()) is not None
        }

    def steps(self, until: int) -> Iterator[Step]:
        """Train until `until` iterations have been made in all, yielding after each."""
        while self.step < until:
            yield self.train_step()

    def train_step(self) -> Step:
        """Make one iteration: `critic_steps` critic steps, then one generator step."""
        losses: dict[str, Tensor] = {}
        share = 1 / self.plan.training.critic_steps
        for _ in range(self.plan.training.critic_steps):
            for name, value in self._critic_step().items():
                losses[name] = losses.get(name, 0) + share * value
        losses.update(self._generator_step())
        self.ema.update(self.generator)
        self.step += 1
        return Step(self.step, losses)

    def _critic_step(self) -> dict[str, Tensor]:
        with torch.no_grad():
            fake = self._augment(self._fake())
            real = self._real()
        batch = CriticBatch(real, fake, self._score, together=self._together)
        values = {
            label: (loss.weight * loss.interval, loss.critic(batch))
            for label, loss in self._losses
            if loss.has_critic_side() and self.step % loss.interval == 0
        }
        total = _descend("critic", values, self.critic_optimizer)
        for regularizer in self.plan.regularizers:
            regularizer.after_step(self.critic)
        return total

    def _generator_step(self) -> dict[str, Tensor]:
        with _frozen(self.critic):
            batch = GeneratorBatch(self._augment(self._fake()), self._score, self._real)
            values = {
                label: (loss.weight * loss.interval, loss.generator(batch))
                for label, loss in self._losses
                if loss.has_generator_side() and self.step % loss.interval == 0
            }
            return _descend("generator", values, self.generator_optimizer)

    def _fake(self) -> Tensor:
        z = torch.randn(self.plan.training.batch_size, self.plan.architecture.latent_dim, device=self.device)
        with self._autocast():
            images: Tensor = self.generator(z)
        return images.float()

    def _real(self) -> Tensor:
        """Draw images uniformly, as the notes do, and scale them to [-1, 1] on the device."""
        count = self.plan.training.batch_size
        chosen = self._index[torch.randint(len(self._index), (count,), device=self._index.device)]
        images = self._pixels[chosen].to(self.device, non_blocking=True)
        scaled = images.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)
        return self._augment(scaled)

    def _augment(self, images: Tensor) -> Tensor:
        for augmentation in self.plan.augmentations:
            images = augmentation.augment(images)
        return images

    def _score(self, images: Tensor) -> Tensor:
        with self._autocast():
            scores: Tensor = self.critic(images)
        return scores.float()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def _placed(self, network: nn.Module) -> nn.Module:
        return network.to(self.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload,no-any-return]

    def state_dict(self) -> dict[str, Any]:
        """Return everything that decides the future: tensors and plain values, nested in dicts and lists."""
        state: dict[str, Any] = {
            "step": self.step,
            "ema_updates": self.ema.updates,
            "generator": self.generator.state_dict(),
            "critic": self.critic.state_dict(),
            "ema": self.ema.module.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "components": {place: module.state_dict() for place, module in self._states.items()},
            "random": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            state["cuda_random"] = torch.cuda.get_rng_state(self.device)
        if self.device.type == "mps":
            state["mps_random"] = torch.mps.get_rng_state()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was taken."""
        self.step = state["step"]
        self.ema.updates = state["ema_updates"]
        self.generator.load_state_dict(state["generator"])
        self.critic.load_state_dict(state["critic"])
        self.ema.module.load_state_dict(state["ema"])
        _restore(self.critic_optimizer, state["critic_optimizer"], self.critic)
        _restore(self.generator_optimizer, state["generator_optimizer"], self.generator)
        for place, module in self._states.items():
            module.load_state_dict(state["components"][place])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda" and "cuda_random" in state:
            torch.cuda.set_rng_state(state["cuda_random"], self.device)
        if self.device.type == "mps" and "mps_random" in state:
            torch.mps.set_rng_state(state["mps_random"])


def _labelled(losses: tuple[Loss, ...]) -> list[tuple[str, Loss]]:
    """Give each loss the name its figures are logged under: its own, numbered where a recipe has it twice."""
    names = [loss.name for loss in losses]
    return [
        (f"{loss.name}.{names[:index].count(loss.name)}" if loss.name in names[:index] else loss.name, loss)
        for index, loss in enumerate(losses)
    ]


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Spare a network's weights their gradients: they would be thrown away, and cost a third of the step."""
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    try:
        for weight in learning:
            weight.requires_grad_(False)
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


def _descend(
    side: str, values: dict[str, tuple[float, Tensor]], optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Minimise the weighted sum by one step and return it and its parts, detached."""
    if not values:
        return {}
    total = torch.stack([factor * value for factor, value in values.values()]).sum()
    optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    parts = {f"{side}.{name}": value.detach() for name, (_, value) in values.items()}
    return {side: total.detach(), **parts}


def _restore(optimizer: torch.optim.Optimizer, state: dict[str, Any], network: nn.Module) -> None:
    """Give an optimizer its tensors back, in the strides of their weights: another layout sums in another order.

    Rates and decays are the recipe's, not the state's: a resume may have changed them.
    """
    weights = list(network.parameters())
    moments = {
        index: {
            key: torch.empty_like(weights[int(index)]).copy_(value)
            if torch.is_tensor(value) and value.shape == weights[int(index)].shape
            else value
            for key, value in slots.items()
        }
        for index, slots in state["state"].items()
    }
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
