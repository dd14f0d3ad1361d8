"""What breaks a generator whatever its weights is found on a new network, and named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.support.tiny_generator import LATENT_DIM, Tiny, make
from zoo.errors import InputError, IntegrityError
from zoo.evaluation.calibration import calibrated
from zoo.evaluation.contract import pictures_by_batch, refuse_broken_contract

if TYPE_CHECKING:
    from collections.abc import Callable

    Between = Callable[["Small", Tensor], Tensor]
    End = Callable[[Tensor], Tensor]

SHAPE = (3, 16, 16)


class Small(nn.Module):
    """Two layers, and something done to what is between them."""

    def __init__(self, between: Between, end: End = torch.tanh) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 6)
        self.norm = nn.BatchNorm1d(8)
        self.group = nn.GroupNorm(2, 8)
        self.calls = 0
        self.between, self.end = between, end

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.end(self.last(self.between(self, self.first(z)))).view(-1, 1, 2, 3)
        return images


def refused(between: Between, end: End = torch.tanh) -> Exception:
    with pytest.raises((InputError, IntegrityError)) as caught:
        refuse_broken_contract(Small(between, end).eval(), 4, (1, 2, 3), "small")
    assert "\n" not in str(caught.value)
    return caught.value


def counted(network: Small, x: Tensor) -> Tensor:
    network.calls += 1
    return x + network.calls


@pytest.mark.parametrize(
    "between",
    [
        lambda network, x: network.norm(x),
        lambda network, x: network.group(x),
        lambda _, x: x / x.std(1, keepdim=True),
        lambda _, x: x.sort(1).values,
    ],
    ids=["batch norm", "group norm", "deviation of a picture", "sorted in a picture"],
)
def test_what_follows_from_a_pictures_own_latents_is_right(
    between: Callable[[Small, Tensor], Tensor],
) -> None:
    refuse_broken_contract(Small(between).eval(), 4, (1, 2, 3), "small")


@pytest.mark.parametrize(
    "between",
    [
        lambda _, x: x - x.mean(0),
        lambda _, x: x.sort(0).values,
        lambda _, x: x / x.std(0),
        lambda _, x: x + x[:1],
        lambda _, x: x + x[-1:],
        lambda _, x: x.roll(1, 0),
        lambda _, x: x.cumsum(0),
        lambda _, x: x + torch.arange(len(x))[:, None],
        lambda _, x: x.softmax(0),
    ],
    ids=["mean", "sort", "deviation", "first", "last", "neighbour", "sum", "place", "softmax"],
)
def test_pictures_that_depend_on_their_batch_are_refused(between: Between) -> None:
    error = refused(between)

    assert isinstance(error, IntegrityError)
    assert str(error).startswith("small: its pictures depend on their batch: in one of 1 they ")
    assert str(error).endswith(". Let a picture follow from its own latents alone")


class Gated(Small):
    """A branch over the batch, behind a weight that begins at 0."""

    def __init__(self) -> None:
        gate = nn.Parameter(torch.zeros(()))
        super().__init__(lambda network, x: x + network.get_parameter("gate") * (x - x.mean(0)))
        self.gate = gate


def test_a_branch_that_is_closed_at_first_is_looked_into() -> None:
    network = Gated().eval()
    with pytest.raises(IntegrityError, match="its pictures depend on their batch"):
        refuse_broken_contract(network, 4, (1, 2, 3), "gated")
    assert not network.gate.detach().any(), "in a copy"


def test_a_batch_of_one_that_is_not_finite_is_said() -> None:
    assert "in one of 1 they are not finite, in one of 64 they are. " in str(
        refused(lambda _, x: x / x.std(0))
    )


def test_a_batch_norm_without_statistics_is_named() -> None:
    network = make()
    network.body[2] = nn.BatchNorm2d(6, track_running_stats=False)
    network.eval()
    with pytest.raises(IntegrityError) as caught:
        pictures_by_batch(network, LATENT_DIM, "tiny")
    assert str(caught.value).endswith(
        ", as BatchNorm2d (body.2) takes its statistics from the batch. Let a picture follow from its own latents "
        "alone (batch norm: track_running_stats=True)"
    )
    assert str(caught.value).startswith(
        "tiny: its pictures depend on their batch: in one of 1 they differ from those in one of 64 by up to "
    )


def test_a_norm_that_fails_for_a_single_picture_is_named() -> None:
    network = Small(lambda network, x: network.norm(x))
    network.norm = nn.BatchNorm1d(8, track_running_stats=False)
    with pytest.raises(IntegrityError) as caught:
        refuse_broken_contract(network.eval(), 4, (1, 2, 3), "small")
    assert str(caught.value).startswith(
        "small: its forward fails for a batch of 1, as BatchNorm1d (norm) takes its statistics from the batch: "
        "ValueError: Expected more than 1 value per channel when training, got input size"
    )


class Stubborn(nn.BatchNorm2d):
    """It never leaves training mode."""

    def train(self, mode: bool = True) -> Self:
        return super().train(mode or True)


def test_a_part_that_stays_in_training_mode_is_found() -> None:
    network = make()
    network.body[2] = Stubborn(6)
    with pytest.raises(
        IntegrityError, match=r", as Stubborn \(body\.2\) takes its statistics from the batch\. "
    ):
        pictures_by_batch(network.eval(), LATENT_DIM, "tiny")


@pytest.mark.parametrize(
    "between",
    [lambda _, x: x + torch.randn_like(x), lambda _, x: functional.dropout(x, 0.5, training=True), counted],
    ids=["noise", "dropout", "counter"],
)
def test_pictures_that_differ_from_call_to_call_are_refused(
    between: Callable[[Small, Tensor], Tensor],
) -> None:
    # Batches that begin with the same latents are calls of their own.
    assert isinstance(refused(between), IntegrityError)


def test_chance_is_named_where_the_batch_is_not_to_blame() -> None:
    state = torch.get_rng_state()
    error = refused(
        lambda network, x: x + (torch.rand(()) if network.calls > 3 else 0) + 0 * counted(network, x)
    )

    assert str(error).startswith("small: the same latents give another picture at another call, by up to ")
    assert torch.equal(torch.get_rng_state(), state)


def test_faint_pictures_of_a_new_network_are_looked_at_as_closely() -> None:
    refuse_broken_contract(
        Small(lambda _, x: x, lambda x: torch.tanh(1e-4 * x)).eval(), 4, (1, 2, 3), "small"
    )
    with pytest.raises(IntegrityError, match="depend on their batch"):
        refuse_broken_contract(
            Small(lambda _, x: x - x.mean(0), lambda x: torch.tanh(1e-4 * x)).eval(), 4, (1, 2, 3), "small"
        )


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (
            lambda x: x,
            "nothing keeps its pictures in [-1, 1]: with weights and latents 10 times as large they reach ",
        ),
        (torch.sigmoid, None),
        (lambda x: x.clamp(-1, 1), None),
        (lambda x: 1.5 * torch.tanh(x), "nothing keeps its pictures in [-1, 1]: "),
        (
            lambda x: torch.tanh(x).double(),
            "its forward gives torch.float64, not one tensor of torch.float32. ",
        ),
        (
            lambda x: torch.tanh(x).half(),
            "its forward gives torch.float16, not one tensor of torch.float32. ",
        ),
        (lambda x: torch.tanh(x) * float("nan"), "batch 64: its pictures are not finite. "),
        (
            lambda x: torch.tanh(x)[:, :5].repeat(1, 6),
            "1 latents give pictures (5, 1, 2, 3), not (1, C, H, W). ",
        ),
    ],
    ids=["linear", "sigmoid", "clamp", "beyond", "double", "half", "nan", "twice"],
)
def test_type_range_and_shape(end: End, reason: str | None) -> None:
    if reason is None:
        refuse_broken_contract(Small(lambda _, x: x, end).eval(), 4, (1, 2, 3), "small")
    else:
        assert str(refused(lambda _, x: x, end)).startswith(f"small: {reason}")


def test_another_shape_than_the_architectures_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        refuse_broken_contract(make().eval(), LATENT_DIM, (3, 28, 28), "tiny")
    assert str(caught.value) == (
        "tiny: 1 latents give pictures (1, 3, 16, 16), its image_shape promises (1, 3, 28, 28). Change one of the two"
    )


def test_looking_leaves_the_network_and_the_process_as_they_were() -> None:
    network = calibrated(make(), LATENT_DIM, 8, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    refuse_broken_contract(network, LATENT_DIM, SHAPE, "tiny")

    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not network.training
    assert isinstance(network, Tiny)


def test_pictures_come_back_by_their_batch() -> None:
    pictures = pictures_by_batch(make().eval(), LATENT_DIM, "tiny", (1, 5))

    assert {batch: some.shape for batch, some in pictures.items()} == {1: (1, *SHAPE), 5: (5, *SHAPE)}
    np.testing.assert_allclose(pictures[1], pictures[5][2:3], atol=1e-5)


def test_a_new_network_has_no_other_checkpoint_to_export() -> None:
    broken = Small(lambda _, x: x * float("nan")).eval()
    said = "small: batch 64: its pictures are not finite. "
    with pytest.raises(IntegrityError) as caught:
        refuse_broken_contract(broken, 4, (1, 2, 3), "small")
    assert str(caught.value) == f"{said}Mend its forward, or the weights that it begins with"

    with pytest.raises(IntegrityError) as caught:
        pictures_by_batch(broken, 4, "small")
    assert str(caught.value) == f"{said}Export another checkpoint, or mend its forward"


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: no")],
)
def test_a_lack_of_memory_is_no_fault_of_a_network(error: Exception) -> None:
    def fail(_network: Small, _x: Tensor) -> Tensor:
        raise error

    with pytest.raises(type(error)) as caught:
        refuse_broken_contract(Small(fail).eval(), 4, (1, 2, 3), "small")
    assert caught.value is error
