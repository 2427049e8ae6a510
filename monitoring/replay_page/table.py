"""The last rounds of a replay as a small table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from monitoring.replay_page import curves
from monitoring.replay_page.curves import OfRounds, Regime
from monitoring.replay_page.words import alarm_words
from pipelines.report.words import count, percent

if TYPE_CHECKING:
    from aisle.audit.replay.results import Round

HEAD = ("regime", "believed", "true", "coverage", "flow accuracy", "answers", "alarm")


def table(rounds: Iterable[Round]) -> str:
    """A line a regime: the mean of the seeds over its last rounds; what is unknown is a dash."""
    rows = [HEAD, *(_row(one) for one in curves.gather(rounds))]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in (0, len(HEAD) - 1) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(regime: Regime) -> tuple[str, ...]:
    late = list(regime.late().values())

    def mean(measure: OfRounds) -> float | None:
        return curves.spread((measure(one) for one in late), share=False).value

    shares = (percent(mean(one)) for one in (curves.believed, curves.true, curves.coverage, curves.flow))
    return (regime.name, *shares, count(mean(curves.answers)), alarm_words(regime.alarms()))
