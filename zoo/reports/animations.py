"""What moves in a report, once it is asked to: the sample grids over time, and a walk through the latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.history import WALK_FRAMES
from zoo.reports.pictures import data_url, fitting, read_picture
from zoo.reports.read import files_by_step
from zoo.runs.folder import PROBES, WALK

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

FRAMES_LIMIT = 24
"""Sample grids in the page, evenly spaced."""
GRIDS_LIMIT = 1536 << 10
"""Bytes of all sample grids as they stand in the page; of larger ones there are fewer."""
GRIDS_PIXELS_LIMIT = 64_000_000
"""Of all sample grids, as they are in their files: no folder keeps a report waiting."""
WALK_LIMIT = 512 << 10
"""Bytes of a walk as it stands in the page."""
WIDE = 544
"""CSS pixels that a grid may be wide; it is enlarged by whole pixels."""


@dataclass(frozen=True)
class Frame:
    """One picture, and what it is called."""

    label: str
    url: str
    width: int
    """CSS pixels."""


@dataclass(frozen=True)
class Animation:
    """Pictures with a slider and a button that plays them.

    Attributes:
        title: its heading.
        about: what each picture shows, for whoever does not see it; its label follows.
        slider: what the slider chooses.
        says: what to see, in a sentence.
        pace: milliseconds a frame.
        start: which frame is shown at first.
        frames: in order, one at least.
    """

    title: str
    about: str
    slider: str
    says: str
    pace: int
    start: int
    frames: tuple[Frame, ...]


def animations(run: Path) -> list[Animation]:
    """Return those that the run folder has pictures for."""
    found = (_over_time(run), _walk(run))
    return [animation for animation in found if animation is not None]


def _over_time(run: Path) -> Animation | None:
    frames = grids(run)
    if not frames:
        return None
    return Animation(
        title="The same latents over time",
        about="Grid of generated pictures",
        slider="Step of the sample grid",
        says="Each place shows the same latent vector at every step, drawn by the averaged generator.",
        pace=400,
        start=len(frames) - 1,
        frames=frames,
    )


def _walk(run: Path) -> Animation | None:
    sheet = read_picture(run / PROBES / WALK)
    if sheet is None or sheet.height % WALK_FRAMES:
        return None
    high = sheet.height // WALK_FRAMES
    cut = [fitting(sheet.crop((0, at * high, sheet.width, (at + 1) * high))) for at in range(WALK_FRAMES)]
    frames = tuple(
        Frame(f"{at} of {WALK_FRAMES}", data_url(image), _wide(image))
        for at, image in enumerate(cut, start=1)
    )
    if sum(len(frame.url) for frame in frames) > WALK_LIMIT:
        return None
    return Animation(
        title="A walk through the latents",
        about="Generated pictures on their way between latent vectors",
        slider="Place on the way",
        says="Pictures of the last evaluation, on a way past three latent vectors and back to the first. Where they "
        "change little by little the generator has learnt a space of pictures; where they stand still and then jump, "
        "it has learnt a few of them.",
        pace=150,
        start=0,
        frames=frames,
    )


def grids(run: Path) -> tuple[Frame, ...]:
    """Return some of the sample grids, evenly spaced, the last one for sure."""
    paths = files_by_step(run / "samples", ".png")
    most = min(FRAMES_LIMIT, len(paths))
    frames: list[Frame] = []
    at = characters = pixels = 0
    while at < most:
        path = paths[-1 - round(at * (len(paths) - 1) / max(most - 1, 1))]
        image = read_picture(path)
        at += 1
        if image is None:
            continue
        pixels += image.width * image.height
        small = fitting(image)
        url = data_url(small)
        characters += len(url)
        if characters > GRIDS_LIMIT or pixels > GRIDS_PIXELS_LIMIT:
            break
        frames.append(Frame(_step(path), url, _wide(small)))
        if len(frames) == 1:
            most = min(most, GRIDS_LIMIT // len(url))
    return tuple(reversed(frames))


def latest_grid(run: Path) -> Frame | None:
    """Return the last sample grid; None where there is none that can be shown."""
    for path in files_by_step(run / "samples", ".png")[: -FRAMES_LIMIT - 1 : -1]:
        image = read_picture(path)
        if image is not None:
            small = fitting(image)
            return Frame(_step(path), data_url(small), _wide(small))
    return None


def _step(path: Path) -> str:
    return f"step {int(path.stem[len('step-') :])}"


def _wide(image: Image.Image) -> int:
    return image.width * max(WIDE // image.width, 1)
