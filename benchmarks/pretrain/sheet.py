"""Draw the pictures of docs/generators.md and README: 24 pictures of each pretrained generator, and 64 camels.

python -m benchmarks.pretrain.sheet [--into docs]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import zoo
from zoo.generators.bundled import bundled_generators
from zoo.generators.pictures import grid, png

SEED = 0
EACH, ROW, ALL = 24, 8, 64
COLUMNS = 3
GAP = 16
WHITE = (255, 255, 255)


def sheet(grids: list[Image.Image]) -> Image.Image:
    """Return grids of pictures side by side, each in the middle of a cell as wide as the widest."""
    rows = [grids[first : first + COLUMNS] for first in range(0, len(grids), COLUMNS)]
    cell = max(one.width for one in grids)
    heights = [max(one.height for one in row) for row in rows]
    size = (COLUMNS * cell + (COLUMNS - 1) * GAP, sum(heights) + (len(rows) - 1) * GAP)
    whole = Image.new("RGB", size, WHITE)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for column, one in enumerate(row):
            left = column * (cell + GAP) + (cell - one.width) // 2
            whole.paste(one.convert("RGB"), (left, top))
        top += height + GAP
    return whole


def main() -> None:
    """Write both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, default=Path("docs"))
    into = parser.parse_args().into
    grids = [grid(zoo.load(name).sample(EACH, seed=SEED), columns=ROW) for name in bundled_generators()]
    (into / "generators.png").write_bytes(png(sheet(grids)))
    (into / "camels.png").write_bytes(png(grid(zoo.load("camel-wgangp").sample(ALL, seed=SEED))))


if __name__ == "__main__":
    main()
