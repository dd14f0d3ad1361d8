"""The model card: what a generator is, how it came to be, and how to use it, from its own record.

What the zoo writes stands between `<!-- zoo:begin NAME -->` and `<!-- zoo:end NAME -->`, and in the YAML under the keys
`OWNED`. A push writes these anew and leaves every other line. The last line is a seal: the hash of the other lines as
of the last push, by which an edit is noticed, here or on the Hub.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from zoo.__about__ import DISTRIBUTION
from zoo.errors import InputError
from zoo.generators.files import CARD
from zoo_hub.card.front_matter import parse_card, split_card, with_values, without
from zoo_hub.card.text import parts

if TYPE_CHECKING:
    from zoo.generators.config import GeneratorConfig
    from zoo_hub.card.variety import Variety

TASK = "unconditional-image-generation"
OPEN_LICENCES = frozenset({"cc-by-4.0"})
"""Data licences that a model learnt from the data can carry on under the same name."""
OWNED = frozenset({"library_name", "pipeline_tag", "license", "tags", "datasets", "model-index"})
LISTS = ("tags", "datasets")
"""Keys to whose values people add their own."""
_PART = re.compile(r"<!-- zoo:begin (\w+) -->\n.*?<!-- zoo:end \1 -->", re.DOTALL)
_SEAL = re.compile(r"\n*<!-- zoo:seal (\{.*\}) -->\n*\Z")


def render(
    repo: str, config: GeneratorConfig, *, licence: str | None = None, variety: Variety | None = None
) -> str:
    """Return a new card of a generator that is published as OWNER/NAME: a YAML block, then Markdown."""
    return merge("", repo, config, licence=licence, variety=variety)


def merge(
    card: str,
    repo: str,
    config: GeneratorConfig,
    *,
    licence: str | None = None,
    variety: Variety | None = None,
) -> str:
    """Return `card` with the zoo's parts and keys written anew; one without text gets all parts.

    `licence` is the model's; without it the one that people wrote is kept, else it follows from the data's.

    Raises:
        InputError: its YAML cannot be read.
    """
    text, sealed = _unsealed(card)
    there = _metadata(text)
    ours = metadata(repo, config, licence or _default_licence(config))
    values = {**ours, **{key: _joined(there.get(key), sealed.get(key), ours[key]) for key in LISTS}}
    if licence is None and there.get("license", sealed.get("license")) != sealed.get("license"):
        values["license"] = there["license"]
    front, body = split_card(text)
    sections = parts(repo, config, variety)
    if body.strip():
        body = _PART.sub(lambda part: _marked(part[1], sections.get(part[1], "")), body)
    else:
        body = "\n\n".join(_marked(name, part) for name, part in sections.items())
    front = with_values(without(front, OWNED - values.keys()), values)
    whole = f"---\n{front}\n---\n\n{body.strip()}\n"
    seal = {key: ours[key] for key in LISTS}
    seal |= {"license": _default_licence(config), "words": _words(whole)}
    # Within a comment, "-->" would end it.
    written = json.dumps(seal, sort_keys=True).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"{whole}\n<!-- zoo:seal {written} -->\n"


def base_card(here: str | None, on_hub: str | None) -> str | None:
    """Return the card to write on: the one that people edited since the last push, else the Hub's.

    Raises:
        InputError: both were edited, and differ.
    """
    if here is None or on_hub is None:
        return here if on_hub is None else on_hub
    if not is_edited(here):
        return on_hub
    if is_edited(on_hub) and _words(_unsealed(here)[0]) != _words(_unsealed(on_hub)[0]):
        raise InputError(
            f"{CARD}: it was edited here and on the Hub, in different ways. Make one of the two: put the Hub's "
            "text into the generator's folder, or delete the file here to take the Hub's"
        )
    return here


def is_edited(card: str) -> bool:
    """Whether somebody wrote or changed lines of a card that are not the zoo's, since its last push."""
    text, sealed = _unsealed(card)
    return sealed.get("words") != _words(text)


def metadata(repo: str, config: GeneratorConfig, licence: str) -> dict[str, Any]:
    """Return what the Hub indexes, by key."""
    from huggingface_hub import ModelCardData

    _, height, width = config.image_shape
    size = f"{width}x{height}"
    data = ModelCardData(
        library_name=DISTRIBUTION,
        pipeline_tag=TASK,
        license=licence,
        tags=list(dict.fromkeys(["gan", "onnx", config.recipe, config.architecture.name, size])),
        datasets=[config.data.name],
        model_name=repo.partition("/")[2],
        eval_results=_figures(config) or None,
    )
    values: dict[str, Any] = data.to_dict()  # type: ignore[no-untyped-call]
    return values


def _default_licence(config: GeneratorConfig) -> str:
    licence = config.data.licence.lower()
    return licence if licence in OPEN_LICENCES else "other"


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


def _marked(name: str, text: str) -> str:
    return f"<!-- zoo:begin {name} -->\n{text}\n<!-- zoo:end {name} -->"


def _unsealed(card: str) -> tuple[str, dict[str, Any]]:
    """Return a card without its seal, and what the seal says."""
    match = _SEAL.search(card.replace("\r\n", "\n"))
    if match is None:
        return card, {}
    try:
        sealed = json.loads(match[1])
    except ValueError:
        sealed = {}
    return card.replace("\r\n", "\n")[: match.start()] + "\n", sealed if isinstance(sealed, dict) else {}


def _words(text: str) -> str:
    """Return the hash of what is not the zoo's in a card: people's lines, and where our parts stand between them."""
    front, body = split_card(text)
    said = without(front, OWNED).strip(), _PART.sub(r"<\1>", body).strip()
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _metadata(text: str) -> dict[str, Any]:
    try:
        return parse_card(text)
    except ValueError as error:
        raise InputError(f"{CARD}: its YAML cannot be read: {error}. Mend it, or delete the file") from error


def _joined(there: Any, sealed: Any, ours: list[str]) -> list[str]:
    """Return ours and what people added; what was ours at the last push is not theirs."""
    there, sealed = (value if isinstance(value, list) else [] for value in (there, sealed))
    return list(dict.fromkeys([*ours, *(value for value in there if value not in sealed)]))
