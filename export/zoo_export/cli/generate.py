"""`zoo generate`. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from zoo.generators.generator import Generator
    from zoo_export.runtime.providers import Device

FORMATS = (".png", ".gif", ".npy")
FRAMES = 60


@dataclass(frozen=True)
class Request:
    """Which pictures are asked for.

    Attributes:
        count: how many.
        seed: from 0 to 2**64 - 1; picture i of a seed is always the same.
        batch: at most so many at a time; changes no picture.
        walk: the first and the last picture of a way between two; None for the first `count` pictures of the seed.
        truncation: latents beyond it are drawn again; None draws each once.
    """

    count: int
    seed: int
    batch: int
    walk: tuple[int, int] | None
    truncation: float | None

    def batches(self, generator: Generator) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures as uint8 (b, H, W) or (b, H, W, 3)."""
        if self.walk is None:
            return generator.batches(self.count, self.seed, batch=self.batch, truncation=self.truncation)
        return generator.walking(
            *self.walk, self.count, self.seed, batch=self.batch, truncation=self.truncation
        )

    def describe(self, generator: Generator) -> str:
        """Return what is made, in words."""
        _, height, width = generator.image_shape
        noun = "picture" if self.count == 1 else "pictures"
        return f"{self.count} {noun} of {width} x {height}, seed {self.seed}, on {generator.provider}"


def _parse_interpolation(
    _ctx: click.Context, _option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Return the numbers of `A:B`; None where the option is not given."""
    if value is None:
        return None
    first, colon, last = value.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal()):
        raise click.BadParameter(f"{value!r} is not two numbers of pictures like 0:1.")
    return int(first), int(last)


@click.command()
@click.argument("name")
@click.option(
    "-n", "count", type=click.IntRange(min=1), default=64, show_default=True, help="How many pictures."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    default=0,
    show_default=True,
    help="Picture i of a seed is always the same.",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Pictures at a time, at most; changes no picture.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A .png grid, a .gif, or a .npy of uint8 pictures.  [default: grid.png, walk.gif]",
)
@click.option(
    "--each", type=click.Path(path_type=Path), help="Write one PNG file a picture into this folder."
)
@click.option(
    "--interpolate",
    metavar="A:B",
    callback=_parse_interpolation,
    help="Go from picture A to picture B of the seed.",
)
@click.option("--frames", type=click.IntRange(2, 10_000), help=f"Pictures on that way.  [default: {FRAMES}]")
@click.option(
    "--truncation",
    type=click.FloatRange(min=0.02),
    metavar="T",
    help="Draw latents beyond T again: less variety, fewer failures.",
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the CPU.  [default: one a core]")
@click.pass_context
def generate(
    ctx: click.Context,
    name: str,
    count: int,
    seed: int,
    batch: int,
    out: Path | None,
    each: Path | None,
    interpolate: tuple[int, int] | None,
    frames: int | None,
    truncation: float | None,
    device: Device,
    threads: int | None,
) -> None:
    """Make pictures with onnxruntime.

    NAME is a run, a generator folder, an .onnx file or OWNER/NAME[@REVISION]. One file, or
    with --each one file a picture (and one of all too where --out is given).
    """
    from zoo.api import load

    count_given = ctx.get_parameter_source("count") is not click.core.ParameterSource.DEFAULT
    _refuse_contradictions(interpolate, frames, count_given=count_given)
    if interpolate is not None:
        count = frames or FRAMES
    if out is None and each is None:
        out = Path("grid.png" if interpolate is None else "walk.gif")
    _check_out(out)
    generator = _on_device(load(name), device, threads)
    _write(name, generator, Request(count, seed, batch, interpolate, truncation), out, each)


def _write(name: str, generator: Generator, request: Request, out: Path | None, each: Path | None) -> None:
    from zoo.system.console import say
    from zoo_export.cli.picture_files import write_pictures
    from zoo_export.cli.progress import with_progress

    say(f"{name}: {request.describe(generator)}")
    pictures = with_progress(request.batches(generator), request.count)
    write_pictures(pictures, request.count, out=out, each=each)
    for path in (each, out):
        if path is not None:
            click.echo(path)


def _refuse_contradictions(
    interpolate: tuple[int, int] | None, frames: int | None, *, count_given: bool
) -> None:
    if interpolate is None and frames is not None:
        raise UsageError("--frames: there is no way to go. Add --interpolate A:B, or give -n")
    if interpolate is not None and count_given:
        raise UsageError("-n: --interpolate makes as many pictures as --frames says. Leave -n out")


def _check_out(out: Path | None) -> None:
    """Refuse, before any picture is generated, a file that cannot be written."""
    if out is None:
        return
    if out.is_dir():
        raise InputError(f"--out {out}: it is a folder. Give a file, or --each for a folder of pictures")
    if out.suffix.lower() not in FORMATS:
        raise InputError(
            f"--out {out}: it ends in {out.suffix!r}, which is none of {', '.join(FORMATS)}. Choose one of these"
        )


def _on_device(generator: Generator, device: Device, threads: int | None) -> Generator:
    """Return the generator on the device and threads asked for."""
    if device == "cpu" and threads is None:
        return generator
    from zoo_export.runtime.session import OnnxGenerator

    if not isinstance(generator, OnnxGenerator):
        raise UsageError(
            f"{generator.name}: its plugin chooses device and threads. Leave out --device and --threads"
        )
    return generator.using(device, threads)
