"""A play page as files in memory: everything is made and checked before anything is written."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from zoo import __version__
from zoo.api import load
from zoo.errors import InputError, UsageError, counted, quoted
from zoo.generators.generator import to_uint8
from zoo.generators.latents import latents
from zoo.images import describe_shape
from zoo.system.console import say
from zoo_export.browser.directions import pictures_needed, principal_directions
from zoo_export.browser.onnxruntime_web import CDN, LOCAL, VERSION, described, integrity, read_runtime
from zoo_export.runtime.model_file import check_model
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_export.browser.directions import Directions

STATIC = Path(__file__).parent / "static"
PAGE = "page.json"
"""What the script reads, and how a folder is known to be a page's own."""
MADE_BY = "gan-model-zoo play page"
CARD = "A page on which generators make pictures in the browser, written by `zoo demo` (gan-model-zoo)."
GENERATORS_LIMIT = 6
"""That are still to be told apart beside each other."""


def make_page(names: Sequence[str], runtime: Path | None = None) -> dict[str, bytes]:
    """Return the files of a page that plays generators side by side, by their path in its folder.

    Args:
        names: what `zoo.load` opens.
        runtime: the npm package onnxruntime-web, or its folder `dist`, to be copied into the page. Without it browsers
            load it from a public network (jsdelivr), and check its hash.

    Raises:
        UsageError: there are no names, or too many.
        InputError: a name cannot be opened, or no ONNX file is behind it; `runtime` lacks a file.
        IntegrityError: a file's bytes are not the listed ones.
        ResourceError: a generator would take too much memory or time.
        NetworkError: the Hub does not give it.
    """
    if not 1 <= len(names) <= GENERATORS_LIMIT:
        raise UsageError(
            f"{counted(len(names), 'generator')}: a page shows 1 to {GENERATORS_LIMIT}. Name that many"
        )
    copied = {} if runtime is None else {LOCAL + name: data for name, data in read_runtime(runtime).items()}
    generators = [_opened(name) for name in names]
    titles = _titles(generators)
    models = _model_files(titles)
    files = {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in STATIC.rglob("*.*")}
    files |= copied | {file: generator.model for file, generator in zip(models, generators, strict=True)}
    files["README.md"] = _space_card(titles)
    files["index.html"] = _index(files["index.html"].decode(), titles, local=runtime is not None)
    facts = {
        "made_by": MADE_BY,
        "version": __version__,
        "files": sorted([*files, PAGE]),
        "runtime": described(local=runtime is not None),
        "generators": [_described(*generator) for generator in zip(generators, titles, models, strict=True)],
    }
    files[PAGE] = json.dumps(facts, indent=1).encode()
    return files


def _opened(name: str) -> OnnxGenerator:
    generator = load(name)
    if not isinstance(generator, OnnxGenerator):
        raise InputError(f"{name}: its plugin runs it, and a browser runs ONNX files only. Give another one")
    return generator


def _described(generator: OnnxGenerator, title: str, file: str) -> dict[str, Any]:
    directions = _directions(generator)
    first = to_uint8(generator.generate(latents(0, 1, generator.latent_dim)))
    return {
        "name": title,
        "opens": quoted(_told(generator.name)),
        "file": file,
        "integrity": integrity(generator.model),
        "latent_dim": generator.latent_dim,
        "shape": generator.image_shape,
        "facts": _facts(generator),
        "directions": [_base64(vector.tobytes()) for vector in directions.vectors] if directions else [],
        "shares": directions.shares if directions else [],
        "reference": _base64(first.tobytes()),
    }


def _directions(generator: OnnxGenerator) -> Directions | None:
    work = check_model(generator.model, generator.name).cost(1).work
    pictures = pictures_needed(generator.latent_dim, work, math.prod(generator.image_shape))
    if not pictures:
        say(
            f"{generator.name}: finding its directions takes too long or too much memory, so the page has no sliders "
            "for them"
        )
        return None
    say(
        f"{generator.name}: finding the directions in which its pictures change, in {counted(pictures, 'picture')}"
    )
    return principal_directions(generator, pictures)


def _facts(generator: OnnxGenerator) -> list[str]:
    licence = generator.metadata.get("zoo.licence", "unknown")
    known = licence != "unknown" and licence.isprintable() and 0 < len(licence) <= 40
    return [
        describe_shape(generator.image_shape),
        f"{len(generator.model) / 1e6:.1f} MB",
        *([f"licence {licence}"] if known else []),
    ]


def _titles(generators: Sequence[OnnxGenerator]) -> list[str]:
    """Return what people call the generators: their recipes, or where two have the same, as they were named here."""
    recipes = [_recipe(generator) for generator in generators]
    return [
        recipe if recipes.count(recipe) == 1 else _told(generator.name)
        for recipe, generator in zip(recipes, generators, strict=True)
    ]


def _told(name: str) -> str:
    """Return a name without this machine's folders, which an absolute path tells: a page goes to strangers."""
    return Path(name).name if Path(name).is_absolute() else name


def _recipe(generator: OnnxGenerator) -> str:
    if not Path(generator.name).exists():
        return generator.name
    recipe = generator.metadata.get("zoo.recipe", "")
    return recipe if recipe.isprintable() and 0 < len(recipe) <= 64 else Path(generator.name).stem


def _model_files(titles: Sequence[str]) -> list[str]:
    """Return a file name for each, fit for any web server; no two are one file where case does not count."""
    plain = [re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")[:60] or "generator" for title in titles]
    if len(titles) == 1:
        return [f"models/{plain[0]}.onnx"]
    return [f"models/{index}-{name}.onnx" for index, name in enumerate(plain, 1)]


def _index(template: str, titles: Sequence[str], *, local: bool) -> bytes:
    requests = (
        "nothing is asked of any other host."
        if local
        else "nothing about you is sent but the request for onnxruntime-web to cdn.jsdelivr.net."
    )
    values = {
        "title": _joined(titles),
        "policy": policy(local=local),
        "version": __version__,
        "runtime": VERSION,
        "requests": requests,
    }
    escaped = {key: html.escape(value) for key, value in values.items()}
    # A comma stays with the name before it.
    heading = re.sub(
        r"</span>,", ",</span>", _joined([f"<span>{html.escape(title)}</span>" for title in titles])
    )
    return Template(template).substitute(escaped, heading=heading).encode()


def _space_card(titles: Sequence[str]) -> bytes:
    """Return what tells the Hugging Face Hub that the folder is a static Space; JSON's strings are YAML's too."""
    return f"---\ntitle: {json.dumps(_joined(titles))}\nsdk: static\n---\n\n{CARD}\n".encode()


def _joined(names: Sequence[str]) -> str:
    """Return `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def policy(*, local: bool) -> str:
    """Return the Content-Security-Policy: this folder's scripts alone, and requests to it and, if need be, the CDN."""
    return "; ".join(
        [
            "default-src 'none'",
            # onnxruntime-web runs from a blob: that is how its bytes are checked before.
            "script-src 'self' blob: 'wasm-unsafe-eval'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self'{'' if local else f' {CDN}'}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
