"""What distances in the features `drawings` say of other drawings, and of damaged ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from benchmarks.drawings.train import scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def changed(images: Tensor) -> dict[str, Tensor]:
    """Return images made worse, a little first."""
    random = torch.Generator().manual_seed(1)
    noise = torch.randn(images.shape, generator=random)

    def blurred(side: int) -> Tensor:
        return functional.avg_pool2d(functional.pad(images, [side // 2] * 4, value=-1), side, 1)

    return {
        "blurred over 3 x 3 pixels": blurred(3),
        "blurred over 5 x 5 pixels": blurred(5),
        "noise of deviation 0.25 added": (images + 0.25 * noise).clamp(-1, 1),
        "noise of deviation 0.5 added": (images + 0.5 * noise).clamp(-1, 1),
        "noise alone": noise.clamp(-1, 1),
    }


def distance(one: Tensor, other: Tensor) -> tuple[float, float]:
    """Return the Fréchet distance of two sets of vectors (N, D), and the unbiased kernel distance x 1e3."""
    means, spreads = zip(
        *((some.mean(0), torch.cov(some.T)) for some in (one.double(), other.double())), strict=True
    )
    root = torch.linalg.eigvals(spreads[0] @ spreads[1]).real.clamp_min(0).sqrt().sum()
    frechet = (means[0] - means[1]).square().sum() + spreads[0].trace() + spreads[1].trace() - 2 * root

    def kernel(left: Tensor, right: Tensor) -> Tensor:
        return (left @ right.T / left.shape[1] + 1) ** 3

    def without_itself(some: Tensor) -> Tensor:
        found = kernel(some, some)
        return (found.sum() - found.trace()) / (len(some) * (len(some) - 1))

    mmd = without_itself(one) + without_itself(other) - 2 * kernel(one, other).mean()
    return float(frechet), 1e3 * float(mmd)


def ranking(held_out: dict[str, Tensor], see: Callable[[Tensor], Tensor]) -> None:
    """Print how far other sets are from half of the held-out drawings of each category."""
    print("\n| real | other set | FID | KID x 1e3 |\n|---|---|---:|---:|")
    for category, pixels in held_out.items():
        real, rest = scaled(pixels).chunk(2)
        others = {name: scaled(other)[: len(rest)] for name, other in held_out.items() if name != category}
        seen = see(real)
        for what, images in {"the other half": rest, **others, **changed(rest)}.items():
            frechet, kernel = distance(seen, see(images))
            print(f"| {category} | {what} | {frechet:.2f} | {kernel:.1f} |")
