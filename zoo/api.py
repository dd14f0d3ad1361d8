"""`zoo.load`, `zoo.train`, `zoo.sweep`, `zoo.resume` and `zoo.compare`. Importing it does not import torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.distributed.torchrun import follows
from zoo.errors import InputError, ZooError, kind_and_reason
from zoo.plugins.manager import DISABLE, is_interruption, plugins
from zoo.system.arguments import given_flag, given_text, given_whole, given_words, shown
from zoo.system.paths import given_name, given_path, refuse_address, refuse_unfit_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from zoo.generators.generator import Generator
    from zoo.plugins.manager import PluginInfo
    from zoo.reports.comparison.compare import Comparison
    from zoo.runs.options import OnNan
    from zoo.runs.session import Display
    from zoo.sweeps.end import Ended
    from zoo.training.device import DeviceChoice, PrecisionChoice


def load(name: str | PathLike[str]) -> Generator:
    """Open a generator: a run folder, a generator folder, an `.onnx` file, or one by its name.

    Whatever exists on this disk is taken as a path; then come the pretrained generators of the package
    (`camel-wgangp`), `OWNER/NAME[@REVISION]` on the Hub, and `NAME` of the owner that `ZOO_HUB_OWNER` names.

    Raises:
        BusyError: it is a run that is starting, or trains and has no generator yet.
        InputError: nothing can open it, or what is there is no generator.
        IntegrityError: its bytes are not what its `config.json` lists.
        NetworkError: the Hub does not give it.
    """
    from zoo.runs.folder import refuse_starting

    name = given_name(given_text(name, "name"), "name", needed=True)
    refuse_address(name, "name")
    refuse_starting(Path(name))
    # pluggy asks the newest plugin first; here the built-in ones are.
    openers = sorted(
        plugins().implementations("zoo_open_generator"),
        key=lambda found: not found[0].builtin,
    )
    for plugin, opener in openers:
        try:
            generator = opener(name=name)
        except BaseException as error:
            ours = isinstance(error, ZooError) or plugin.builtin
            if ours or is_interruption(error):
                raise
            raise InputError(
                f"{name}: plugin {plugin.name} of {plugin.distribution} failed to open it: "
                f"{kind_and_reason(error)}. Set {DISABLE}={plugin.distribution} to do without it"
            ) from error
        if generator is not None:
            return _checked(generator, name, plugin)
    from zoo.runs.generator.unknown import unknown_generator

    raise InputError(unknown_generator(name))


def _checked(generator: object, name: str, plugin: PluginInfo) -> Generator:
    from zoo.generators.generator import Generator

    if not isinstance(generator, Generator):
        raise InputError(
            f"{name}: plugin {plugin.name} of {plugin.distribution} opened it as {shown(generator)}, which is no "
            f"Generator. Set {DISABLE}={plugin.distribution} to do without it"
        )
    return generator


def train(
    recipe: str,
    *,
    steps: int | None = None,
    seed: int | None = None,
    data: str | PathLike[str] | None = None,
    changes: Sequence[str] = (),
    out: str | PathLike[str] | None = None,
    device: DeviceChoice = "auto",
    precision: PrecisionChoice = "auto",
    eager: bool = False,
    on_nan: OnNan = "stop",
    minutes: float | None = None,
    trackers: Sequence[str] = (),
) -> Path:
    """Train a recipe and return the run folder, which holds the best generator under `generator/`.

    It is the same whatever this process has set in torch, numpy or Python (autocast, `no_grad`, default dtype, threads,
    random numbers and the like), and leaves all of that as it was. Ctrl-C stops after the step that is being made and
    still returns the run. In a notebook one line shows how far it is, and the run folder shows its latest pictures.

    Args:
        recipe: a recipe's name, or the path of a TOML file.
        steps: generator steps, in place of the recipe's.
        seed: in place of the recipe's.
        data: a local `.npy`, folder or zip of images in place of the recipe's data.
        changes: `key.path=value` for any other field of the recipe.
        out: the run folder; without it `runs/<recipe>-<n>`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        precision: `auto`, `fp32` or `bf16`.
        eager: on a GPU, launch kernel by kernel instead of replaying a CUDA graph.
        on_nan: `stop`, or `rollback` to the last good checkpoint with half the learning rates, three times at most.
        minutes: how long to train, from the first step on; it ends after the step in which the time is up, or with the
            last step, and `zoo.resume` goes on from there.
        trackers: where the run is followed, too: `["tensorboard"]`.

    Raises:
        BusyError: another process trains in `out`, or another thread of this one trains.
        ZooError: its other subclasses say what went wrong.
    """
    if follows():
        from zoo.distributed.worker import follow

        return follow()
    from zoo.notebook.line import display_here
    from zoo.notebook.run_folder import RunFolder
    from zoo.runs.options import TrainOptions
    from zoo.runs.session import all_changes, train_new

    recipe = given_name(given_text(recipe, "recipe"), "recipe", needed=True)
    source, folder = (
        None if path is None else given_path(path, what) for what, path in (("data", data), ("out", out))
    )
    options = TrainOptions(device, precision, eager, on_nan, minutes, trackers)
    changed = all_changes(changes, steps, seed)
    return RunFolder(
        train_new(recipe, changed, data=source, out=folder, options=options, display=display_here())
    )


def sweep(
    recipe: str,
    fields: Sequence[str] = (),
    *,
    seeds: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    data: str | PathLike[str] | None = None,
    changes: Sequence[str] = (),
    out: str | PathLike[str] | None = None,
    device: DeviceChoice = "auto",
    precision: PrecisionChoice = "auto",
    eager: bool = False,
    on_nan: OnNan = "stop",
    minutes: float | None = None,
    trackers: Sequence[str] = (),
) -> Path:
    """Train a recipe with every combination of values and seeds, one after the other, and return the sweep's folder.

    It holds a run folder for each, and ends with `compare.html`. All combinations are checked before the first is
    trained; one that fails does not end the others. Ctrl-C stops after the step that is being made and still returns
    the folder; `zoo.resume` goes on.

    Args:
        recipe: a recipe's name, or the path of a TOML file.
        fields: `KEY=VALUE,VALUE`, such as `losses.1.weight=1,10`; lists stand in brackets. Fields that change together
            are joined by a plus: `A=1,2+B=3,4`.
        seeds: how many seeds, from `seed` or the recipe's on.
        out: the folder of the sweep; without it `runs/<recipe>-sweep-<n>`.
        minutes: how long to train all of them, from the first step of the first run on.

    The other arguments are those of `train`, for every run.

    Raises:
        BusyError: another process is at work in `out`, or another thread of this one trains.
        FailedRunsError: runs failed; it is raised once all have been trained, with the exit code of the first.
        InputError, UsageError: a key or a value is wrong.
        ZooError: its other subclasses say what went wrong.
    """
    from zoo.runs.options import TrainOptions
    from zoo.runs.session import all_changes
    from zoo.sweeps.start import Wish
    from zoo.sweeps.train import train_sweep

    recipe = given_name(given_text(recipe, "recipe"), "recipe", needed=True)
    source, folder = (
        None if path is None else given_path(path, what) for what, path in (("data", data), ("out", out))
    )
    options = TrainOptions(device, precision, eager, on_nan, minutes, trackers)
    swept = given_words(fields, "fields", "losses.1.weight=1,10")
    wish = Wish(swept, None if seeds is None else given_whole(seeds, "seeds"))
    changed = all_changes(changes, steps, seed)
    return _finished(
        train_sweep(recipe, changed, wish, data=source, out=folder, options=options, make_display=_reporting)
    )


def _reporting(_run: Path, _number: int, _count: int) -> Display:
    from zoo.notebook.line import display_here

    return display_here()


def _finished(ended: Ended) -> Path:
    """Leave the page of a sweep's comparison, and return its folder, or raise what failed in it."""
    from zoo.reports.comparison.at_end import page_at_end
    from zoo.reports.comparison.compare import compare as compared
    from zoo.reports.watch import wanted
    from zoo.sweeps.end import FailedRunsError

    if ended.signal is None and wanted():
        page_at_end(compared([str(ended.path)], load), ended.path)
    if ended.failures:
        raise FailedRunsError(ended.path, ended.failures)
    return ended.path


def compare(
    *names: str | PathLike[str], html: str | PathLike[str] | None = None, latency: bool = False
) -> Comparison:
    """Put runs, sweeps and generators side by side: their figures, curves, pictures and costs.

    Runs that differ only in their seed are one row, with the mean and the deviation of their figures. Figures that were
    measured in different ways, or on different images, are never put together.

    Args:
        names: what `load` opens, and folders of sweeps.
        html: a file to write a page to, with curves and pictures.
        latency: whether to measure how long a picture takes here, of those that have an ONNX file.

    Returns:
        Its `rows`, and `errors` that say why some names could not be read.

    Raises:
        InputError: no name is given, or too many are; or the page has no folder, or is one.
        ZooError: none of the names can be read.
    """
    from zoo.reports.comparison.compare import compare as compared

    if not names:
        raise InputError("compare: no name is given. Give a run, a sweep or a generator")
    given_flag(latency, "latency")
    page = None if html is None else given_path(html, "html")
    if page is not None:
        refuse_unfit_file(page, "html", "compare.html")
    comparison = compared(
        [given_name(given_text(name, "name"), "name", needed=True) for name in names], load, latency=latency
    )
    if page is not None:
        from zoo.reports.comparison.page import write_page

        write_page(comparison, page)
    return comparison


def resume(
    run: str | PathLike[str],
    *,
    steps: int | None = None,
    changes: Sequence[str] = (),
    device: DeviceChoice | None = None,
    precision: PrecisionChoice | None = None,
    eager: bool | None = None,
    on_nan: OnNan = "stop",
    minutes: float | None = None,
    trackers: Sequence[str] = (),
) -> Path:
    """Train a run further from its newest good checkpoint and return its folder; on a CPU exactly as if never stopped.

    Of a sweep, the run that was stopped and those that are left are trained; raises FailedRunsError as `sweep` does.

    Args:
        run: the run folder, or the folder of a sweep.
        steps: generator steps in all, in place of the recipe's; where they are made already, nothing is.
        changes: `key.path=value` for other fields of the recipe, recorded in `run.json`; never of the architecture.
        device: in place of where it was trained.
        precision: in place of what it was.
        eager: on a GPU, launch kernel by kernel instead of replaying a CUDA graph; without it as before.
        on_nan: `stop`, or `rollback` to the last good checkpoint with half the learning rates, three times at most.
        minutes: how long to train, from the first step on; it ends after the step in which the time is up, or with the
            last step, and `zoo.resume` goes on from there.
        trackers: where the run is followed, too: `["tensorboard"]`.

    Raises:
        BusyError: another process trains in `run`, or another thread of this one trains.
        ZooError: its other subclasses say what went wrong.
    """
    if follows():
        from zoo.distributed.worker import follow

        return follow()
    from zoo.notebook.line import display_here
    from zoo.notebook.run_folder import RunFolder
    from zoo.runs.lock import is_sweep
    from zoo.runs.options import TrainOptions
    from zoo.runs.session import all_changes, train_further

    options = TrainOptions(device, precision, eager, on_nan, minutes, trackers)
    path, changed = given_path(run, "run", needed=True), all_changes(changes, steps, None)
    if not is_sweep(path):
        return RunFolder(train_further(path, changed, options, display_here()))
    from zoo.sweeps.train import resume_sweep

    return _finished(resume_sweep(path, steps, changes, options, _reporting))
