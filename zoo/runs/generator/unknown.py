"""A generator's name that nothing opens: which recipe, run or pretrained generator was meant."""

from __future__ import annotations

import re
from pathlib import Path

from zoo.errors import joined, near_misses, quoted


def unknown_generator(name: str) -> str:
    """Return what to say of a name that nothing opens: for a recipe's name what to train, else what was meant."""
    from zoo.generators.bundled import bundled_generators
    from zoo.runs.folder import run_folders
    from zoo.runs.lock import RUNS

    recipes = _recipe_names()
    runs = [str(path) for path in run_folders(RUNS)]
    if name in recipes:
        trained = [run for run in runs if re.fullmatch(re.escape(name) + "-[0-9]+", Path(run).name)]
        made = f"Use `zoo generate {quoted(trained[-1])}`, or train" if trained else "Train"
        return (
            f"{name}: it is a recipe, and no pretrained generator of it comes with the package. {made} one with "
            f"`zoo train {name}`, or look for one with `zoo list --hub --search {name}`"
        )
    known = {**{run: run for run in runs}, **{Path(run).name: run for run in runs}}
    known |= {known_name: known_name for known_name in (*bundled_generators(), *recipes)}
    near = list(dict.fromkeys(known[found] for found in near_misses(name, known)))
    said = f"{name}: there is no such run, generator folder or .onnx file, and it is no Hub name like OWNER/NAME. "
    if near:
        return said + f"Did you mean {joined([repr(one) for one in near], 'or')}?"
    return said + f"Pretrained are {', '.join(bundled_generators())}; see `zoo list`"


def _recipe_names() -> list[str]:
    """Return the names of all recipes; none where torch is missing, which whoever makes pictures need not have."""
    from zoo.plugins.collect import load_registry

    try:
        return list(load_registry().recipes())
    except ModuleNotFoundError:
        return []
