"""How many audits for which promise: as a table for a terminal, as a drawing, as a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.decision.certificates import Outlook
from aisle.errors import ConfigurationError
from aisle.files import replacing, write_text
from pipelines.report import drawing as look
from pipelines.report import words
from pipelines.report.rendering import environment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATES = Path(__file__).parent / "templates"
COLOURS = (look.RIGHT, look.WRONG, look.TARGET, *look.OTHERS)
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NEVER = "never"


@dataclass(frozen=True)
class Plan:
    """Outlooks with what they stand on.

    Attributes
    ----------
    outlooks : one a target
    power : float in (0, 1)
        Probability with which the coverage is reached.
    confidence_level : float
    source : str
        Where the products with known answers came from.
    audits : int or None
        Calibration rows that there are already, in evenly drawn ones.
    """

    outlooks: Sequence[Outlook]
    power: float
    confidence_level: float
    source: str
    audits: int | None = None

    @property
    def tried(self) -> int:
        """The largest number of audits tried."""
        return int(self.outlooks[0].sizes[-1])

    def rows(self) -> list[tuple[str, list[str]]]:
        """Share decided automatically, and the audits that it needs at each target; up to what any target reaches."""
        most = max(one.most for one in self.outlooks)
        return [
            ("any" if share == 0 else words.percent(share, 0), [self._cell(one, share) for one in self.outlooks])
            for share in SHARES
            if share <= most
        ]

    def _cell(self, one: Outlook, share: float) -> str:
        needed = one.needed(share, self.power)
        if math.isinf(needed):
            return NEVER
        return f"> {self.tried:,}" if math.isnan(needed) else f"{rounded_up(needed):,}"


def rounded_up(audits: float) -> int:
    """To two digits: a plan needs no more."""
    unit = 10 ** max(0, math.floor(math.log10(max(audits, 1))) - 1)
    return int(math.ceil(audits / unit - 1e-9) * unit)


def table(plan: Plan) -> str:
    """The table for a terminal, with what it means."""
    targets = [words.exact(one.target) for one in plan.outlooks]
    rows = plan.rows()
    known = [words.percent(one.most, 0) for one in plan.outlooks]
    width = max(9, *(len(cell) for _, cells in rows for cell in cells), *map(len, targets)) + 2
    lines = [
        f"Audits needed to decide a share of products automatically, with {words.exact(plan.power)} probability,",
        f"under a promise that is kept with {words.exact(plan.confidence_level)} confidence.",
        "",
        f"{'':<12}{'promise: right among what is automatic':>{width * len(targets)}}"
        if width * len(targets) >= 40
        else f"{'':<12}promise: right among what is automatic",
        f"{'automatic':<12}" + "".join(f"{one:>{width}}" for one in targets),
        *(f"{share:>9}   " + "".join(f"{cell:>{width}}" for cell in cells) for share, cells in rows),
        f"{'at most':>9}   " + "".join(f"{one:>{width}}" for one in known),
        "",
        f"{NEVER}: out of reach of these scores, whatever the number of audits; a better model is what helps.",
        f"From {plan.source}. Audits are drawn evenly from all products.",
    ]
    if plan.audits is not None:
        lines.append(f"There are {plan.audits:,} of them already: the calibration rows.")
    return "\n".join(lines)


def draw(plan: Plan) -> Figure:
    """Coverage against the number of audits, a line a target: reached with the power asked for, and the median."""
    figure, axes = look.canvas(6.6, 4.2)
    for one, colour in zip(plan.outlooks, COLOURS * len(plan.outlooks), strict=False):
        likely, middle = 100 * one.reached(plan.power), 100 * one.reached(0.5)
        name = words.exact(one.target)
        axes.fill_between(one.sizes, likely, middle, color=colour, alpha=0.14, lw=0)
        axes.plot(one.sizes, likely, color=colour, lw=2.2, label=f"promise of {name}")
        axes.plot(one.sizes, middle, color=colour, lw=1, ls=(0, (1, 2)))
        axes.axhline(100 * one.most, color=colour, lw=0.9, ls=(0, (5, 4)), alpha=0.8)
        axes.text(
            one.sizes[0] * 1.03, 100 * one.most + 0.8, f"at most {100 * one.most:.0f} %", color=colour, fontsize=8
        )
    if plan.audits is not None and plan.outlooks[0].sizes[0] <= plan.audits <= plan.tried:
        axes.axvline(plan.audits, color=look.INK, lw=1)
        axes.text(plan.audits * 1.04, 1.5, f"{plan.audits:,} now", fontsize=8.5, va="bottom")
    axes.set_xscale("log")
    axes.set_xlim(plan.outlooks[0].sizes[0], plan.tried)
    ticks = [tick for tick in (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000) if tick <= plan.tried]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(0, 101)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.tick_params(length=0)
    axes.set_xlabel("Audits")
    axes.set_ylabel("Products decided automatically")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def page(plan: Plan) -> str:
    """The drawing and the table as one self-contained page."""
    templates = environment(TEMPLATES)
    with look.style():
        figure = look.laid_out(draw(plan))
        svg = look.to_svg(figure, "Coverage against the number of audits, a line for each promise")
    return templates.get_template("outlook.html.j2").render(
        plan=plan,
        power=words.exact(plan.power),
        level=words.exact(plan.confidence_level),
        targets=[words.exact(one.target) for one in plan.outlooks],
        most=[words.percent(one.most, 0) for one in plan.outlooks],
        never=NEVER,
        rows=plan.rows(),
        figure=svg,
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
    )


def write(plan: Plan, path: Path) -> None:
    """Write the page (.html) or the drawing alone (.png, .svg), whole or not at all."""
    if path.suffix == ".html":
        write_text(path, page(plan))
        return
    check_name(path)
    with look.style():
        figure = look.laid_out(draw(plan))
        with replacing(path) as temporary:
            if path.suffix == ".png":
                temporary.write_bytes(look.to_png(figure))
            else:
                figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")


def check_name(path: Path) -> None:
    """`ConfigurationError` for a file that is neither a page nor a drawing."""
    if path.suffix not in (".html", ".png", ".svg"):
        raise ConfigurationError(f"--plot {path}: end it in .html, .png or .svg")
