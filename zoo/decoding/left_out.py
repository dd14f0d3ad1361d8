"""One line about all files that are not trained on, counted by reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from zoo.decoding.files import DAMAGED, FORBIDDEN, HEAD, HEIC, LeftOut, PictureFile, kind_of_content
from zoo.decoding.limits import OVER, PictureError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LETTERS = 60
"""Of a file's name in a message."""


def left_out(file: PictureFile, error: Exception) -> LeftOut:
    """Return what to say of a file that could not be decoded."""
    if isinstance(error, PictureError):
        return LeftOut(file.name, error.kind, str(error))
    if isinstance(error, Image.DecompressionBombError):  # more than Pillow itself opens
        return LeftOut(file.name, OVER, str(error))
    if isinstance(error, PermissionError):
        return LeftOut(file.name, FORBIDDEN)
    if file.size == 0:
        return LeftOut(file.name, DAMAGED, "it is empty")
    if isinstance(error, UnidentifiedImageError):  # Pillow's own words hold an address in memory
        with file.open() as opened:
            kind = kind_of_content(opened.read(HEAD))
        return LeftOut(file.name, HEIC) if kind == HEIC else LeftOut(file.name, DAMAGED, "it is no image")
    return LeftOut(file.name, DAMAGED, str(error).partition("\n")[0] or type(error).__name__)


def describe(source: str, missing: Sequence[LeftOut], count: int) -> tuple[str, ...]:
    """Return one line about what is left out, or none.

    Args:
        source: what holds the files.
        missing: those left out.
        count: of all files.
    """
    if not missing:
        return ()
    examples = {entry.kind: entry for entry in reversed(missing)}
    counts = Counter(entry.kind for entry in missing).most_common()
    reasons = ", ".join(f"{number} {kind} ({_example(examples[kind])})" for kind, number in counts)
    verb = "is" if len(missing) == 1 else "are"
    return (f"{source}: {len(missing)} of {count} files {verb} left out: {reasons}",)


def _example(entry: LeftOut) -> str:
    return f"{shown(entry.name)}: {entry.why}" if entry.why else shown(entry.name)


def shown(name: str) -> str:
    """Return a file's name as one line of a message can hold it."""
    plain = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)
    return plain if len(plain) <= MOST_LETTERS else f"...{plain[3 - MOST_LETTERS :]}"
