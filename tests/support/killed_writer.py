"""A process that replaces a generator folder's ONNX file over and over, to be killed: `python killed_writer.py FOLDER`.

Torch is not asked: what is tested is the order of the writes.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from zoo.generators.files import ONNX
from zoo.generators.folder import GeneratorFolder

VERSIONS = tuple(bytes([number]) * 300_000 for number in (1, 2))


def main() -> None:
    """Write until killed."""
    folder = Path(sys.argv[1])
    for turn in count():
        GeneratorFolder.open(folder).add_files({ONNX: VERSIONS[turn % 2], "onnx/report.json": b"%d" % turn})
        if turn == 0:
            print("writing", flush=True)


if __name__ == "__main__":
    main()
