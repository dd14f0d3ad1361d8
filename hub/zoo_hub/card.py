"""The model card: what a generator is, how it came to be, and how to use it, from its `config.json` alone."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from zoo.atomic import write_atomic
from zoo.generator_folder import CARD
from zoo_hub.card_text import body
from zoo_hub.client import LIBRARY

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generator_folder import GeneratorConfig

TASK = "unconditional-image-generation"
OPEN_LICENCES = frozenset({"cc-by-4.0"})
"""Data licences that a model learnt from the data can carry on under the same name."""
_SEAL = re.compile(r"\n<!-- zoo:([0-9a-f]{64}) -->\n\Z")


def write_card(folder: Path, repo: str, config: GeneratorConfig) -> bool:
    """Write the card into a generator folder, and return whether it was ours to write.

    A card that people have written or changed stays as it is: ours ends with the hash of its text, and one
    whose hash is missing or wrong is theirs.
    """
    path = folder / CARD
    if path.is_file() and not _is_untouched(path.read_text("utf-8")):
        return False
    text = render(repo, config)
    seal = f"\n<!-- zoo:{_digest(text)} -->\n"
    write_atomic(path, (text + seal).encode())
    return True


def render(repo: str, config: GeneratorConfig) -> str:
    """Return the card of a generator that is published as OWNER/NAME: a YAML block, then Markdown."""
    return f"---\n{front_matter(repo, config)}\n---\n{body(repo, config)}"


def front_matter(repo: str, config: GeneratorConfig) -> str:
    """Return the metadata that the Hub indexes, as YAML."""
    from huggingface_hub import ModelCardData

    licence = config.data.licence.lower()
    data = ModelCardData(
        library_name=LIBRARY,
        pipeline_tag=TASK,
        license=licence if licence in OPEN_LICENCES else "other",
        tags=["gan", "onnx", config.recipe, config.architecture.name],
        datasets=[config.data.name],
        model_name=repo.partition("/")[2],
        eval_results=_figures(config) or None,
    )
    text: str = data.to_yaml()
    return text


def _figures(config: GeneratorConfig) -> list[Any]:
    """Return the figure with how it was measured, where there is one."""
    from huggingface_hub import EvalResult

    training = config.training
    if training.metric is None or training.value is None:
        return []
    return [
        EvalResult(
            task_type=TASK,
            dataset_type=config.data.name,
            dataset_name=config.data.name,
            metric_type=training.metric,
            metric_name=training.metric,
            metric_value=training.value,
            metric_args={"protocol": training.protocol} if training.protocol else None,
        )
    ]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_untouched(text: str) -> bool:
    """Whether a card is still as `write_card` left it."""
    seal = _SEAL.search(text)
    return seal is not None and seal[1] == _digest(text[: seal.start()])
