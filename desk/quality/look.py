"""Everything that the quality page shows, read once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.safestring import SafeString

from aisle.audit.agreement import SuggestionEffect
from aisle.audit.estimates import Estimate
from desk.history.names import full_name
from desk.labelling import eligible
from desk.quality import counts, figures, found, money, pairs, plots
from desk.quality.catalogue import VAGUE, Catalogue, catalogue
from desk.quality.counts import Products
from desk.quality.models import Terms, terms
from desk.quality.results import Audits, audits_of
from desk.quality.windows import Window

TONES = {figures.KEPT: "good", figures.UNKNOWN: "wait", figures.BROKEN: "bad"}
_SHOWN, _ALL = 10, 15  # rows of a table on the page, of one that is shown whole; the file has all
_ENOUGH = 5  # audits that a slice needs to widen the scale of its table


@dataclass(frozen=True)
class Row:
    """A slice with its bar."""

    accuracy: figures.Accuracy
    bar: SafeString
    tone: str


@dataclass(frozen=True)
class Slices:
    """A table of slices: `name` of its file, what one row is, the first rows, how many there are."""

    name: str
    title: str
    one: str
    rows: list[Row]
    total: int


@dataclass(frozen=True)
class Look:
    """The quality page; see the modules that its parts come from."""

    window: Window
    terms: Terms
    products: Products
    audits: Audits
    machine: Estimate
    verdict: str
    whole: Catalogue
    suggestions: Estimate
    days: list[figures.Accuracy]
    accuracy_plot: SafeString
    coverage_plot: SafeString
    slices: list[Slices]
    pairs: list[found.WrongPair]
    changes: list[found.Change]
    changed: int
    effect: SuggestionEffect
    backlog: list[counts.Backlog]
    stuck: eligible.Stuck
    unscored: int
    work: money.Work
    money: money.Money | None

    @property
    def tone(self) -> str:
        """Of the verdict."""
        return TONES[self.verdict] if self.machine.answered else ""

    @property
    def vague(self) -> bool:
        """Whether so little is known that an estimate alone would mislead."""
        return bool(self.machine.high - self.machine.low > VAGUE)

    @property
    def waiting(self) -> int:
        """Tasks that wait for people."""
        return sum(one.count for one in self.backlog)

    @property
    def oldest(self) -> dt.datetime | None:
        """Since when the oldest task waits."""
        return min((one.oldest for one in self.backlog if one.oldest), default=None)


def look(window: Window) -> Look:
    """Read it: a dozen queries, none of which grows with the products but for the tally's."""
    agreed = terms()
    audits = audits_of(window)
    by_day = counts.by_day(window)
    products = Products(*(sum(column) for column in zip(*by_day.values(), strict=True))) if by_day else counts.NOTHING
    machine = figures.automatic(audits)
    days = figures.by_time(audits, by_day, window.first, window.last, window.step, agreed)
    done, tables = counts.work_done(window), tables_of(audits, window, agreed)
    return Look(
        window=window,
        terms=agreed,
        products=products,
        audits=audits,
        machine=machine,
        verdict=figures.verdict(machine, agreed.target),
        whole=catalogue(products, machine, pairs.people_right(window)),
        suggestions=figures.suggestions(audits),
        days=days,
        accuracy_plot=_accuracy_plot(days, agreed.target, window),
        coverage_plot=_coverage_plot(days, products, window),
        slices=[_shown(one, title, name, tables[name], agreed.target) for name, title, one in SLICES],
        pairs=found.worst_pairs(audits, 8),
        changes=found.changes(audits, 8),
        changed=found.changed(audits),
        effect=found.shown_against_blind(audits),
        backlog=counts.backlog(),
        stuck=eligible.stuck(),
        unscored=counts.unscored(),
        work=money.work(products, done, agreed),
        money=money.money(products, done, machine, agreed),
    )  # fmt: skip


SLICES = (("branches", "By branch", "Branch"), ("sellers", "By seller", "Seller"), ("models", "By model", "Version"))


def tables_of(audits: Audits, window: Window, agreed: Terms) -> dict[str, list[figures.Accuracy]]:
    """All slices: `branches`, `sellers` and `models`."""
    products = counts.by_slice(window)
    return {
        "branches": figures.by_slice(audits, products["branch_id"], lambda one: one.branch, full_name, agreed),
        "sellers": figures.by_slice(
            audits, products["seller"], lambda one: one.seller, lambda one: one or figures.NO_SELLER, agreed
        ),
        "models": figures.by_slice(audits, products["model_version"], lambda one: one.model_version, str, agreed),
    }


def _shown(one: str, title: str, name: str, rows: list[figures.Accuracy], target: float) -> Slices:
    first = rows if len(rows) <= _ALL else rows[:_SHOWN]
    bottom = plots.scale_bottom([row.found.accuracy for row in first if row.found.answered >= _ENOUGH], target)
    return Slices(name, title, one, [_row(row, target, bottom) for row in first], len(rows))


def _row(row: figures.Accuracy, target: float, bottom: float) -> Row:
    tone = TONES[figures.verdict(row.found, target)] if row.known else ""
    bar = plots.interval_bar(row.found.accuracy, row.found.low, row.found.high, target, bottom, tone)
    return Row(row, bar, tone)


def _accuracy_plot(days: list[figures.Accuracy], target: float, window: Window) -> SafeString:
    points = [
        plots.Point(
            one.title, one.found.accuracy, one.found.low, one.found.high,
            "bad" if one.known and figures.verdict(one.found, target) == figures.BROKEN else "",
            f"{plots.percent(one.found.accuracy)} right [{plots.percent(one.found.low)} to "
            f"{plots.percent(one.found.high)}], {one.found.answered} audits",
        )
        for one in days
    ]  # fmt: skip
    known = [one for one in days if one.known]
    text = f"{len(known)} of {len(days)} {_steps(window)} with answered audits."
    if known:
        least = min(known, key=lambda one: one.found.accuracy)
        text += f" Lowest: {plots.percent(least.found.accuracy)}, {least.title}. The table below has the numbers."
    return plots.accuracy_plot(points, target, f"Accuracy of automatic decisions, a point a {_step(window)}", text)


def _coverage_plot(days: list[figures.Accuracy], products: Products, window: Window) -> SafeString:
    points = [
        plots.Point(one.title, one.products.coverage,
                    told=f"{plots.percent(one.products.coverage)} of {one.products.products:,} products")
        for one in days
    ]  # fmt: skip
    text = f"{plots.percent(products.coverage)} of {products.products:,} products in all."
    return plots.share_plot(points, f"Coverage, a bar a {_step(window)}", text)


def _step(window: Window) -> str:
    return {1: "day", 7: "week"}.get(window.step, f"{window.step // 7} weeks")


def _steps(window: Window) -> str:
    return {1: "days", 7: "weeks"}.get(window.step, "steps")
