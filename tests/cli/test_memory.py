"""Too little memory is said in one line, with the exit code of a resource limit."""

from __future__ import annotations

import pytest
import torch

from zoo.cli.main import _explained

LINE = ("memory: there is not enough of it. Use a smaller batch, as with --set training.batch_size=16", 5)


@pytest.fixture(autouse=True)
def training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["zoo", "--debug", "train", "camel-gan"])


def test_the_processors_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**59, dtype=torch.uint8)

    assert _explained(caught.value) == LINE
    assert _explained(MemoryError()) == LINE


def test_the_graphics_cards_memory() -> None:
    assert _explained(torch.cuda.OutOfMemoryError("CUDA out of memory")) == LINE


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("resume", "Use a smaller batch, as with --set training.batch_size=16"),
        ("generate", "Make fewer pictures at once, as with --batch 8, or write them to a .npy"),
        ("pull", "Free some, or give a smaller file"),
    ],
)
def test_the_advice_fits_the_command(command: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["zoo", command, "x"])
    assert _explained(MemoryError()) == (f"memory: there is not enough of it. {advice}", 5)


def test_other_errors_are_not_taken_for_it() -> None:
    assert _explained(RuntimeError("something else")) == (
        "RuntimeError: something else. This is a fault of the zoo or of a plugin; --debug shows where",
        1,
    )
