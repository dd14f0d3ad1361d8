"""The optimizers a recipe can ask for, with the defaults of Foster 2019's framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn
    from torch.optim import Optimizer as TorchOptimizer

_Rate = Annotated[float, Field(gt=0, description="learning rate")]
_Decay = Annotated[float, Field(ge=0, lt=1)]


class _Optimizer(BaseModel):
    """On a GPU each counts its steps there (`capturable`), where a recorded iteration can."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Adam(_Optimizer):
    """Kingma and Ba 2015."""

    name: Literal["adam"]
    learning_rate: _Rate
    betas: tuple[_Decay, _Decay] = (0.9, 0.999)
    eps: float = Field(default=1e-7, gt=0)

    def make(self, parameters: Iterable[nn.Parameter]) -> TorchOptimizer:
        """Return the optimizer over these parameters."""
        from torch.optim import Adam as TorchAdam

        weights = list(parameters)
        return TorchAdam(
            weights,
            lr=self.learning_rate,
            betas=self.betas,
            eps=self.eps,
            fused=True,
            capturable=weights[0].is_cuda,
        )


class RmsProp(_Optimizer):
    """Hinton 2012, lecture 6e; `rho` is Keras's name for what torch calls alpha."""

    name: Literal["rmsprop"]
    learning_rate: _Rate
    rho: _Decay = 0.9
    eps: float = Field(default=1e-7, gt=0)

    def make(self, parameters: Iterable[nn.Parameter]) -> TorchOptimizer:
        """Return the optimizer over these parameters."""
        from torch.optim import RMSprop

        weights = list(parameters)
        return RMSprop(
            weights,
            lr=self.learning_rate,
            alpha=self.rho,
            eps=self.eps,
            foreach=True,
            capturable=weights[0].is_cuda,
        )


Optimizer = Annotated[Adam | RmsProp, Field(discriminator="name")]


class Optimizers(BaseModel):
    """One for each side of the game."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    critic: Optimizer
    generator: Optimizer
