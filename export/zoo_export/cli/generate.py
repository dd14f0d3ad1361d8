"""`zoo generate`. Imports no torch."""

from __future__ import annotations

import os
import re
from itertools import chain
from itertools import count as counting
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH, Whole
from zoo.errors import InputError, UsageError
from zoo.system.paths import refuse_missing_parent
from zoo.system.terminal import echo

if TYPE_CHECKING:
    from zoo.generators.generator import Generator
    from zoo_export.cli.request import Request
    from zoo_export.runtime.providers import Device

FORMATS = (".png", ".gif", ".npy")
FRAMES, MOST_FRAMES = 60, 10_000
SCALE_LIMIT = 64


def _parse_stops(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Return the numbers of `A:B` or `A:B:C`; None where the option is not given."""
    if value is None:
        return None
    words = value.split(":")
    if len(words) < 2 or not all(re.fullmatch("[0-9]{1,20}", word) for word in words):
        raise click.BadParameter(f"{value[:80]!r} is not two or more numbers of pictures like 0:1 or 3:8:5.")
    return tuple(map(int, words))


@click.command()
@click.argument("name", type=NAME)
@click.option("-n", "count", type=Whole(min=1), default=64, show_default=True, help="How many pictures.")
@click.option(
    "--seed",
    type=Whole(0, 2**64 - 1),
    default=0,
    show_default=True,
    help="Picture i of a seed is always the same.",
)
@click.option(
    "--batch",
    type=Whole(min=1),
    default=64,
    show_default=True,
    help="Pictures at a time, at most; changes no picture.",
)
@click.option(
    "--out",
    type=PATH,
    help="A .png grid, a .gif, or a .npy of uint8 pictures.  [default: grid.png, walk.gif]",
)
@click.option("--each", type=PATH, help="Write one PNG file a picture into this folder.")
@click.option(
    "--interpolate",
    metavar="A:B[:C...]",
    callback=_parse_stops,
    help="Go from picture A of the seed to picture B, and on to C.",
)
@click.option("--frames", type=Whole(2, MOST_FRAMES), help=f"Pictures on that way.  [default: {FRAMES}]")
@click.option(
    "--loop/--no-loop",
    default=None,
    help="Whether that way leads back to A.  [default: yes in a .gif]",
)
@click.option(
    "--scale",
    type=Whole(1, SCALE_LIMIT),
    metavar="N",
    help="Make each pixel N x N.  [default: 2 in a grid, 4 in a .gif, 1 with --each]",
)
@click.option(
    "--truncation",
    type=click.FloatRange(min=0.02),
    metavar="T",
    help="Draw latents beyond T again: less variety, fewer failures.",
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--threads", type=Whole(min=1), help="Threads of the CPU.  [default: one a core]")
@click.pass_context
def generate(
    ctx: click.Context,
    name: str,
    count: int,
    seed: int,
    batch: int,
    out: Path | None,
    each: Path | None,
    interpolate: tuple[int, ...] | None,
    frames: int | None,
    loop: bool | None,
    scale: int | None,
    truncation: float | None,
    device: Device,
    threads: int | None,
) -> None:
    """Make pictures with onnxruntime.

    NAME is a run, a generator folder, an .onnx file, OWNER/NAME[@REVISION] or one of the pretrained generators that
    `zoo list` shows. One file, or with --each one file a picture (and one of all too where --out is given).
    """
    from zoo.api import load
    from zoo_export.cli.request import Request, check_size

    count_given = ctx.get_parameter_source("count") is not click.core.ParameterSource.DEFAULT
    _refuse_contradictions(interpolate, frames, loop, count_given=count_given)
    if interpolate is not None:
        count = frames or max(FRAMES, len(interpolate))
    if out is None and each is None:
        out = _free_name("grid.png" if interpolate is None else "walk.gif")
    loops = loop if loop is not None else interpolate is not None and _suffix(out) == ".gif"
    _check_places(out, each, scale)
    _check_way(interpolate, count, loop=loops)
    generator = _on_device(load(name), device, threads)
    check_size(scale, generator.image_shape, count, out=out)
    request = Request(count, seed, batch, interpolate, loops, truncation)
    _write(name, generator, request, out, each, scale)


def _free_name(name: str) -> Path:
    """Return the name, or with the next free number: what nobody asked to replace stays."""
    path = Path(name)
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in counting(2))
    return next(free for free in chain([path], numbered) if not os.path.lexists(free))


def _suffix(out: Path | None) -> str | None:
    return None if out is None else out.suffix.lower()


def _write(
    name: str, generator: Generator, request: Request, out: Path | None, each: Path | None, scale: int | None
) -> None:
    from zoo.cli.screen.pictures import with_progress
    from zoo.system.console import say
    from zoo_export.cli.picture_files import write_pictures

    say(f"{name}: {request.describe(generator)}")
    there = [path for path in (each, out) if path is not None and _holds_something(path)]
    pictures = with_progress(request.batches(generator), request.count)
    write_pictures(pictures, request.count, out=out, each=each, scale=scale)
    for path in there:
        say(f"{path}: what was there is replaced")
    for made in (each, out):
        if made is not None:
            echo(made)


def _holds_something(path: Path) -> bool:
    return path.exists() and not (path.is_dir() and not any(path.iterdir()))


def _refuse_contradictions(
    interpolate: tuple[int, ...] | None, frames: int | None, loop: bool | None, *, count_given: bool
) -> None:
    if interpolate is None and frames is not None:
        raise UsageError("--frames: there is no way to go. Add --interpolate A:B, or give -n")
    if interpolate is None and loop is not None:
        raise UsageError(
            "--loop: there is no way that could lead back. Add --interpolate A:B, or leave it out"
        )
    if interpolate is not None and count_given:
        raise UsageError("-n: --interpolate makes as many pictures as --frames says. Leave -n out")


def _check_way(stops: tuple[int, ...] | None, frames: int, *, loop: bool) -> None:
    """Refuse, before any picture is generated, a way that leads nowhere or has no room for its stops."""
    if stops is None:
        return
    from zoo.generators.generator import check_stops

    try:
        named = len(check_stops(stops, loop=loop))
    except InputError as error:
        raise InputError(f"--interpolate {error}") from None
    if not named <= frames <= MOST_FRAMES:
        raise InputError(
            f"--interpolate: {frames} frames do not lead past {named} pictures. Give --frames {named} or more, "
            f"at most {MOST_FRAMES}"
        )


def _check_places(out: Path | None, each: Path | None, scale: int | None) -> None:
    """Refuse, before any picture is generated, a file or folder that cannot be written."""
    if each is not None:
        refuse_missing_parent(each, "--each")
    if out is None:
        return
    refuse_missing_parent(out, "--out")
    if out.is_dir():
        raise InputError(f"--out {out}: it is a folder. Give a file, or --each for a folder of pictures")
    if _suffix(out) not in FORMATS:
        raise InputError(
            f"--out {out}: it ends in {out.suffix!r}, which is none of {', '.join(FORMATS)}. Choose one of these"
        )
    if scale is not None and each is None and _suffix(out) == ".npy":
        raise UsageError("--scale: a .npy holds the pictures as they are made. Leave it out, or write a .png")


def _on_device(generator: Generator, device: Device, threads: int | None) -> Generator:
    """Return the generator on the device and threads asked for."""
    if device == "cpu" and threads is None:
        return generator
    from zoo_export.runtime.session import OnnxGenerator

    if not isinstance(generator, OnnxGenerator):
        raise UsageError(
            f"{generator.name}: its plugin chooses device and threads. Leave out --device and --threads"
        )
    generator.close()
    return generator.using(device, threads)
