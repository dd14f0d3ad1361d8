"""The one training loop: it knows components by what they do, never by name; it prints nothing and calls no hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from zoo.batch import CriticBatch, GeneratorBatch
from zoo.training.ema import Ema
from zoo.training.random_state import random_state, rank_seed, restore_random_state, seed_all
from zoo.training.ranks import ALONE
from zoo.training.step import Step, frozen, labelled, optimizer_step, restore, slots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from zoo.components import Plan
    from zoo.data.sampler import Sampler
    from zoo.training.device import Precision
    from zoo.training.ranks import Ranks
    from zoo.training.step import Scalars, Values


class Trainer:
    """The networks, their optimizers, and the steps that train them.

    Args:
        plan: what to assemble.
        sampler: of the real images.
        device: where the networks live.
        precision: of convolutions; losses, gradient norms, weights and optimizer state are float32 always.
        ranks: the processes that train together; each has a trainer, and all make every call in step.

    Attributes:
        component_states: what components learn or count, by their places in the recipe.

    Raises:
        InputError: the batch cannot be split over the ranks.
    """

    def __init__(
        self,
        plan: Plan,
        sampler: Sampler,
        device: torch.device,
        precision: Precision = "fp32",
        ranks: Ranks = ALONE,
    ) -> None:
        self.plan = plan
        self.device = device
        self.precision = precision
        self.ranks = ranks
        self._batch_per_rank = plan.batch_per_rank(ranks.size)
        self._splits = plan.training.accumulate
        self.step = 0
        seed_all(plan.training.seed)
        self.generator = self._placed(plan.architecture.generator())
        self.critic = self._placed(plan.architecture.critic())
        for regularizer in plan.regularizers:
            regularizer.prepare(self.critic)
        for network in (self.generator, self.critic):
            ranks.broadcast(list(network.state_dict().values()))
        self.ema = Ema(self.generator, plan.training.ema)
        self.critic_optimizer = plan.recipe.optimizers.critic.make(self.critic.parameters())
        self.generator_optimizer = plan.recipe.optimizers.generator.make(self.generator.parameters())
        self._sampler = sampler
        self._together = not plan.architecture.critic_ties_batch
        self._losses = labelled(plan.losses)
        self.component_states = {
            place: state.to(device)
            for place, component in plan.components()
            if (state := component.state()) is not None
        }
        if ranks.rank > 0:
            seed_all(rank_seed(plan.training.seed, ranks.rank))
        self._random = random_state(device)

    @property
    def uses_graph(self) -> bool:
        """Whether iterations are replayed from a recording."""
        return False

    def steps(self, until: int) -> Iterator[Step]:
        """Train until `until` iterations have been made in all, yielding after each."""
        while self.step < until:
            yield self.train_step()

    def train_step(self) -> Step:
        """Make one iteration: `critic_steps` critic steps, then one generator step."""
        # Whoever looks on between two steps (a progress bar, a tracker, a metric) may draw random numbers too.
        restore_random_state(self._random, self.device)
        self.ema.advance()
        scalars = self._iterate()
        self.step += 1
        self._random = random_state(self.device)
        return Step(self.step, tuple(scalars))

    def _iterate(self) -> Scalars:
        scalars: Scalars = []
        for _ in range(self.plan.training.critic_steps):
            scalars += self._critic_step()
        scalars += self._generator_step()
        if self.ranks.size > 1:
            self.ranks.broadcast(self._counts())
        self.ema.blend(self.generator)
        return scalars

    def _critic_step(self) -> Scalars:
        with torch.no_grad():
            fake = self._augment(self._fake(self._latents()))
            real = self._real(self._batch_per_rank)
        parts = (
            self._critic_losses(*part) for part in zip(self._split(real), self._split(fake), strict=True)
        )
        scalars = optimizer_step("critic", parts, self._splits, self.critic_optimizer, self.ranks)
        for regularizer in self.plan.regularizers:
            regularizer.after_step(self.critic)
        return scalars

    def _generator_step(self) -> Scalars:
        with frozen(self.critic):
            parts = (self._generator_losses(z) for z in self._split(self._latents()))
            return optimizer_step("generator", parts, self._splits, self.generator_optimizer, self.ranks)

    def _critic_losses(self, real: Tensor, fake: Tensor) -> Values:
        batch = CriticBatch(real, fake, self._score, together=self._together)
        return {
            label: (loss.weight * loss.interval, loss.critic(batch))
            for label, loss in self._losses
            if loss.has_critic_side() and self.step % loss.interval == 0
        }

    def _generator_losses(self, z: Tensor) -> Values:
        batch = GeneratorBatch(self._augment(self._fake(z)), self._score, lambda: self._real(len(z)))
        return {
            label: (loss.weight * loss.interval, loss.generator(batch))
            for label, loss in self._losses
            if loss.has_generator_side() and self.step % loss.interval == 0
        }

    def _split(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Return the micro-batches of a batch: drawn whole, it is the same however it is split."""
        return torch.split(batch, self._batch_per_rank // self._splits)

    def _latents(self) -> Tensor:
        return torch.randn(self._batch_per_rank, self.plan.architecture.latent_dim, device=self.device)

    def _fake(self, z: Tensor) -> Tensor:
        with self._autocast():
            images: Tensor = self.generator(z)
        return images.float()

    def _real(self, count: int) -> Tensor:
        return self._augment(self._sampler.draw(count))

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

    def _counts(self) -> list[Tensor]:
        """Return what each rank would have counted from its own images only, batch-norm statistics for one."""
        states = [
            tensor for module in self.component_states.values() for tensor in module.state_dict().values()
        ]
        return [*self.generator.buffers(), *self.critic.buffers(), *states]

    def state_dict(self) -> dict[str, Any]:
        """Return everything that decides the future: tensors and plain values, nested in dicts and lists."""
        random, *others = self.ranks.all_gather(self._random)
        return {
            "step": self.step,
            "ema_updates": self.ema.updates,
            "generator": self.generator.state_dict(),
            "critic": self.critic.state_dict(),
            "ema": self.ema.module.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "components": {place: module.state_dict() for place, module in self.component_states.items()},
            "random": random,
            "ranks": others,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was taken."""
        self.step = state["step"]
        self.ema.updates = state["ema_updates"]
        self.generator.load_state_dict(state["generator"])
        self.critic.load_state_dict(state["critic"])
        self.ema.module.load_state_dict(state["ema"])
        restore(self.critic_optimizer, state["critic_optimizer"], self.critic)
        restore(self.generator_optimizer, state["generator_optimizer"], self.generator)
        for place, module in self.component_states.items():
            module.load_state_dict(state["components"][place])
        states = [state["random"], *state.get("ranks", ())]
        if self.ranks.rank < len(states):
            self._random = states[self.ranks.rank]
        else:
            seed_all(rank_seed(self.plan.training.seed, self.ranks.rank, self.step))
            self._random = random_state(self.device)

    def slow_down(self, factor: float) -> None:
        """Multiply both learning rates by `factor`."""
        for optimizer in (self.critic_optimizer, self.generator_optimizer):
            for group in optimizer.param_groups:
                group["lr"] *= factor

    def grown_state_dict(self) -> dict[str, Any]:
        """Return what `state_dict` will be like after a step: slots that an optimizer lacks yet lie on no device."""
        state, recipes = self.state_dict(), self.plan.recipe.optimizers
        for side, recipe, network in (
            ("critic", recipes.critic, self.critic),
            ("generator", recipes.generator, self.generator),
        ):
            optimizer = state[f"{side}_optimizer"]
            if not optimizer["state"]:
                optimizer["state"] = slots(recipe, network)
        return state

    def broken(self) -> str | None:
        """Return the first weight or buffer that is not finite (`critic 0.weight`), reading the device once."""
        named = [
            (f"{side} {name}", tensor)
            for side, network in (
                ("generator", self.generator),
                ("critic", self.critic),
                ("averaged generator", self.ema.module),
            )
            for name, tensor in network.state_dict().items()
            if tensor.is_floating_point() and tensor.numel()
        ]
        # All largest values in a few kernels: on a GPU, asking each tensor for itself takes longer than an iteration.
        largest = torch._foreach_norm([tensor for _, tensor in named], float("inf"))
        finite = torch.stack([value.float() for value in largest]).isfinite().tolist()
        return next((name for (name, _), good in zip(named, finite, strict=True) if not good), None)
