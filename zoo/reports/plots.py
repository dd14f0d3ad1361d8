"""The plots of a training's log: quality, losses, gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.generators.measures import sentence
from zoo.history import FIGURE_LIMIT
from zoo.reports.correlation import rank_correlation
from zoo.reports.drawing import COLOURS, GREY, Plot, finished, new_axes, plot_style, thinned, use_log_scale
from zoo.reports.probe_plots import probe_plots
from zoo.system.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zoo.history import History

MEASUREMENTS = 3
"""From which a rank correlation is drawn."""
STEPS = "generator steps"


def plots(history: History) -> list[Plot]:
    """Return every plot that the history has something for."""
    with plot_style():
        return list(_plots(history))


def _plots(history: History) -> Iterator[Plot]:
    if len(history.quality):
        yield _quality(history)
        if len(history.quality) >= MEASUREMENTS and len(history.curve("critic")):
            yield _quality_against_loss(history)
    if _there(history, ("critic", "generator")):
        yield _losses(history)
    parts = [name for name in history.curves if name.startswith("critic.") and name != "critic.gradient-norm"]
    if len(parts) > 1:
        yield _parts(history, parts)
    if _there(history, ("critic.gradient-norm", "generator.gradient-norm")):
        yield _gradients(history)
    if history.probes:
        yield from probe_plots(history.probes)


def _there(history: History, names: Sequence[str]) -> list[str]:
    return [name for name in names if len(history.curve(name))]


def _quality(history: History) -> Plot:
    figure, axes = new_axes(STEPS, one_line(str(history.record.get("metric"))))
    quality, best = history.quality, history.record.get("best") or {}
    axes.plot(quality.steps, quality.values, "o-", color=COLOURS[0], ms=3, label="averaged generator")
    if best and abs(best["value"]) <= FIGURE_LIMIT:
        axes.plot(best["step"], best["value"], "*", color=COLOURS[1], ms=11, label="best")
    says = (
        "Each point is a measurement of the averaged generator; the star is the best one."
        f"{sentence(history.higher_is_better)}"
    )
    return finished(figure, "Quality", says)


def _quality_against_loss(history: History) -> Plot:
    losses, quality = history.losses_at_measurements, history.quality
    figure, axes = new_axes("critic's loss, smoothed", one_line(str(history.record.get("metric"))))
    axes.plot(losses, quality.values, "-", color=GREY, lw=0.5)
    dots = axes.scatter(
        losses,
        quality.values,
        c=quality.steps,
        s=18,
        cmap="viridis",
        edgecolors=GREY,
        linewidths=0.5,
        label="a measurement",
    )
    figure.colorbar(dots, label=STEPS)
    rho = rank_correlation(losses, quality.values)
    says = (
        "If the critic's loss told the quality, the points would lie on a line that only rises or falls: their rank "
        f"correlation is {rho:+.2f} over {len(quality)} measurements, where 1 or -1 would be such a line."
    )
    return finished(figure, "Quality against loss", says)


def _losses(history: History) -> Plot:
    says = (
        "Thin: the log; thick: its running mean. Two sides play against each other, and neither has to fall: look for "
        "swings that grow, and for a sudden end."
    )
    return _lines(history, "Losses", _there(history, ("critic", "generator")), "loss", says)


def _parts(history: History, parts: Sequence[str]) -> Plot:
    says = "Each loss's own value, before its weight. A penalty should settle near 0."
    return _lines(history, "Parts of the critic's loss", parts, "unweighted value", says)


def _gradients(history: History) -> Plot:
    names = _there(history, ("critic.gradient-norm", "generator.gradient-norm"))
    says = (
        "How strongly each side is pushed. A side whose gradient falls towards 0 has stopped learning; one that shoots "
        "up is about to diverge."
    )
    log = all((history.curve(name).values > 0).all() for name in names)
    return _lines(history, "Gradient norms", names, "norm of the gradient", says, log=log)


def _lines(
    history: History, title: str, names: Sequence[str], label: str, says: str, *, log: bool = False
) -> Plot:
    figure, axes = new_axes(STEPS, label)
    for name, colour in zip(names, COLOURS, strict=False):
        curve = thinned(history.curve(name))
        axes.plot(curve.steps, curve.values, "." if len(curve) == 1 else "-", color=colour, lw=0.4, alpha=0.5)
        smooth = curve.smoothed(max(len(curve) // 30, 1))
        axes.plot(smooth.steps, smooth.values, color=colour, lw=1.6, label=name)
    for step in history.quality.steps[:200]:
        axes.axvline(step, color=GREY, lw=0.3, alpha=0.5)
    if log:
        use_log_scale(axes)
    measured = " Vertical lines are measurements." if len(history.quality) else ""
    return finished(figure, title, f"{says}{measured}")
