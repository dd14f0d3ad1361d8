"""Train what docs/experiments.md shows, and print its tables: python -m benchmarks.experiments [--out DIR] [NAME ...]

NAME is `upsampling`, `losses`, `clipping`, `illnesses` or `symptoms`; all of them without one. What --out already holds
is not trained again, and what was stopped goes on. Pictures go to --pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import zoo
from benchmarks.experiments.measures import checkerboard, final, follows, mean_and_each
from benchmarks.experiments.pictures import (
    save_generator_losses,
    save_grids,
    save_losses,
    save_samples,
    save_weights,
)
from benchmarks.experiments.runs import TRAININGS, histories, run_of
from benchmarks.experiments.symptoms import CASES, sick_histories, symptom_names, symptom_row
from benchmarks.support.machine import machine
from zoo.reports.health import diagnose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CAMELS = Path("plugins/zoo_plugins/datasets/camel-100.npy")
MEASURED, SHOWN, COLUMNS = 1024, 40, 5
LOSSES = {"bce": "cross-entropy", "clip": "Wasserstein, clipping", "penalty": "Wasserstein, gradient penalty"}
TITLES = {
    "bce": "camel-gan",
    "clip": "camel-wgan",
    "penalty": "camel-wgangp",
    "transposed": "camel-wgangp, transposed",
}
ILLNESSES = ("oscillating-loss", "mode-collapse", "uninformative-loss")


def main() -> None:
    """Answer each question that is asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks.experiments")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(QUESTIONS))
    parser.add_argument("--out", type=Path, default=Path("runs/experiments"))
    parser.add_argument("--pictures", type=Path, default=Path("docs/experiments"))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print(machine(), flush=True)
    asked.pictures.mkdir(parents=True, exist_ok=True)
    for name in asked.names or QUESTIONS:
        print(f"\n## {name}\n", flush=True)
        QUESTIONS[name](asked.out, asked.pictures, asked.seeds)


def _upsampling(out: Path, pictures: Path, seeds: int) -> None:
    """Upsampling and convolution, or transposed convolution?"""
    import numpy as np

    camels = np.load(CAMELS).reshape(-1, 28, 28)
    print("| generator | swd after the last step | checkerboard, period 2 | period 4 |\n|---|---|---|---|")
    real = [checkerboard(camels, period) for period in (2, 4)]
    print(f"| the 100 camels themselves | | {real[0]:.2f} | {real[1]:.2f} |")
    shown = []
    for name, title in (
        ("penalty", "upsampling, then convolution"),
        ("transposed", "transposed convolution"),
    ):
        trained = histories(out, name, seeds)
        made = [_pictures(run_of(out, name, seed)) for seed in range(seeds)]
        cells = [mean_and_each([final(one) for one in trained])]
        cells += [mean_and_each([checkerboard(some, period) for some in made], ".2f") for period in (2, 4)]
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
        shown.append(made[0][:SHOWN])
    save_grids(shown, COLUMNS, pictures / "upsampling.png")


def _losses(out: Path, pictures: Path, seeds: int) -> None:
    """Does the critic's loss follow the quality?"""
    print("| loss | rank correlation of the critic's loss with swd | swd at the end |\n|---|---|---|")
    sets = {title: histories(out, name, seeds) for name, title in LOSSES.items()}
    for title, trained in sets.items():
        correlations = mean_and_each([follows(one) for one in trained], "+.2f")
        print(f"| {title} | {correlations} | {mean_and_each([final(one) for one in trained])} |", flush=True)
    save_losses(sets, pictures / "losses.png")


def _clipping(out: Path, pictures: Path, seeds: int) -> None:
    """What does clipping do to the weights?"""
    print(
        "| critic | share of its weights in the two outer of 24 bins | slope between images |\n|---|---|---|"
    )
    sets = {LOSSES[name]: histories(out, name, seeds) for name in ("clip", "penalty")}
    for title, trained in sets.items():
        last = [history.probes[-1] for history in trained]
        ends = mean_and_each([probe.weights.at_ends for probe in last], ".2f")
        print(f"| {title} | {ends} | {mean_and_each([probe.slopes.mean for probe in last])} |", flush=True)
    save_weights({title: trained[0] for title, trained in sets.items()}, pictures / "weights.png")


def _symptoms(out: Path, pictures: Path, seeds: int) -> None:  # noqa: ARG001
    """Which symptom is found in which training?"""
    print(f"| training | {' | '.join(symptom_names())} |\n|---{'|---' * len(symptom_names())}|")
    for name in TRAININGS:
        for seed, history in enumerate(histories(out, name, seeds)):
            print(symptom_row(f"{TITLES[name]}, seed {seed}", history), flush=True)
    for title, history in sick_histories(out / "sick"):
        print(symptom_row(title, history), flush=True)


def _illnesses(out: Path, pictures: Path, seeds: int) -> None:  # noqa: ARG001
    """The three illnesses that the chapter names, made on purpose, and the same training without its cause."""
    trained = dict(sick_histories(out / "sick", (*ILLNESSES, "gan", "wgan-gp")))
    print("| training | changed | what is found |\n|---|---|---|")
    for name, history in trained.items():
        changed = " ".join(f"`{change}`" for change in CASES[name].changes) or "nothing"
        said = "; ".join(f"{one.what}: {one.evidence}" for one in diagnose(history)) or "nothing"
        print(f"| {name} | {changed} | {said} |")
    save_generator_losses(trained, pictures / "illnesses-losses.png")
    save_samples([out / "sick" / name / "run" for name in trained], pictures / "illnesses.png")


def _pictures(run: Path) -> NDArray[np.uint8]:
    """Return pictures (N, 28, 28) of a run's generator."""
    return zoo.load(run / "generator").sample(MEASURED, 0).reshape(MEASURED, 28, 28)


QUESTIONS = {
    "upsampling": _upsampling,
    "losses": _losses,
    "clipping": _clipping,
    "illnesses": _illnesses,
    "symptoms": _symptoms,
}

if __name__ == "__main__":
    main()
