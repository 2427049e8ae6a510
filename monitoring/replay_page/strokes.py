"""How lines by round are drawn: small pictures that line up, gaps, spreads, names at the ends of lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from monitoring.replay_page.curves import Band

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path as MarkerPath

Dash = str | tuple[int, tuple[float, ...]]


def panel(height: float, width: float = 3.3) -> tuple[Figure, Axes]:
    """A small picture whose axes stand at the same place as those of its neighbours."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.add_axes((0.45 / width, 0.3 / height, 1 - 0.5 / width, 1 - 0.4 / height))


def line(axes: Axes, band: Band, colour: str, dash: Dash = "-", width: float = 2.2) -> None:
    """The means, with a gap where there is none; a round alone between gaps is a dot."""
    axes.plot(band.rounds, 100 * band.middle, color=colour, ls=dash, lw=width, zorder=4, solid_capstyle="round")
    known = np.isfinite(band.middle)
    beside = np.concatenate([[False], known[:-1]]) | np.concatenate([known[1:], [False]])
    alone = known & ~beside
    axes.plot(band.rounds[alone], 100 * band.middle[alone], "o", color=colour, ms=4, zorder=4)


def spread_of(axes: Axes, band: Band, colour: str, alpha: float = 0.16) -> None:
    """From the lowest to the highest seed; nothing where one seed is all there is."""
    if np.any(band.high > band.low):
        axes.fill_between(band.rounds, 100 * band.low, 100 * band.high, color=colour, alpha=alpha, lw=0)


def names_at_ends(
    axes: Axes, named: Sequence[tuple[str, Band, str]], bottom: float, top: float, distance: float | None = None
) -> None:
    """Each line's name at its end, moved apart where ends meet."""
    distance = 0.085 * (top - bottom) if distance is None else distance
    known = [(name, band, colour, _last_known(band)) for name, band, colour in named]
    placed = sorted(
        ((100 * end[1], end[0], name, colour) for name, _, colour, end in known if end is not None),
        key=lambda one: one[0],
    )
    heights = apart([one[0] for one in placed], distance, bottom, top)
    for (value, at, name, colour), height in zip(placed, heights, strict=True):
        axes.annotate(
            name,
            (at, value),
            xytext=(at + 0.35, height),
            color=colour,
            va="center",
            fontsize=8.5,
            annotation_clip=False,
        )


def apart(values: Sequence[float], distance: float, bottom: float, top: float) -> list[float]:
    """Ascending `values` moved so that neighbours lie `distance` apart, as near to where they were as that allows."""
    heights = list(values)
    for _ in range(60):
        heights = [min(max(one, bottom), top) for one in heights]
        for n in range(1, len(heights)):
            lack = distance - (heights[n] - heights[n - 1])
            if lack > 0:
                heights[n - 1] -= lack / 2
                heights[n] += lack / 2
    return heights


def _last_known(band: Band) -> tuple[float, float] | None:
    known = np.flatnonzero(np.isfinite(band.middle))
    return None if len(known) == 0 else (float(band.rounds[known[-1]]), float(band.middle[known[-1]]))


def rounds_axis(axes: Axes, last: int, room: float = 0.0) -> None:
    """Round numbers; `room`, as a share of the width, stays free on the right for names."""
    step = 1 if last <= 6 else math.ceil(last / 3)
    between = [n for n in range(step, last, step) if n - 1 > 0.18 * last and last - n >= step / 2]
    numbers = sorted({1, *between, last})
    axes.set_xticks(numbers, ["round 1", *(f"{n}" for n in numbers[1:])])
    axes.tick_params(axis="x", pad=6.5)
    axes.set_xlim(0.4, 0.4 + (last + 0.2) / (1 - room))


def percent_axis(axes: Axes) -> None:
    """Whole percents upwards, with rules across and nothing else."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.grid(visible=False, axis="x")
    axes.tick_params(length=0)


def bell() -> MarkerPath:
    """A bell as a marker: no font needs to have it."""
    from matplotlib.path import Path

    angles = np.linspace(0, np.pi, 9)
    body = [(-1.0, -0.7), (-0.62, -0.25), *zip(-0.6 * np.cos(angles), 0.35 + 0.6 * np.sin(angles), strict=True)]
    outline = [*body, (0.62, -0.25), (1.0, -0.7), (0.28, -0.7), (0.0, -1.05), (-0.28, -0.7), (-1.0, -0.7)]
    return Path(np.array(outline), closed=True)
