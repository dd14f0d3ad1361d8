"""Everything that docs/hardware.md says of a GPU, in one line: python -m benchmarks.gpu

Training in turns with the plain loop, what a replayed iteration consists of, and what a run does between its steps.
"""

from __future__ import annotations

import subprocess
import sys

import torch

from benchmarks.training import SYSTEMS

PARTS = (
    ("benchmarks.training", *SYSTEMS, "--rounds", "3"),
    ("benchmarks.gpu.replay",),
    ("benchmarks.gpu.cadence", "camel-wgangp"),
)


def main() -> None:
    """Print the tables, one after the other."""
    if not torch.cuda.is_available():
        raise SystemExit(
            "benchmarks.gpu: torch sees no NVIDIA GPU. On a CPU there is `python -m benchmarks.training`"
        )
    for part in PARTS:
        print(f"\n### python -m {' '.join(part)}\n", flush=True)
        subprocess.run([sys.executable, "-m", *part], check=True)


if __name__ == "__main__":
    main()
