"""Audit rates for a budget: as a table for a terminal, as a drawing, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.audit.planning import AuditPlan
from aisle.audit.rates import Rates
from aisle.files import replacing, write_text
from pipelines.report import drawing as look
from pipelines.report.outlook import TEMPLATES, check_name
from pipelines.report.rendering import environment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (look.RIGHT, look.WRONG, look.TARGET, *look.OTHERS)
AIMS = {"auto": "automatic decisions", "all": "all products"}


@dataclass(frozen=True)
class Outcome:
    """Plans, one a budget, with what they stand on.

    Attributes
    ----------
    plans : sequence of AuditPlan
    days : sequence of int
        After which the widths are.
    aim : str
        `auto` or `all`: whose accuracy.
    volume : float
        Products a day.
    source : str
    """

    plans: Sequence[AuditPlan]
    days: Sequence[int]
    aim: str
    volume: float
    source: str

    def rows(self) -> list[list[str]]:
        """Of each budget: audits a day, half the width of the interval after each of the days, and drawn evenly."""
        return [
            [number(one.budget), number(one.expected)]
            + [f"± {50 * width:.2f}" for width in one.width]
            + [f"± {50 * one.even[-1]:.2f}"]
            for one in self.plans
        ]

    def head(self) -> list[str]:
        """Names of the columns of `rows`."""
        after = [f"{day} day{'s' if day > 1 else ''}" for day in self.days]
        return ["budget", "audits a day", *after, f"evenly, {after[-1]}"]


def number(value: float) -> str:
    """With commas, and one digit where it is small."""
    return f"{value:,.1f}".removesuffix(".0") if value < 100 else f"{value:,.0f}"


def bands(rates: Rates) -> list[tuple[str, str]]:
    """Confidence of each band and its rate, for people."""
    low, found = 0.0, []
    for band in rates.bands:
        upper = min(band.below, 1.0)
        found.append((f"{100 * low:.1f} to {100 * upper:.1f} %", f"{100 * band.rate:.2f} %"))
        low = upper
    return found or [("any", f"{100 * rates.floor:.2f} %")]


def table(outcome: Outcome, chosen: AuditPlan) -> str:
    """The table for a terminal, with the rates of one budget."""
    rows = [outcome.head(), *outcome.rows()]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(size) for cell, size in zip(row, widths, strict=True)) for row in rows]
    rates = [f"  {name:<20} {rate:>9}" for name, rate in bands(chosen.rates)]
    return "\n".join(
        [
            f"How well the accuracy of {AIMS[outcome.aim]} will be known, in points, with 95 % probability:",
            "",
            *lines,
            "",
            f"Rates at {number(chosen.budget)} audits a day, by confidence (floor {100 * chosen.rates.floor:.2f} %):",
            *rates,
            "",
            f"From {outcome.source}, {number(outcome.volume)} products a day.",
        ]
    )


def draw(outcome: Outcome) -> Figure:
    """Half the width of the interval against audits a day; a line for each number of days, dotted drawn evenly."""
    figure, axes = look.canvas(6.6, 4.2)
    audits = [one.expected for one in outcome.plans]
    for place, (day, colour) in enumerate(zip(outcome.days, COLOURS * len(outcome.days), strict=False)):
        name = f"after {day} day{'s' if day > 1 else ''}"
        axes.plot(
            audits, [50 * one.width[place] for one in outcome.plans], color=colour, lw=2.2, marker="o", label=name
        )
        axes.plot(audits, [50 * one.even[place] for one in outcome.plans], color=colour, lw=1, ls=(0, (1, 2)))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(audits, [number(one) for one in audits])
    axes.minorticks_off()
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if axes.get_ylim()[0] <= tick <= axes.get_ylim()[1]]
    axes.set_yticks(ticks, [f"± {tick:g}" for tick in ticks])
    axes.tick_params(length=0)
    axes.set_xlabel("Audits a day")
    axes.set_ylabel(f"Accuracy of {AIMS[outcome.aim]} known to, points")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def write(outcome: Outcome, chosen: AuditPlan, path: Path) -> None:
    """Write the page (.html) or the drawing alone (.png, .svg), whole or not at all."""
    check_name(path)
    with look.style():
        figure = look.laid_out(draw(outcome))
        if path.suffix == ".html":
            svg = look.to_svg(figure, "How well the accuracy will be known against the number of audits a day")
            page = environment(TEMPLATES).get_template("audit_plan.html.j2")
            text = page.render(
                outcome=outcome,
                aim=AIMS[outcome.aim],
                volume=number(outcome.volume),
                budget=number(chosen.budget),
                bands=bands(chosen.rates),
                figure=svg,
                style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
            )
            write_text(path, text)
            return
        with replacing(path) as temporary:
            if path.suffix == ".png":
                temporary.write_bytes(look.to_png(figure))
            else:
                figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
