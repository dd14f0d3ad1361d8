"""The model card: a generator's description on the Hub, written from its `config.json` and kept beside people's edits.

The zoo's sections stand between `<!-- zoo:begin NAME -->` and `<!-- zoo:end NAME -->`, its metadata in the YAML under
the keys `OWNED`. A push rewrites these and leaves every other line alone. The last line is a seal: a hash of the other
lines as of the last push, which shows whether people edited them since, here or on the Hub.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from zoo.__about__ import DISTRIBUTION
from zoo.errors import InputError
from zoo.generators.files import CARD
from zoo.generators.measures import figures_of
from zoo_hub.card.front_matter import parse_card, split_card, with_values, without
from zoo_hub.card.licences import known_licence
from zoo_hub.card.text import section_texts

if TYPE_CHECKING:
    from zoo.generators.config import GeneratorConfig
    from zoo.generators.measures import Measure
    from zoo_hub.card.variety import Variety

TASK = "unconditional-image-generation"
OPEN_LICENCES = frozenset({"cc-by-4.0"})
"""Licences of data under which a model trained on it may be published, too."""
OWNED = frozenset({"library_name", "pipeline_tag", "license", "tags", "datasets", "model-index"})
"""The keys of the metadata that a push rewrites."""
LISTS = ("tags", "datasets")
"""Those of them to whose values people may add their own."""
_SECTION = re.compile(r"<!-- zoo:begin (\w+) -->\n.*?<!-- zoo:end \1 -->", re.DOTALL)
_SEAL = re.compile(r"\n*<!-- zoo:seal (\{.*\}) -->\n*\Z")


def render(
    repo: str, config: GeneratorConfig, *, licence: str | None = None, variety: Variety | None = None
) -> str:
    """Return a new card for a generator: a YAML block, then Markdown.

    `repo` is OWNER/NAME where it is published, or the name of one that comes with the package.
    """
    return merge("", repo, config, licence=licence, variety=variety)


def merge(
    card: str,
    repo: str,
    config: GeneratorConfig,
    *,
    licence: str | None = None,
    variety: Variety | None = None,
) -> str:
    """Return `card` with the zoo's sections and keys rewritten; a card without text gets every section.

    `licence` is the model's; without it, one that people wrote is kept, else it is derived from the data's.

    Raises:
        InputError: its YAML cannot be read.
    """
    text, sealed = _split_seal(card)
    present = _metadata(text)
    chosen = None if licence is None else known_licence(licence)
    ours = metadata(repo, config, chosen.key if chosen else _default_licence(config))
    values = {**ours, **{key: _merge_list(present.get(key), sealed.get(key), ours[key]) for key in LISTS}}
    if licence is None and present.get("license", sealed.get("license")) != sealed.get("license"):
        values["license"] = present["license"]
    if chosen is not None and chosen.name is not None:
        values["license_name"] = chosen.name
    front, body = split_card(text)
    sections = section_texts(repo, config, variety)
    if body.strip():
        body = _SECTION.sub(lambda match: _with_markers(match[1], sections.get(match[1], "")), body)
    else:
        body = "\n\n".join(_with_markers(name, section) for name, section in sections.items())
    front = with_values(
        without(front, (OWNED | ({"license_name"} if chosen else set())) - values.keys()), values
    )
    whole = f"---\n{front}\n---\n\n{body.strip()}\n"
    seal = {key: ours[key] for key in LISTS}
    seal |= {"license": _default_licence(config), "words": _edit_hash(whole)}
    # Within a comment, "-->" would end it.
    written = json.dumps(seal, sort_keys=True).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"{whole}\n<!-- zoo:seal {written} -->\n"


def base_card(here: str | None, on_hub: str | None) -> str | None:
    """Return the card to start from: the one that people edited since the last push, else the Hub's.

    Raises:
        InputError: both were edited, and differ.
    """
    if here is None or on_hub is None:
        return here if on_hub is None else on_hub
    if not is_edited(here):
        return on_hub
    if is_edited(on_hub) and _edit_hash(_split_seal(here)[0]) != _edit_hash(_split_seal(on_hub)[0]):
        raise InputError(
            f"{CARD}: it was edited here and on the Hub, in different ways. Make one of the two: put the Hub's "
            "text into the generator's folder, or delete the file here to take the Hub's"
        )
    return here


def is_edited(card: str) -> bool:
    """Whether people changed lines of a card that are not the zoo's since its last push."""
    text, sealed = _split_seal(card)
    return sealed.get("words") != _edit_hash(text)


def metadata(repo: str, config: GeneratorConfig, licence: str) -> dict[str, Any]:
    """Return the metadata that the Hub indexes, by key."""
    from huggingface_hub import ModelCardData

    _, height, width = config.image_shape
    size = f"{height}x{width}"
    data = ModelCardData(
        library_name=DISTRIBUTION,
        pipeline_tag=TASK,
        license=licence,
        tags=list(dict.fromkeys(["gan", "onnx", config.recipe, config.architecture.name, size])),
        datasets=[config.data.name],
        model_name=repo.rpartition("/")[2],
        eval_results=_figures(config) or None,
    )
    values: dict[str, Any] = data.to_dict()  # type: ignore[no-untyped-call]
    return values


def _default_licence(config: GeneratorConfig) -> str:
    licence = config.data.licence.lower()
    return licence if licence in OPEN_LICENCES else "other"


def _figures(config: GeneratorConfig) -> list[Any]:
    """Return each figure and how it was measured, the training's own first; [] where there is none."""
    from huggingface_hub import EvalResult

    data = config.data
    return [
        EvalResult(
            task_type=TASK,
            dataset_type=images,
            dataset_name=images,
            metric_type=measure.metric,
            metric_name=measure.metric,
            metric_value=value,
            metric_args=_how(measure),
        )
        for measure, value in figures_of(config).items()
        for images in [data.name if measure.fingerprint == data.fingerprint else measure.data]
    ]


def _how(measure: Measure) -> dict[str, Any]:
    """Return what tells a figure's measure from others', as `zoo list --hub` reads it back."""
    facts = {
        "protocol": measure.protocol or None,
        "fingerprint": measure.fingerprint or None,
        "higher_is_better": measure.higher_is_better,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _with_markers(name: str, text: str) -> str:
    return f"<!-- zoo:begin {name} -->\n{text}\n<!-- zoo:end {name} -->"


def _split_seal(card: str) -> tuple[str, dict[str, Any]]:
    """Return a card without its seal, and the seal's values."""
    match = _SEAL.search(card.replace("\r\n", "\n"))
    if match is None:
        return card, {}
    try:
        sealed = json.loads(match[1])
    except ValueError:
        sealed = {}
    return card.replace("\r\n", "\n")[: match.start()] + "\n", sealed if isinstance(sealed, dict) else {}


def _edit_hash(text: str) -> str:
    """Return the hash of people's lines in a card, and of where the zoo's sections stand between them."""
    front, body = split_card(text)
    lines = without(front, OWNED).strip(), _SECTION.sub(r"<\1>", body).strip()
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _metadata(text: str) -> dict[str, Any]:
    try:
        return parse_card(text)
    except ValueError as error:
        raise InputError(f"{CARD}: its YAML cannot be read: {error}. Mend it, or delete the file") from error


def _merge_list(present: Any, sealed: Any, ours: list[str]) -> list[str]:
    """Return our values and those that people added: the present ones that were not ours at the last push."""
    present, sealed = (value if isinstance(value, list) else [] for value in (present, sealed))
    merged: list[Any] = list(ours)
    for value in present:  # a table too, which is no key
        if value not in sealed and value not in merged:
            merged.append(value)
    return merged
