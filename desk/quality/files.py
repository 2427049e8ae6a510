"""Tables as CSV files, harmless in spreadsheets."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from aisle.audit.lists import safe_cell
from desk.people.access import page
from desk.people.models import Role
from desk.quality import counts, figures, found
from desk.quality.look import tables_of
from desk.quality.models import terms
from desk.quality.results import audits_of
from desk.quality.windows import Window, window

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]
_FIGURES = (
    "accuracy", "low", "high", "if_pending_wrong", "worst", "best", "worst_low", "best_high", "standard_error",
    "answered", "wrong", "pending", "skipped", "open", "response_rate",
)  # fmt: skip


def days(shown: Window) -> Table:
    """A row a day, whatever the steps of the plot."""
    rows = figures.by_time(audits_of(shown), counts.by_day(shown), shown.first, shown.last, 1, terms())
    return ("day", *_COLUMNS), [(row.name, *_cells(row)) for row in rows]


def slices(name: str) -> Callable[[Window], Table]:
    """A row a branch, seller or model version, all of them."""

    def made(shown: Window) -> Table:
        rows = tables_of(audits_of(shown), shown, terms())[name]
        return ("id", "name", *_COLUMNS), [(row.name, row.title, *_cells(row)) for row in rows]

    return made


def pairs(shown: Window) -> Table:
    """A row a pair of categories."""
    rows = found.worst_pairs(audits_of(shown))
    columns = ("decided_id", "decided", "right_id", "right", "audits", "stands_for", "examples")
    return columns, [
        (row.decided, row.decided_name, row.right, row.right_name, row.audits, row.stands_for,
         " | ".join(one.title for one in row.examples))
        for row in rows
    ]  # fmt: skip


def changes(shown: Window) -> Table:
    """A row a product that an audit changed."""
    rows = found.changes(audits_of(shown))
    columns = ("title", "was_id", "was", "is_id", "is", "seller", "settled_at")
    return columns, [
        (row.title, row.before, row.before_name, row.after, row.after_name, row.seller,
         row.at.isoformat() if row.at else "")
        for row in rows
    ]  # fmt: skip


_COLUMNS = ("products", "automatic", "coverage", *_FIGURES, "wrong_decisions_about", "cost")
TABLES: dict[str, Callable[[Window], Table]] = {
    "days": days,
    "branches": slices("branches"),
    "sellers": slices("sellers"),
    "models": slices("models"),
    "pairs": pairs,
    "changes": changes,
}


def _cells(row: figures.Accuracy) -> tuple[Any, ...]:
    values = (getattr(row.found, name) for name in _FIGURES)
    return (row.products.products, row.products.auto, row.products.coverage, *values, row.errors, row.cost)


@require_safe
@page(Role.BUSINESS)
def table(request: HttpRequest, name: str) -> HttpResponseBase:
    """One table of the quality page, whole."""
    if name not in TABLES:
        raise Http404
    shown = window(request.GET.get("window"))
    return as_csv(f"quality-{name}-{shown.first}-{shown.last}.csv", *TABLES[name](shown))


def as_csv(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A download; numbers as numbers, texts so that no spreadsheet runs them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cell(value: Any) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return safe_cell(value)
    return "" if math.isnan(value) else f"{value:.6g}" if isinstance(value, float) else value
