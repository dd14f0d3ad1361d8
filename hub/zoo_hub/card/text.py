"""The Markdown of the model card, a function for each section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.errors import counted, rounded
from zoo.generators.files import SAMPLES
from zoo.generators.measures import better, direction
from zoo_hub.card.citations import papers
from zoo_hub.card.variety import ALIKE, PICTURES, SEED
from zoo_hub.repository.publishable import listed_files

if TYPE_CHECKING:
    from zoo.generators.config import ComponentRecord, FigureRecord, GeneratorConfig
    from zoo_hub.card.variety import Variety


HINT = "To put words of your own into a part, delete the two comments around it: pushes leave it alone then."


def section_texts(repo: str, config: GeneratorConfig, variety: Variety | None) -> dict[str, str]:
    """Return the Markdown of each section by its name, in the card's order."""
    return {
        "summary": summary(repo, config),
        "use": usage(repo, config),
        "training": f"## Training\n\n{table(training_rows(config))}",
        "data": data(config),
        "figures": figures(config),
        "limits": limits(config, variety),
        "files": files(config),
        "papers": citations(config),
    }


def summary(repo: str, config: GeneratorConfig) -> str:
    """Return the title, what the generator makes, and the grid of samples."""
    channels, height, width = config.image_shape
    colour = "grey" if channels == 1 else "colour"
    lines = [
        f"<!-- {HINT} -->",
        f"# {repo.rpartition('/')[2]}",
        f"Makes {colour} pictures of {height} x {width} pixels. Trained with the recipe "
        f"{escape(config.recipe)} of {escape(config.library)}.",
    ]
    if SAMPLES in config.files:
        lines.append(f"![Samples]({SAMPLES})")
    return "\n\n".join(lines)


def usage(repo: str, config: GeneratorConfig) -> str:
    """Return how to make pictures, with the zoo and without it; a name without owner comes with the package."""
    downloaded = f"the folder that `zoo pull {repo} --to DIR` or any other download gives"
    folder = downloaded if "/" in repo else "this file's folder"
    shape = ", ".join(map(str, config.image_shape))
    low, high = config.value_range
    return f"""## Use

```sh
zoo generate {repo} -n 64 --seed 0 --out grid.png
```

```python
import zoo

pictures = zoo.load("{repo}").sample(16, seed=0)
```

With onnxruntime alone, in {folder}:

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("{config.onnx}", providers=["CPUExecutionProvider"])
z = np.random.default_rng(0).standard_normal((16, {config.latent_dim}), dtype=np.float32)
images = session.run(["images"], {{"z": z}})[0]  # (16, {shape}), from {low:g} to {high:g}
```"""


def training_rows(config: GeneratorConfig) -> list[tuple[str, str]]:
    """Return what is known about the training as rows of name and value."""
    training = config.training
    rows = [
        ("recipe", config.recipe),
        ("architecture", f"{config.architecture.name}, {provider_text(config.architecture)}"),
        ("losses", component_list(training.losses)),
        ("regularizers", component_list(training.regularizers)),
        ("augmentations", component_list(training.augmentations)),
        ("generator step", f"{training.step:,} of {training.steps:,}"),
        ("critic steps per generator step", str(training.critic_steps)),
        ("batch", str(training.batch_size)),
        ("seed", str(training.seed)),
        ("hardware", training.hardware),
        ("precision", training.precision),
        ("time", f"{training.seconds:,.0f} s"),
        ("command", training.command or ""),
        ("written by", config.library),
    ]
    return [(name, value) for name, value in rows if value]


def table(rows: list[tuple[str, str]]) -> str:
    """Return a Markdown table of two columns."""
    lines = [f"| {escape(name)} | {escape(value)} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def data(config: GeneratorConfig) -> str:
    """Return what data the generator was trained on, and whether it is the data that the recipe asks for."""
    record = config.data
    lines = [
        f"## Data\n\n{counted(record.images, 'image')} of {escape(record.name)} ({escape(record.source)}), "
        f"licence {sentence(record.licence or 'unknown')}"
    ]
    if record.stand_in:
        lines.append(f"**These are not the images the recipe asks for:** {sentence(record.stand_in)}")
    else:
        lines.append("No sample stood in for them.")
    return "\n\n".join(lines)


def figures(config: GeneratorConfig) -> str:
    """Return the metric's value, and how it was measured; then what was measured after the training."""
    training, measured = config.training, config.current_figures
    parts = ["## Figures"]
    if training.metric is not None and training.value is not None:
        said = f"{escape(training.metric)} **{rounded(training.value)}** at step {training.step:,}"
        if training.higher_is_better is not None:
            said += f", {direction(training.higher_is_better)}"
        how = f" Measured by the training itself: {sentence(training.protocol)}" if training.protocol else ""
        parts.append(f"{said}.{how}")
    elif not measured:
        parts.append("None: it was never evaluated.")
    if measured:
        rows = [figure_row(figure) for figure in measured]
        parts.append("\n".join(["| metric | figure | better | measured by |", "|---|---|---|---|", *rows]))
        parts.append("Figures of different protocols cannot be compared, whatever their metric.")
    return "\n\n".join(parts)


def figure_row(figure: FigureRecord) -> str:
    """Return a figure as a row of a table."""
    how = f"{escape(figure.protocol)}; the real images: {escape(figure.images)}"
    which = better(figure.higher_is_better)
    return f"| {escape(figure.metric)} | {rounded(figure.value)} | {which} | {how} |"


def limits(config: GeneratorConfig, variety: Variety | None) -> str:
    """Return the known limits, and what was not measured."""
    copies = any(figure.metric.partition(":")[0] == "memorisation" for figure in config.current_figures)
    unknown = (
        f"- **Memorisation was not measured**: nobody compared its pictures with their nearest of the "
        f"{counted(config.data.images, 'training image')}."
    )
    lines = [
        *([] if copies else [unknown]),
        "- **Collapse was not checked.**" if variety is None else collapse(variety),
        "- It learnt what its data holds and no more, with the biases of that data.",
    ]
    return "## Limits\n\n" + "\n".join(lines)


def collapse(variety: Variety) -> str:
    """Return how different the pictures are from each other."""
    pairs, apart = PICTURES * (PICTURES - 1) // 2, float(f"{variety.mean:.2g}")
    return (
        f"- Collapse check: of {PICTURES} pictures of seed {SEED} ({pairs:,} pairs), "
        f"{counted(variety.alike, 'pair is', 'pairs are')} within {ALIKE:g} of 255 levels of each other "
        f"(root mean square over pixels); a pair is {apart:g} levels apart on average. "
        "This says that pictures differ, not that they are good."
    )


def files(config: GeneratorConfig) -> str:
    """Return the published files with their hashes."""
    rows = [
        f"| `{name}` | {config.files[name].size:,} | `{config.files[name].sha256}` |"
        for name in listed_files(config)
    ]
    return "\n".join(["## Files", "", "| file | bytes | sha256 |", "|---|---|---|", *rows])


def citations(config: GeneratorConfig) -> str:
    """Return the papers behind the components; '' where none is known."""
    found = papers(config)
    return "## Papers\n\n" + "\n".join(f"- {paper}" for paper in found) if found else ""


def component_list(records: tuple[ComponentRecord, ...]) -> str:
    """Return components in one line."""
    return "; ".join(map(component_text, records))


def component_text(record: ComponentRecord) -> str:
    """Return a component as `name (field value, ...)`, with the package that provides it."""
    fields = ", ".join(f"{name} {value_text(value)}" for name, value in record.fields.items())
    return (
        f"{record.name} ({fields}), {provider_text(record)}"
        if fields
        else f"{record.name}, {provider_text(record)}"
    )


def provider_text(record: ComponentRecord) -> str:
    """Return the name and version of the package that provides a component."""
    return f"{record.provider.distribution} {record.provider.version}"


def value_text(value: Any) -> str:
    """Return a field's value as short text."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def sentence(text: str) -> str:
    """Return text escaped, with a full stop where nothing ends it."""
    escaped = escape(text)
    return escaped if escaped.endswith((".", "!", "?", "…")) else f"{escaped}."


def escape(text: str) -> str:
    """Return text as one line in which Markdown, tables and HTML find no markup."""
    line = " ".join(text.split())
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    for mark in "|`*_[]":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped
