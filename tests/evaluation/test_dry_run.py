"""What would fail after hours of training fails before the first step, in one line."""

from __future__ import annotations

import threading
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from zoo.components import Architecture
from zoo.errors import InputError, ResourceError
from zoo.evaluation.dry_run import dry_run
from zoo.evaluation.weights import load_weights, plain_tensors, weights_bytes
from zoo.generators.files import LIMITS, WEIGHTS
from zoo.plugins.planning import load_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.components import Plan
    from zoo.images import ImageShape


class Network(nn.Module):
    """Three dense layers, and something special about one of them."""

    def __init__(self, special: Callable[[Network], None]) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 784)
        special(self)

    def forward(self, z: Tensor) -> Tensor:
        x = self.second(torch.relu(self.first(z)))
        for name in ("third", "fourth"):
            x = getattr(self, name)(x) if hasattr(self, name) else x
        if hasattr(self, "noise"):
            x = x + self.noise
        images: Tensor = torch.tanh(self.last(x)).view(-1, 1, 28, 28)
        return images


class Special(Architecture):
    """A generator with something special, and a critic."""

    name: ClassVar[str] = "special"
    latent_dim: int = 8
    make: ClassVar[Callable[[], nn.Module]]

    @property
    def image_shape(self) -> ImageShape:
        return 1, 28, 28

    def generator(self) -> nn.Module:
        return type(self).make()

    def critic(self) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(0))


def plan_of(make: Callable[[], nn.Module]) -> Plan:
    own = type("Own", (Special,), {"make": staticmethod(make), "__annotations__": {}})
    return replace(load_plan("camel-wgangp"), architecture=own())


def tried(special: Callable[[Network], None]) -> nn.Module:
    return dry_run(plan_of(lambda: Network(special)))


def tied_module(network: Network) -> None:
    network.third = network.second


def tied_parameter(network: Network) -> None:
    network.third = nn.Linear(16, 16)
    network.third.weight = network.second.weight


def odd_buffers(network: Network) -> None:
    network.register_buffer("mask", torch.ones(3, dtype=torch.bool))
    network.register_buffer("nothing", None)
    network.register_buffer("empty", torch.zeros(0, 3))
    network.register_buffer("phases", torch.zeros(3, dtype=torch.complex64))
    network.register_parameter("an odd/näme 🐫", nn.Parameter(torch.zeros(2)))
    network.register_parameter("turned", nn.Parameter(torch.randn(4, 5).t()))
    base = torch.randn(20)
    network.one, network.other = nn.Parameter(base[:16]), nn.Parameter(base[4:])


def older_norms(network: Network) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it advises the newer kind
        nn.utils.weight_norm(network.first)
    nn.utils.spectral_norm(network.second)


def newer_norms(network: Network) -> None:
    nn.utils.parametrizations.weight_norm(network.first)
    nn.utils.parametrizations.spectral_norm(network.second)
    nn.utils.parametrizations.orthogonal(network.last)


@pytest.mark.parametrize("special", [tied_module, tied_parameter, odd_buffers, older_norms, newer_norms])
def test_what_can_be_saved_comes_back(special: Callable[[Network], None]) -> None:
    network, again = tried(special).eval(), Network(special).eval()
    load_weights(again, weights_bytes(network))
    z = torch.randn(3, 8)

    torch.testing.assert_close(again(z), network(z), rtol=0, atol=1e-6)
    assert len(list(again.parameters())) == len(list(network.parameters())), "tied is tied again"


def test_tied_weights_are_written_under_each_name() -> None:
    data = weights_bytes(Network(tied_module))

    assert b'"third.weight"' in data
    assert b'"second.weight"' in data


def lazy(network: Network) -> None:
    network.third = nn.LazyLinear(16)


def plain_noise(network: Network) -> None:
    network.noise = torch.randn(16)


def unsaved_noise(network: Network) -> None:
    network.register_buffer("noise", torch.randn(16), persistent=False)


def expanded(network: Network) -> None:
    network.noise = nn.Parameter(torch.zeros(1).expand(16))


def complex_weight(network: Network) -> None:
    network.phase = nn.Parameter(torch.zeros(3, dtype=torch.complex64))


def locked(network: Network) -> None:
    network.lock = threading.Lock()  # type: ignore[assignment]


def with_graph(network: Network) -> None:
    network.twice = 2 * network.second.weight


def wide_numbers(network: Network) -> None:
    network.register_buffer("wide", torch.zeros(3, dtype=torch.complex128))


def metadata(network: Network) -> None:
    network.register_parameter("__metadata__", nn.Parameter(torch.zeros(2)))


def escaping(network: Network) -> None:
    network.register_buffer("state\x1b[31m", torch.zeros(2))


OTHER_PICTURES = (
    "its generator gives other pictures once its weights are written and loaded: it computes with numbers"
)
SAVED = "its generator cannot be written to model.safetensors and loaded again: "


@pytest.mark.parametrize(
    ("special", "reason"),
    [
        (lazy, "its generator: third.weight has no size before its first call. Give its layer its sizes"),
        (plain_noise, OTHER_PICTURES),
        (unsaved_noise, OTHER_PICTURES),
        (expanded, SAVED),
        (complex_weight, "its generator: phase is complex, and optimizers take real weights. Make two of it"),
        (locked, "its generator cannot be copied, as its average is: TypeError: cannot pickle"),
        (with_graph, "its generator cannot be copied, as its average is: RuntimeError: Only Tensors created"),
        (wide_numbers, SAVED),
        (metadata, SAVED),
        (escaping, "its generator: 'state\\x1b[31m' holds a character that no file's names hold"),
    ],
)
def test_what_cannot_is_refused_in_one_line(special: Callable[[Network], None], reason: str) -> None:
    with pytest.raises(InputError) as caught:
        tried(special)
    assert str(caught.value).startswith(f"special: {reason}")
    assert "\n" not in str(caught.value)


class Extra(Network):
    """It saves more than tensors."""

    def get_extra_state(self) -> dict[str, int]:
        return {"calls": 1}


def test_a_state_that_is_no_tensor_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        dry_run(plan_of(lambda: Extra(tied_module)))
    assert str(caught.value) == (
        "special: its generator: its state_dict holds _extra_state, a dict, and files hold tensors only. "
        "Keep it in a buffer"
    )


def test_a_generator_that_is_made_only_once_is_refused() -> None:
    kept = Network(tied_module)
    with pytest.raises(
        InputError, match=r"^special: two calls of its generator\(\) share weights, so that loading"
    ):
        dry_run(plan_of(lambda: kept))


def test_more_weights_than_are_ever_read_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, WEIGHTS, 5000)
    with pytest.raises(
        ResourceError, match=r"^special: its generator: its weights take \d+ bytes, and more than 5000"
    ):
        tried(tied_module)


def test_a_dry_run_keeps_to_itself() -> None:
    before = [torch.is_grad_enabled(), torch.get_num_threads(), torch.get_float32_matmul_precision()]
    network = tried(tied_module)

    assert [torch.is_grad_enabled(), torch.get_num_threads(), torch.get_float32_matmul_precision()] == before
    assert not network.training
    assert not any(weight.is_inference() for weight in network.state_dict().values())


def test_a_lack_of_memory_is_no_fault_of_an_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_network: nn.Module) -> nn.Module:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("zoo.evaluation.dry_run.copy_network", fail)
    with pytest.raises(torch.OutOfMemoryError):
        tried(tied_module)


def test_tensors_of_any_layout_are_made_fit_for_safetensors() -> None:
    base = torch.randn(2, 3, 4, 4, requires_grad=True)
    odd = {
        "channels last": base.to(memory_format=torch.channels_last),
        "shared": base,
        "turned": base.transpose(0, 1),
        "part": base[:1],
        "expanded": torch.zeros(1).expand(5),
    }
    again = load(save(plain_tensors(odd)))
    assert all(torch.equal(again[name], tensor) for name, tensor in odd.items())
