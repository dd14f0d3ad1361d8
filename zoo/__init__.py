"""A plugin-based model zoo of GANs: `zoo.load(name)` opens a generator, `zoo.evaluate(name)` measures one,
`zoo.train(recipe)` makes one, `zoo.sweep(recipe, fields)` several, `zoo.resume(run)` trains further, and
`zoo.compare(...)` puts them side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.__about__ import __version__

__all__ = ["RunFolder", "__version__", "compare", "evaluate", "load", "resume", "sweep", "train"]

if TYPE_CHECKING:
    from zoo.api import compare, load, resume, sweep, train
    from zoo.figures.evaluate import evaluate
    from zoo.notebook.run_folder import RunFolder


def __getattr__(name: str) -> Any:
    # Imported when first used: `import zoo` must not wait for the plugins.
    if name == "evaluate":
        from zoo.figures.evaluate import evaluate

        return evaluate
    if name == "RunFolder":
        from zoo.notebook.run_folder import RunFolder

        return RunFolder
    if name in __all__:
        from zoo import api

        return getattr(api, name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")
