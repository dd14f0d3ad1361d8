"""Whether there is enough in a data set to learn from: how many images, how many of them different."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from zoo.images import Images

FEW_BATCHES = 10
"""Different images, in batches, below which they are learnt by heart unless they are augmented."""
MOST_LOOKED_AT = 20_000
MOST_BYTES = 512 << 20
"""Of the images looked at: sets of more are no small ones."""
NOTABLE = 1000
"""One image in so many that is like another, or of one colour, is worth a word."""
COMPARED = 256
"""Images, from all over the set, whose spread is measured."""
ALIKE = 1.5
"""Levels of 255: images that differ by less from their mean are nearly the same."""
ADVICE = (
    "Give more different ones, or augment them with [[augmentations]] in the recipe (zoo list shows which)"
)


@dataclass
class Variety:
    """What is in the images that were looked at."""

    seen: int
    copies: int = 0
    """That are the same as an earlier one."""
    copy: tuple[int, int] = (0, 0)
    """The first of these, and the one that it is the same as."""
    flat: int = 0
    """That are of one colour."""
    first_flat: int = 0
    spread: float = 0.0
    """Levels of 255 by which images differ from their mean, on average."""


def variety(images: Images) -> Variety:
    """Look at the images, or at the first of very many."""
    size = images.pixels.nbytes // len(images)
    found = Variety(min(len(images), MOST_LOOKED_AT, max(1, MOST_BYTES // size)))
    first: dict[int, int] = {}
    for number in range(found.seen):
        image = np.ascontiguousarray(images.pixels[number])
        earlier = first.setdefault(hash(image.tobytes()), number)
        if earlier != number:
            found.copies += 1
            if found.copies == 1:
                found.copy = (number, earlier)
        colours = image.reshape(image.shape[0], -1)
        if (colours == colours[:, :1]).all():
            found.flat += 1
            if found.flat == 1:
                found.first_flat = number
    chosen = np.linspace(
        0, found.seen - 1, min(COMPARED, found.seen, max(1, MOST_BYTES // 8 // size))
    ).astype(int)
    found.spread = float(np.std(images.pixels[chosen], axis=0, dtype=np.float32).mean())
    return found


def too_little(images: Images, batch: int, *, augmented: bool) -> str | None:
    """Return one line that says why there is too little to learn from, and what to do; None where there is enough.

    Args:
        images: the data set.
        batch: how many are drawn at once.
        augmented: whether they are changed at random before the critic sees them.
    """
    found = variety(images)
    several = found.seen > 1
    reasons = []
    different = len(images) - found.copies
    if different < batch or (different < FEW_BATCHES * batch and not augmented):
        noun = "image" if different == 1 else "different images" if found.copies else "images"
        reasons.append(f"{different} {noun} for batches of {batch}")
    if found.copies * NOTABLE >= found.seen and found.copies:
        later, earlier = (_name(images, number) for number in found.copy)
        reasons.append(f"{found.copies} of {found.seen} the same as another ({later} as {earlier})")
    if found.flat * NOTABLE >= found.seen and found.flat:
        reasons.append(f"{found.flat} of {found.seen} of one colour ({_name(images, found.first_flat)})")
    if several and found.spread < ALIKE and found.copies < found.seen - 1:
        reasons.append(f"all nearly the same, {found.spread:.1f} levels of 255 from their mean")
    return (
        f"{images.source}: there is little to learn from: {', '.join(reasons)}. {ADVICE}" if reasons else None
    )


def _name(images: Images, number: int) -> str:
    return images.names[number] if images.names else f"images[{number}]"
