"""The plots of the page, by day; days that are missing or odd are marked and named, never drawn over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.report import drawing as look

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.2  # inches
LEAST_AUDITS = 20  # of a span of days that gets a point of its own
_MOST_NAMED = 6
GAP_NAMES = {
    "missing_day": "no predictions",
    "unknown_model": "unknown model",
    "several_models": "several models",
    "future": "in the future",
    "label_before_prediction": "answered before predicted",
    "other_day": "other day's shard",
    "day_twice": "day twice",
    "contradicting": "day twice, contradicting",
    "no_draw": "no audits drawn",
}


@dataclass(frozen=True)
class Pictured:
    """What the plots show.

    Attributes
    ----------
    days : sequence of date
        Of the window, all of them.
    gaps : sequence of (date, code)
        Days that something is missing or odd on.
    target, limit : float
        Target accuracy, and where the low end of the interval must lie.
    accuracy : DataFrame
        By day: `day, accuracy, low, high, answered`; of spans of days, see `spans`. Perhaps `settled` and
        `if_pending_wrong`, as `monitoring.settled` has them; without them all days are settled.
    flow : DataFrame
        By day: `day, predictions, coverage, confidence`.
    usual : mapping
        `coverage` and `confidence` of the reference, where they are known.
    path : DataFrame or None
        Of the alarm: `day, count, capital`; and its `goal`.
    goal : float
    drift : DataFrame or None
        Rows are columns of products and predictions, columns are days: distance over its limit, nan where not judged.
    """

    days: Sequence[dt.date]
    gaps: Sequence[tuple[dt.date, str]]
    target: float
    limit: float
    accuracy: pd.DataFrame
    flow: pd.DataFrame
    usual: Mapping[str, float]
    path: pd.DataFrame | None
    goal: float
    drift: pd.DataFrame | None


def draw(shown: Pictured) -> dict[str, str]:
    """SVG texts by name; a plot without anything to show is left out."""
    drawn = {}
    with look.style():
        for name, (paint, there, description) in PLOTS.items():
            if there(shown):
                drawn[name] = look.to_svg(look.laid_out(paint(shown)), description)
    return drawn


def accuracy(shown: Pictured) -> Figure:
    """Audited accuracy at the day of the prediction, with intervals."""
    figure, axes = look.canvas(WIDTH, 3.0)
    table = shown.accuracy
    middle, value = _numbers(table["day"]), 100 * table["accuracy"].to_numpy(dtype=np.float64)
    low, high = (100 * table[name].to_numpy(dtype=np.float64) for name in ("low", "high"))
    lowest = 100 * table["if_pending_wrong"].to_numpy(dtype=np.float64) if "if_pending_wrong" in table else value
    done = table["settled"].to_numpy(dtype=bool) if "settled" in table else np.ones(len(table), dtype=bool)
    below, open_ = value < 100 * shown.target, (value >= 100 * shown.target) & (lowest < 100 * shown.target)
    for chosen, colour in ((~below & ~open_, look.RIGHT), (below, look.WRONG), (open_, look.REVIEW)):
        for some, face in ((chosen & done, colour), (chosen & ~done, look.PAPER)):
            if some.any():
                ends = [value[some] - low[some], high[some] - value[some]]
                axes.errorbar(middle[some], value[some], ends, fmt="o", ms=5 if face == look.PAPER else 4.5,
                              mfc=face, mec=colour, color=colour, lw=1.2, capsize=2.5)  # fmt: skip
    waits = lowest < value
    axes.vlines(middle[waits] + 0.18, lowest[waits], value[waits], color=look.REVIEW, lw=2.2, linestyle=(0, (1, 1)))
    axes.axhline(100 * shown.target, color=look.TARGET, lw=1.4)
    _at_right(axes, 100 * shown.target, f"promised\n{100 * shown.target:g} %", look.TARGET)
    axes.set_ylabel("right among automatic decisions")
    axes.yaxis.set_major_formatter(lambda number, _: f"{number:g} %")
    axes.set_ylim(max(0.0, min(low.min(), lowest.min(), 100 * shown.limit) - 4), 101)
    _days(axes, shown)
    return figure


def flow(shown: Pictured) -> Figure:
    """Coverage and confidence by day, with those of the reference."""
    figure, axes = look.canvas(WIDTH, 2.7)
    across = _numbers(shown.flow["day"])
    for name, label, colour in (
        ("coverage", "decided automatically", look.RIGHT),
        ("confidence", "mean confidence", look.OTHERS[0]),
    ):
        axes.plot(
            *_broken(across, 100 * shown.flow[name].to_numpy(dtype=np.float64)), color=colour, lw=1.6, label=label
        )
        if name in shown.usual:
            axes.axhline(100 * shown.usual[name], color=colour, lw=1, ls=(0, (4, 3)))
    axes.plot([], [], color=look.MUTED, lw=1, ls=(0, (4, 3)), label="in the reference")
    axes.yaxis.set_major_formatter(lambda number, _: f"{number:g} %")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    _days(axes, shown)
    return figure


def alarm(shown: Pictured) -> Figure:
    """Evidence against the promise, audit by audit, and what rings the alarm."""
    assert shown.path is not None
    figure, axes = look.canvas(WIDTH, 2.7)
    axes.plot(shown.path["count"], shown.path["capital"], color=look.WRONG, lw=1.8, drawstyle="steps-post")
    axes.axhline(shown.goal, color=look.INK, lw=1.2, ls=(0, (4, 3)))
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda number, _: f"{number:g}")
    axes.set_ylim(min(0.1, shown.path["capital"].min() / 1.5), max(shown.goal, shown.path["capital"].max()) * 2.5)
    axes.text(0.01, shown.goal * 1.12, f"at {shown.goal:g} the alarm rings", color=look.INK, fontsize=8.5,
              transform=axes.get_yaxis_transform())  # fmt: skip
    axes.set_xlabel("audits of automatic decisions, in the order of the draw")
    axes.set_ylabel("evidence against the promise")
    axes.tick_params(length=0)
    return figure


def drift(shown: Pictured) -> Figure:
    """Columns by day: how far from the reference, in units of what a quiet day may show."""

    assert shown.drift is not None
    table = shown.drift.reindex(columns=list(shown.days))
    figure, axes = look.canvas(WIDTH, 0.9 + 0.21 * len(table))
    level = table.to_numpy(dtype=np.float64)
    for row, column in zip(*np.nonzero(np.isfinite(level)), strict=True):
        over = level[row, column] > 1
        strength = min(level[row, column] / 3, 1.0) if over else 0.0
        axes.add_patch(
            _cell(column, row, look.WRONG if over else look.REVIEW, 0.35 + 0.65 * strength if over else 0.18)
        )
    axes.set_xlim(-0.5, len(shown.days) - 0.5)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_yticks(range(len(table)), [str(name).replace("_", " ") for name in table.index])
    step = max(1, len(shown.days) // 8)
    axes.set_xticks(range(0, len(shown.days), step), [f"{day:%d %b}" for day in shown.days[::step]])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    return figure


def spans(by_day: pd.DataFrame, least: int = LEAST_AUDITS) -> list[list[dt.date]]:
    """Days put together, in order, so that each span has at least `least` answered audits.

    Parameters
    ----------
    by_day : DataFrame
        `day` and `answered`.
    """
    found: list[list[dt.date]] = [[]]
    audits = 0
    for day, answered in zip(by_day["day"], by_day["answered"], strict=True):
        found[-1].append(day)
        audits += int(answered)
        if audits >= least:
            found.append([])
            audits = 0
    rest = found.pop()
    if rest and audits and found:  # too few audits are left for a point of their own
        found[-1] += rest
    elif rest and audits:
        found.append(rest)
    return found


def _cell(across: int, up: int, colour: str, opacity: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((across - 0.44, up - 0.42), 0.88, 0.84, color=colour, alpha=opacity, lw=0)


def _numbers(days: Iterable[dt.date]) -> np.ndarray[Any, Any]:
    return np.array([day.toordinal() for day in days], dtype=np.float64)


def _broken(
    across: np.ndarray[Any, Any], up: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A line that breaks where a day is missing."""
    holes = np.flatnonzero(np.diff(across) > 1.5) + 1
    return np.insert(across, holes, across[holes] - 0.5), np.insert(up, holes, np.nan)


def _at_right(axes: Axes, up: float, text: str, colour: str) -> None:
    """Words beside the plot, where no point can lie under them."""
    axes.annotate(text, (1, up), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
                  ha="left", va="center", color=colour, fontsize=8.5)  # fmt: skip


def _days(axes: Axes, shown: Pictured) -> None:
    """The days as the axis, and the gaps on it by name."""
    first, last = shown.days[0].toordinal(), shown.days[-1].toordinal()
    axes.set_xlim(first - 0.7, last + 0.7)
    ticks = range(first, last + 1, max(1, -(-(last - first + 1) // 7)))
    axes.set_xticks(list(ticks), [f"{dt.date.fromordinal(one):%d %b}" for one in ticks])
    axes.tick_params(length=0)
    named = 0
    for code, begin, end in _runs(shown.gaps):
        left, right = _numbers([begin, end])
        axes.axvspan(left - 0.5, right + 0.5, color=look.REVIEW, alpha=0.22, lw=0)
        if named < _MOST_NAMED:
            axes.annotate(GAP_NAMES.get(code, code.replace("_", " ")), ((left + right) / 2, 0.03),
                          xycoords=("data", "axes fraction"), rotation=90, ha="center", va="bottom",
                          fontsize=7.5, color=look.MUTED)  # fmt: skip
            named += 1


def _runs(gaps: Sequence[tuple[dt.date, str]]) -> list[tuple[str, dt.date, dt.date]]:
    """Days in a row of the same gap, as one: code, first and last day."""
    found: list[tuple[str, dt.date, dt.date]] = []
    for code in sorted({code for _, code in gaps}):
        for day in sorted({day for day, other in gaps if other == code}):
            if found and found[-1][0] == code and (day - found[-1][2]).days <= 1:
                found[-1] = (code, found[-1][1], day)
            else:
                found.append((code, day, day))
    return found


PLOTS: Mapping[str, tuple[Callable[[Pictured], Figure], Callable[[Pictured], bool], str]] = {
    "accuracy": (accuracy, lambda one: len(one.accuracy) > 0, "Audited accuracy by day, with 95 % intervals"),
    "alarm": (alarm, lambda one: one.path is not None and len(one.path) > 0, "Evidence against the promise by audit"),
    "flow": (flow, lambda one: len(one.flow) > 0, "Coverage and mean confidence by day"),
    "drift": (drift, lambda one: one.drift is not None and one.drift.size > 0, "Shift of each column on each day"),
}
