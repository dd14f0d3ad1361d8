"""Sets of vectors that a metric compares: of one length, and enough of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import InputError, counted

if TYPE_CHECKING:
    from torch import Tensor


def checked(metric: str, real: Tensor, fake: Tensor, least: int = 2) -> tuple[Tensor, Tensor]:
    """Return both sets (N, D) and (M, D) in float64.

    Args:
        metric: what messages call it.
        real: what features saw in real images.
        fake: what they saw in generated ones.
        least: vectors that each set must have.

    Raises:
        InputError: they are no vectors, of two lengths, or too few.
    """
    if real.dim() != 2 or fake.dim() != 2 or real.shape[1] != fake.shape[1]:
        raise InputError(
            f"{metric}: real vectors are {tuple(real.shape)}, generated ones {tuple(fake.shape)}. "
            "Give two sets (N, D) of one D"
        )
    fewest = min(len(real), len(fake))
    if fewest < least:
        raise InputError(
            f"{metric}: it was given {counted(fewest, 'image')}, and it needs {least:,} real ones and as many "
            "generated ones. Give more"
        )
    return real.double(), fake.double()
