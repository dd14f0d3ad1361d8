"""Publishing the generators that come with the package, each in a repository of its own, and a page that lists them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from zoo.__about__ import DISTRIBUTION
from zoo.errors import InputError, rounded
from zoo.generators.bundled import bundled_generators
from zoo.generators.files import CARD, CONFIG, SAMPLES
from zoo.generators.folder import GeneratorFolder
from zoo.generators.measures import columns, direction, figures_of, own_measure
from zoo_hub.card.text import escape
from zoo_hub.client.errors import hub_errors
from zoo_hub.client.retry import client, retrying
from zoo_hub.client.watch import Watch, endpoint
from zoo_hub.names import parse_hub_name
from zoo_hub.push import PushOptions, dry_run, push
from zoo_hub.repository.branch import Target, fetch_branch, fetch_card, publish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from huggingface_hub import HfApi

    from zoo.generators.config import GeneratorConfig
    from zoo.generators.measures import Columns, Measure

_SECTION = re.compile(r"<!-- zoo:begin index -->\n.*?<!-- zoo:end index -->", re.DOTALL)


def index_name(owner: str) -> str:
    """Return the repository of an owner that lists their generators.

    Raises:
        InputError: it is no owner on the Hub.
    """
    if "/" in owner or "@" in owner or parse_hub_name(f"{owner}/{DISTRIBUTION}") is None:
        raise InputError(
            f"--bundled {owner[:100]}: it is no owner. Give a user or an organisation of the Hub"
        )
    return f"{owner}/{DISTRIBUTION}"


def push_bundled(owner: str, options: PushOptions) -> Iterator[str]:
    """Publish every bundled generator as OWNER/NAME, then the page that lists them; yield the address of each.

    What did not change since the last time gets no new commit. Nothing is written into the package.

    Raises:
        InputError: it is no owner.
        ZooError: as `push`; those before are published, and another push goes on.
    """
    index = index_name(owner)
    api = client()
    _check_index(api, index)
    published: dict[str, GeneratorFolder] = {}
    for name, folder in _copies():
        yield push(f"{owner}/{name}", folder, options)
        published[f"{owner}/{name}"] = folder
    yield _push_index(api, index, published, replace(options, tag=None))


def dry_run_bundled(owner: str, options: PushOptions) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield each repository and the bytes of the files that a push would publish there; the Hub is not asked."""
    index_name(owner)
    for name, folder in _copies():
        yield f"{owner}/{name}", dry_run(f"{owner}/{name}", folder, options)


def _copies() -> Iterator[tuple[str, GeneratorFolder]]:
    """Yield copies of the bundled generators by name: a push writes the card into the folder."""
    for name, path in bundled_generators().items():
        with TemporaryDirectory() as scratch:
            yield name, GeneratorFolder.open(shutil.copytree(path, Path(scratch, name)))


def _check_index(api: HfApi, index: str) -> None:
    """Refuse to make a generator's repository the page."""
    with hub_errors(index):
        if CONFIG in fetch_branch(api, Target(index, None)).digests:
            raise InputError(
                f"{index}: a generator is published there, and the list of all has that name. Move it"
            )


def _push_index(
    api: HfApi, index: str, published: Mapping[str, GeneratorFolder], options: PushOptions
) -> str:
    """Publish the page; what people wrote around its list stays."""
    target = Target(index, None)
    with hub_errors(index), TemporaryDirectory() as scratch:
        remote = fetch_branch(api, target)
        if not remote.exists:
            create = partial(api.create_repo, index, private=options.private or None, exist_ok=True)
            retrying(create, Watch(index, "the answer to its making"))
        page = Path(scratch, CARD)
        page.write_text(index_page(fetch_card(api, target, remote) or "", published), "utf-8", newline="")
        publish(api, target, {CARD: page}, options.message or "List the generators")
    return f"{endpoint()}/{index}"


def index_page(page: str, published: Mapping[str, GeneratorFolder]) -> str:
    """Return `page` with its list of generators rewritten, or a new one; `published` are folders by OWNER/NAME."""
    section = "\n".join(["<!-- zoo:begin index -->", *_table(published), "<!-- zoo:end index -->"])
    if not page.strip():
        front = "---\nlicense: other\ntags:\n- gan\n- onnx\n---\n\n"
        return f"{front}# Pretrained generators\n\nThey come with the package {DISTRIBUTION}, too.\n\n{section}\n"
    if _SECTION.search(page):
        return _SECTION.sub(lambda _: section, page)
    return f"{page.rstrip()}\n\n{section}\n"


def _table(published: Mapping[str, GeneratorFolder]) -> list[str]:
    """Return the lines of the list: figures in a column for each way of measuring, which is told below the table."""
    own = {repo: _own_figure(folder.config) for repo, folder in published.items()}
    found = columns(list(own.values()))
    titles = [
        "",
        "name",
        "pictures",
        *(
            f"{escape(heading)}, {direction(measure.higher_is_better)}".removesuffix(", ")
            for measure, heading in found.headings.items()
        ),
        "licence of the images",
    ]
    rows = [_row(repo, folder, found, own[repo]) for repo, folder in published.items()]
    notes = ["", *(f"- {escape(note)}" for note in found.notes())] if found.headings else []
    return [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}", *rows, *notes]


def _own_figure(config: GeneratorConfig) -> dict[Measure, float]:
    """Return the figure of the training."""
    own = own_measure(config)
    return {measure: value for measure, value in figures_of(config).items() if measure == own}


def _row(repo: str, folder: GeneratorFolder, found: Columns, own: Mapping[Measure, float]) -> str:
    config, address = folder.config, f"{endpoint()}/{repo}"
    picture = f"![]({address}/resolve/main/{SAMPLES})" if SAMPLES in config.files else ""
    _, height, width = config.image_shape
    figures = (rounded(own[measure]) if measure in own else "" for measure in found.headings)
    cells = (escape(text) for text in (f"{width} x {height}", *figures, config.data.licence))
    return f"| {picture} | [{repo}]({address}) | {' | '.join(cells)} |"
