"""What a picture at the limit of its format costs: processor seconds, resident memory of a whole process.

python -m benchmarks.decoding [--only WORD]
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zoo.decoding.limits import COPY, JPEG_PIXELS_LIMIT, LOSSLESS_WEBP, MEMORY_LIMIT, SCRATCH, SLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

MEASURE = """
import sys, time
from zoo_plugins.datasets.folder import Folder
from zoo.decoding.decode import decode
def peak():  # what getrusage says begins with the parent's
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
began = time.process_time()
try:
    with open(sys.argv[1], "rb") as file:
        decode(file, (64, 64), 3)
    outcome = "read"
except ValueError as error:
    outcome = f"refused: {error}"
took = time.process_time() - began
print(f"{took:6.2f} s  {peak():4.0f} MiB  {outcome}")
"""
FORMATS: tuple[tuple[str, str, str, float, dict[str, Any]], ...] = (
    ("PNG colour", "RGB", "PNG", COPY + COPY, {"compress_level": 1}),
    ("PNG transparent", "RGBA", "PNG", COPY + COPY, {"compress_level": 1}),
    ("PNG palette", "P", "PNG", 1 + COPY, {"compress_level": 1}),
    ("PNG grey", "L", "PNG", 1 + COPY, {"compress_level": 1}),
    ("GIF", "P", "GIF", 1 + COPY, {}),
    ("TIFF", "RGB", "TIFF", 3 + COPY + COPY + 1, {"compression": "tiff_lzw"}),
    ("TIFF unpacked", "RGB", "TIFF", 3 + COPY + COPY, {}),
    ("WebP", "RGB", "WEBP", COPY + SCRATCH["WEBP"], {"method": 0}),
    ("WebP lossless", "RGBA", "WEBP", COPY + LOSSLESS_WEBP, {"lossless": True, "quality": 0, "method": 0}),
    ("AVIF", "RGB", "AVIF", COPY + SCRATCH["AVIF"], {"speed": 10}),
    ("AVIF transparent", "RGBA", "AVIF", COPY + SCRATCH["AVIF"], {"speed": 10, "subsampling": "4:4:4"}),
    ("JPEG2000", "RGB", "JPEG2000", MEMORY_LIMIT / SLOW["JPEG2000"], {}),
    ("BMP", "RGB", "BMP", COPY + COPY, {}),
    ("PPM", "RGB", "PPM", COPY + COPY, {}),
    ("TGA", "RGB", "TGA", COPY + COPY, {"compression": "tga_rle"}),
    ("PCX", "RGB", "PCX", COPY + COPY, {}),
    ("SGI", "RGB", "SGI", COPY + COPY, {}),
    ("IM", "RGB", "IM", COPY + COPY, {}),
    ("QOI", "RGB", "QOI", MEMORY_LIMIT / SLOW["QOI"], {}),
    ("DDS", "RGBA", "DDS", MEMORY_LIMIT / SLOW["DDS"], {}),
    ("JPEG", "RGB", "JPEG", MEMORY_LIMIT / JPEG_PIXELS_LIMIT, {"quality": 75}),
    ("JPEG progressive", "RGB", "JPEG", 6.2, {"progressive": True, "subsampling": 0, "quality": 90}),
)
"""What it is called, mode, format, bytes a pixel as the limits count them, how it is saved."""


def picture(mode: str, pixels: float) -> Image.Image:
    """Return a square of soft shapes under fine noise, as photographs are to a packer."""
    side = math.isqrt(int(pixels))
    chosen = np.random.default_rng(0)
    blots = Image.fromarray(chosen.integers(0, 256, (64, 64, 4), np.uint8))
    soft = blots.resize((side, side), Image.Resampling.BICUBIC)
    if mode in ("L", "P"):
        grey = np.asarray(soft.convert("L")) + chosen.integers(0, 8, (side, side), np.uint8)
        return Image.fromarray(grey).convert(mode)
    whole = np.array(soft)
    whole[::2] += chosen.integers(0, 8, whole[::2].shape, np.uint8)
    return Image.fromarray(whole).convert(mode)


def results(only: str) -> Iterator[str]:
    """Give a line for each format: its name, the picture's side, seconds, memory."""
    with tempfile.TemporaryDirectory() as place:
        for name, mode, kind, cost, options in FORMATS:
            if only.lower() not in name.lower():
                continue
            image = picture(mode, MEMORY_LIMIT / cost)
            path = Path(place, "picture")
            image.save(path, kind, **options)
            size = path.stat().st_size / 2**20
            command = [sys.executable, "-c", MEASURE, str(path)]
            measured = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            yield f"{name:17} {image.width:6} x {image.height:<6} {size:6.1f} MiB  {measured}"


def main() -> None:
    """Print what pictures at their limits cost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="formats whose name has this word")
    Image.MAX_IMAGE_PIXELS = None
    for line in results(parser.parse_args().only):
        print(line, flush=True)


if __name__ == "__main__":
    main()
