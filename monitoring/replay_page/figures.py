"""The figures of the replay, drawn from its rounds alone: small pictures a regime, lines of all regimes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from monitoring.replay_page.curves import Band, OfRound, Regime
from monitoring.replay_page.strokes import Dash, bell, line, names_at_ends, panel, percent_axis, rounds_axis, spread_of
from monitoring.replay_page.words import ANSWERS, alarm_words
from pipelines.report import drawing as look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from aisle.audit.replay.results import Round

# Whoever does not see colours tells lines apart by their dashes and by the names at their ends.
LINES: Mapping[str, tuple[str, Dash]] = {
    "everything": (look.WRONG, "-"),
    "human": (look.OTHERS[1], (0, (5, 1.5))),
    "mixed": (look.OTHERS[0], (0, (3, 1, 1, 1))),
    "audited": (look.OTHERS[2], (0, (1.5, 1))),
    "representative": (look.RIGHT, "-"),
}
ANSWER_COLOURS: Mapping[str, str] = {
    "audit": look.RIGHT,
    "review": look.REVIEW,
    "second": look.OTHERS[1],
    "third": look.OTHERS[0],
}
_DASHED: Dash = (0, (4, 2))


def draw(regimes: Sequence[Regime], target: float, cap: int) -> dict[str, dict[str, str]]:
    """SVG texts by section and regime; those of all regimes stand under `all`."""
    drawn: dict[str, dict[str, str]] = {"believed": {}, "coverage": {}, "answers": {}, "all": {}}
    if not regimes:
        return drawn
    floor, last = _floor(regimes, target), max(one.last for one in regimes)
    with look.style():
        for one in regimes:
            pictures = {
                "believed": (believed(one, target, floor, last), "Believed and true accuracy by round"),
                "coverage": (coverage(one, last), "Coverage by round, and with a threshold chosen with the truth"),
                "answers": (answers(one, cap, last), "Human answers by round and kind"),
            }
            for section, (figure, description) in pictures.items():
                drawn[section][one.name] = _svg(figure, f"{description}, regime {one.name}")
        drawn["all"]["flow"] = _svg(
            lines(regimes, lambda one: one.flow_accuracy, last), "Flow accuracy of all regimes by round"
        )
        drawn["all"]["labels"] = _svg(
            lines(regimes, lambda one: one.model_label_share, last, from_zero=True),
            "Share of training labels that came from a model, of all regimes by round",
        )
    return drawn


def _svg(figure: Figure, description: str) -> str:
    return look.to_svg(look.laid_out(figure), description)


def believed(regime: Regime, target: float, floor: float, last: int) -> Figure:
    """Believed (dashed) against true (solid) accuracy, the gap shaded, the alarm marked."""
    figure, axes = panel(2.45)
    said, was = regime.band(lambda one: one.believed), regime.band(lambda one: one.true_accuracy)
    axes.plot([0, last + 0.2], [100 * target] * 2, color=look.TARGET, lw=1, zorder=1.6)
    _shade_above(axes, said, was)
    spread_of(axes, was, look.INK)
    line(axes, said, look.WRONG, _DASHED, 1.7)
    line(axes, was, look.INK)
    _alarms(axes, regime, was, floor)
    rounds_axis(axes, last, room=0.27)
    promise = Band(np.array([last]), *(np.array([target]) for _ in range(3)))
    named = [
        ("believed", said, look.WRONG),
        ("true", was, look.INK),
        (f"target {100 * target:g}", promise, look.TARGET),
    ]
    names_at_ends(axes, named, floor, 100.0)
    axes.set_ylim(floor, 100.4)
    percent_axis(axes)
    return figure


def _shade_above(axes: Axes, upper: Band, lower: Band) -> None:
    """What `upper` has too much: the part of it above `lower`."""
    above = upper.middle > lower.middle
    axes.fill_between(
        upper.rounds, 100 * lower.middle, 100 * upper.middle, where=above, color=look.WRONG, alpha=0.2, lw=0
    )


def _alarms(axes: Axes, regime: Regime, was: Band, floor: float) -> None:
    """A bell at the round of each seed's alarm, on the line of the truth; said in words below the lines."""
    rung = [at for at in regime.alarms() if at is not None]
    for at in sorted(set(rung)):
        height = _value_at(was, at)
        if height is not None:
            axes.plot([at], [100 * height], marker=bell(), ms=15, color=look.WRONG, mec=look.PAPER, mew=0.8, zorder=6)
    text, colour = (f"alarm in {alarm_words(regime.alarms())}", look.WRONG) if rung else ("no alarm", look.MUTED)
    axes.text(
        0.6,
        floor + 0.02 * (100.4 - floor),
        text,
        color=colour,
        va="bottom",
        fontsize=8,
        fontweight="bold" if rung else None,
    )


def coverage(regime: Regime, last: int) -> Figure:
    """Coverage (solid) against what a threshold chosen with the truth gives the same model (dashed)."""
    figure, axes = panel(2.0)
    reached, best = regime.band(lambda one: one.coverage), regime.band(lambda one: one.oracle_coverage)
    _shade_above(axes, reached, best)
    spread_of(axes, reached, look.RIGHT)
    line(axes, best, look.TARGET, _DASHED, 1.7)
    line(axes, reached, look.RIGHT)
    rounds_axis(axes, last, room=0.3)
    names_at_ends(axes, [("automatic", reached, look.RIGHT), ("with the\ntruth", best, look.TARGET)], 0.0, 100.0, 13.0)
    axes.set_ylim(0, 101)
    percent_axis(axes)
    return figure


def answers(regime: Regime, cap: int, last: int) -> Figure:
    """Human answers a round, stacked by kind (mean of the seeds), with the cap."""
    figure, axes = panel(1.9)
    below = np.zeros(len(regime.band(lambda one: 0.0).rounds))
    for kind in answer_kinds([regime]):
        found = regime.band(partial(_answers_of, kind))
        height = np.nan_to_num(found.middle)
        axes.bar(found.rounds, height, 0.78, bottom=below, color=ANSWER_COLOURS[kind], lw=0)
        below = below + height
    axes.axhline(cap, color=look.INK, lw=1)
    axes.text(0.5, cap * 1.03, f"cap {cap:,}", color=look.INK, va="bottom", fontsize=8)
    rounds_axis(axes, last)
    axes.set_ylim(0, max(cap, float(below.max(initial=0))) * 1.22)
    axes.grid(visible=False, axis="x")
    axes.tick_params(length=0)
    return figure


def _answers_of(kind: str, one: Round) -> float:
    return float(one.answers.get(kind, 0))


def answer_kinds(regimes: Sequence[Regime]) -> list[str]:
    """Kinds of answers that occur, in the order in which they are stacked."""
    return [kind for kind in ANSWERS if any(one.answers.get(kind) for regime in regimes for one in regime.rounds)]


def lines(regimes: Sequence[Regime], measure: OfRound, last: int, *, from_zero: bool = False) -> Figure:
    """One line a regime, named at its end."""
    figure, axes = panel(2.9, width=4.1)
    ends = []
    lowest, highest = math.inf, 0.0
    for regime in regimes:
        colour, dash = LINES.get(regime.name, (look.MUTED, "-"))
        band = regime.band(measure)
        spread_of(axes, band, colour, alpha=0.1)
        line(axes, band, colour, dash, 2)
        ends.append((regime.name, band, colour))
        if np.isfinite(band.middle).any():
            lowest, highest = (
                min(lowest, 100 * float(np.nanmin(band.low))),
                max(highest, 100 * float(np.nanmax(band.high))),
            )
    rounds_axis(axes, last, room=0.37)
    bottom = 0.0 if from_zero or not math.isfinite(lowest) else max(0.0, lowest - 1)
    top = max(highest * 1.06, bottom + 5) if from_zero else min(101.0, highest + 1)
    axes.set_ylim(bottom - (0.02 * (top - bottom) if from_zero else 0), top)
    names_at_ends(axes, ends, bottom, top, 0.062 * (top - bottom))
    percent_axis(axes)
    return figure


def _floor(regimes: Sequence[Regime], target: float) -> float:
    """One floor for the small pictures of all regimes, so that they compare at a glance."""
    shares = [
        value
        for regime in regimes
        for one in regime.rounds
        for value in (one.believed, one.true_accuracy)
        if value is not None
    ]
    return max(0.0, 5 * math.floor(20 * min([*shares, target - 0.05])) - 4)


def _value_at(band: Band, round_: int) -> float | None:
    found = band.middle[band.rounds == round_]
    return None if len(found) == 0 or not np.isfinite(found[0]) else float(found[0])
