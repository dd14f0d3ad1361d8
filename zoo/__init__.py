"""A plugin-based model zoo of GANs: `zoo.load(name)` opens a generator, `zoo.train(recipe)` makes one,
`zoo.resume(run)` trains it further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
DISTRIBUTION = "gan-model-zoo"
"""What pip, the cache folder, the Hub's tags and user agents call it."""
__all__ = ["__version__", "load", "resume", "train"]

if TYPE_CHECKING:
    from zoo.loading import load
    from zoo.training import resume, train


def __getattr__(name: str) -> Any:
    # Imported when first used: `import zoo` must not wait for torch.
    if name == "load":
        from zoo.loading import load

        return load
    if name in ("resume", "train"):
        from zoo import training

        return getattr(training, name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")
