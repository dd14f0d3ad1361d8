"""The part of the model card that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.generator_folder import ONNX, SAMPLES
from zoo_hub.citations import papers

if TYPE_CHECKING:
    from zoo.generator_folder import ComponentRecord, GeneratorConfig


def body(repo: str, config: GeneratorConfig) -> str:
    """Return the Markdown below the metadata."""
    channels, height, width = config.image_shape
    colour = "grey" if channels == 1 else "colour"
    parts = [
        f"# {repo.partition('/')[2]}",
        f"Makes {colour} pictures of {width} x {height} pixels. Trained with the recipe "
        f"{plain(config.recipe)} of {plain(config.library)}.",
        f"![Samples]({SAMPLES})" if SAMPLES in config.files else "",
        usage(repo, config),
        f"## Training\n\n{table(training_rows(config))}",
        data(config),
        citations(config),
    ]
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def usage(repo: str, config: GeneratorConfig) -> str:
    """Return how to make pictures, with the zoo and without it."""
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

With onnxruntime alone, in the folder that `zoo pull {repo} --to DIR` or any other download gives:

```python
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession("{ONNX}", providers=["CPUExecutionProvider"])
z = np.random.default_rng(0).standard_normal((16, {config.latent_dim}), dtype=np.float32)
images = session.run(["images"], {{"z": z}})[0]  # (16, {shape}), from {low:g} to {high:g}
```"""


def training_rows(config: GeneratorConfig) -> list[tuple[str, str]]:
    """Return what is known about the training, a row each."""
    training = config.training
    rows = [
        ("recipe", config.recipe),
        ("architecture", f"{config.architecture.name}, {origin(config.architecture)}"),
        ("losses", components(training.losses)),
        ("regularizers", components(training.regularizers)),
        ("augmentations", components(training.augmentations)),
        ("generator step", f"{training.step:,} of {training.steps:,}"),
        ("critic steps per generator step", str(training.critic_steps)),
        ("batch", str(training.batch_size)),
        ("seed", str(training.seed)),
        ("hardware", training.hardware),
        ("precision", training.precision),
        ("time", f"{training.seconds:,.0f} s"),
        ("written by", config.library),
    ]
    if training.metric is not None and training.value is not None:
        rows.append((training.metric, f"{training.value:.4g}"))
        rows.append(("measured", training.protocol or ""))
    return [(name, value) for name, value in rows if value]


def table(rows: list[tuple[str, str]]) -> str:
    """Return a Markdown table of two columns."""
    lines = [f"| {plain(name)} | {plain(value)} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def data(config: GeneratorConfig) -> str:
    """Return what the generator learnt from, and whether it was what the recipe asks for."""
    record = config.data
    lines = [
        f"## Data\n\n{record.images:,} images of {plain(record.name)} ({plain(record.source)}), "
        f"licence {plain(record.licence)}."
    ]
    if record.stand_in:
        lines.append(f"**These are not the images the recipe asks for:** {plain(record.stand_in)}")
    return "\n\n".join(lines)


def citations(config: GeneratorConfig) -> str:
    """Return the papers, or nothing where none is known."""
    found = papers(config)
    return "## Papers\n\n" + "\n".join(f"- {paper}" for paper in found) if found else ""


def components(records: tuple[ComponentRecord, ...]) -> str:
    """Return components in one line."""
    return "; ".join(map(component, records))


def component(record: ComponentRecord) -> str:
    """Return a component as `name (field value, ...)`, with who brought it."""
    fields = ", ".join(f"{name} {value_text(value)}" for name, value in record.fields.items())
    return f"{record.name} ({fields}), {origin(record)}" if fields else f"{record.name}, {origin(record)}"


def origin(record: ComponentRecord) -> str:
    """Return who brought a component."""
    return f"{record.provider.distribution} {record.provider.version}"


def value_text(value: Any) -> str:
    """Return a field's value as short as it can be read."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def plain(text: str) -> str:
    """Return text that Markdown, a table and HTML leave alone: one line, nothing of it markup."""
    line = " ".join(text.split())
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    for mark in "|`*_[]":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped
