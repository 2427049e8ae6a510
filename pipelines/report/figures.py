"""The figures of the report, each drawn from `evidence.json` alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.report import drawing as look
from pipelines.report.words import candidate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Evidence = Mapping[str, Any]


@dataclass(frozen=True)
class Drawn:
    """One figure, for a page and for places that show pictures only."""

    svg: str
    png: bytes | None


def draw(evidence: Evidence, *, png: bool = True) -> dict[str, Drawn]:
    """All figures by name; without `png` the pictures are left out, which saves half the time."""
    drawn = {}
    with look.style():
        for name, (paint, description) in FIGURES.items():
            figure = look.laid_out(paint(evidence))
            drawn[name] = Drawn(look.to_svg(figure, description), look.to_png(figure) if png else None)
    return drawn


def accuracy_coverage(evidence: Evidence) -> Figure:
    """The accuracy-coverage curve beside a perfect ordering and the other candidates."""
    figure, axes = look.canvas(5.7, 4.3)
    curves, promise, glance = evidence["curves"], evidence["promise"], evidence["glance"]
    others = [name for name in curves["candidates"] if name != curves["chosen"]]
    for name, colour in zip(others, look.OTHERS * len(others), strict=False):
        points = curves["candidates"][name]
        axes.plot(
            _percents(points["coverage"]), _percents(points["accuracy"]), color=colour, lw=1, label=candidate(name)
        )
    perfect, chosen = curves["perfect"], curves["candidates"][curves["chosen"]]
    axes.plot(_percents(perfect["coverage"]), _percents(perfect["accuracy"]), color=look.MUTED, lw=1.2, ls=(0, (4, 3)))
    axes.plot([], [], color=look.MUTED, lw=1.2, ls=(0, (4, 3)), label="perfect ordering")
    label = f"{candidate(curves['chosen'])} (chosen)"
    axes.plot(_percents(chosen["coverage"]), _percents(chosen["accuracy"]), color=look.RIGHT, lw=2.4, label=label)
    _target_line(axes, promise)
    if glance["accuracy"]["value"] is not None:
        _threshold_point(axes, glance)
    lowest = min(min(points["accuracy"][len(points["accuracy"]) // 20 :]) for points in curves["candidates"].values())
    _share_axes(axes, "Coverage: share of products decided automatically", "Accuracy among those")
    axes.set_xlim(0, 101)
    axes.set_ylim(max(0, 100 * lowest - 3), 100.8)
    _legend_below(figure, axes, columns=2)
    return figure


def _threshold_point(axes: Axes, glance: Mapping[str, Any]) -> None:
    accuracy, coverage = glance["accuracy"], 100 * glance["coverage"]["value"]
    value, low, high = (100 * accuracy[name] for name in ("value", "low", "high"))
    axes.errorbar(
        [coverage],
        [value],
        [[value - low], [high - value]],
        color=look.INK,
        lw=1.4,
        capsize=3,
        marker="o",
        ms=6.5,
        zorder=5,
    )
    axes.annotate(
        f"the threshold chosen:\n{coverage:.0f} of 100 products automatic,\n{value:.1f} % of them right",
        (coverage, low),
        xytext=(0.04, 0.06),
        textcoords="axes fraction",
        arrowprops={"arrowstyle": "-", "color": look.MUTED, "lw": 0.8, "relpos": (1, 1)},
    )


def _target_line(axes: Axes, promise: Mapping[str, Any]) -> None:
    if promise["kind"] != "target_accuracy":
        return
    target = 100 * promise["target_accuracy"]
    axes.axhline(target, color=look.TARGET, lw=1.1, zorder=1.5)
    # Below the line and to the left there is room: the surest products are nearly all right.
    axes.text(1, target - 0.2, f"target {target:g} %", color=look.TARGET, va="top", ha="left", fontsize=8.5)


def reliability(evidence: Evidence) -> Figure:
    """Confidence against the share right, and how many products have which confidence."""
    figure, axes = look.canvas(4.9, 4.3)
    bins = evidence["reliability"]
    axes.plot([0, 100], [0, 100], color=look.MUTED, lw=1, ls=(0, (4, 3)), label="confidence = share right")
    confidence = [100 * one["confidence"] for one in bins]
    right = [100 * one["right"]["value"] for one in bins]
    spread = [
        [100 * (one["right"]["value"] - one["right"]["low"]) for one in bins],
        [100 * (one["right"]["high"] - one["right"]["value"]) for one in bins],
    ]
    label = f"{len(bins)} groups of about {bins[0]['right']['rows']:,} test products, 95 % interval"
    axes.errorbar(
        confidence, right, spread, color=look.RIGHT, lw=1.2, capsize=2, marker="o", ms=4.5, ls="-", label=label
    )
    threshold = evidence["promise"]["threshold"]
    shown = [*(one["confidence"] for one in bins), *(one["right"]["low"] for one in bins)]
    lowest = 10 * math.floor(10 * min(shown if threshold is None else [*shown, threshold]))
    if threshold is not None:
        at, text = 100 * threshold, f"threshold {threshold:.3f}"
        axes.axvline(at, color=look.INK, lw=1)
        room = at - lowest > 8
        axes.text(
            at + (-0.8 if room else 0.8),
            lowest + 1,
            text,
            rotation=90,
            ha="right" if room else "left",
            va="bottom",
            fontsize=8.5,
        )
    _share_axes(axes, "Confidence: the chance of being right that the model states", "Share right")
    axes.set_xlim(lowest - 1, 101)
    axes.set_ylim(lowest - 1, 101)
    axes.set_aspect("equal")
    _legend_below(figure, axes, columns=1)
    return figure


def branch_confusion(evidence: Evidence) -> Figure:
    """Row-normalised confusion of branches as a heat map with names."""
    from matplotlib.patches import Rectangle

    confusion = evidence["confusion"]
    rows, columns = confusion["rows_of"], confusion["columns_of"]
    side = 0.36 if len(columns) > 14 else 0.44
    figure, axes = look.canvas(2.6 + side * len(columns), 1.7 + side * len(rows))
    for y, (true, shares) in enumerate(zip(rows, confusion["share"], strict=True)):
        for x, (found, value) in enumerate(zip(columns, shares, strict=True)):
            colour = look.RIGHT if true == found else look.WRONG
            if value >= 0.0005:
                # Mistakes are rare: the square root lets 2 % still be seen.
                axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, alpha=0.85 * value**0.5, lw=0))
            if value >= 0.01:
                strong = value > 0.35
                text = f"{100 * value:.0f}"
                axes.text(
                    x + 0.5,
                    y + 0.5,
                    text,
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    color=look.PAPER if strong else look.INK,
                )
    names = [f"{_short(name)} ({size:,})" for name, size in zip(rows, confusion["rows"], strict=True)]
    axes.set_yticks([y + 0.5 for y in range(len(rows))], names)
    axes.set_xticks([x + 0.5 for x in range(len(columns))], [_short(name) for name in columns], rotation=55, ha="right")
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(rows), 0)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_ylabel("True branch (test products)")
    axes.set_xlabel("Put into, % of the row")
    return figure


def price_of_accuracy(evidence: Evidence) -> Figure:
    """The coverage that each target accuracy would leave."""
    figure, axes = look.canvas(5.7, 2.9)
    rows, promise = evidence["price_of_accuracy"], evidence["promise"]
    targets = [100 * one["target"] for one in rows]
    chosen = [
        promise["kind"] == "target_accuracy" and abs(one["target"] - promise["target_accuracy"]) < 1e-9 for one in rows
    ]
    colours = [look.RIGHT if one else look.REVIEW for one in chosen]
    axes.bar(targets, [100 * one["coverage"] for one in rows], width=0.72, color=colours)
    for one, target in zip(rows, targets, strict=True):
        if one["low"] is not None:
            axes.plot([target, target], [100 * one["low"], 100 * one["high"]], color=look.INK, lw=1.2)
        axes.text(
            target, 2, f"{100 * one['coverage']:.0f}", ha="center", va="bottom", color=look.PAPER, fontweight="bold"
        )
    _share_axes(axes, "Target accuracy", "Coverage")
    axes.set_xticks(targets, [f"{target:.0f} %" for target in targets])
    axes.set_ylim(0, 103)
    axes.grid(visible=False, axis="x")
    return figure


def _percents(values: list[float]) -> list[float]:
    return [100 * value for value in values]


def _share_axes(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.tick_params(length=0)


def _legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def _short(name: str, most: int = 24) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


FIGURES: Mapping[str, tuple[Callable[[Evidence], Figure], str]] = {
    "accuracy_coverage": (accuracy_coverage, "Accuracy against coverage for every threshold"),
    "price_of_accuracy": (price_of_accuracy, "Coverage that each target accuracy would leave"),
    "reliability": (reliability, "Share right against stated confidence"),
    "branch_confusion": (branch_confusion, "Which branches are taken for which"),
}
