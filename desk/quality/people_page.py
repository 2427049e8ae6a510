"""The page Labellers: how good the answers of people are, for reviewers and administrators alone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from desk.people.access import page
from desk.people.models import Role
from desk.quality.files import as_csv
from desk.quality.labellers import TOO_FAST, labellers
from desk.quality.windows import CHOICES, window

_COLUMNS = (
    "labeller", "answers", "skipped", "skipped_share", "wrong", "wrong_low", "wrong_high", "wrong_of", "lost",
    "disputes", "ac1", "ac1_low", "ac1_high", "kappa", "kappa_low", "kappa_high", "labelled_twice", "seconds", "fast",
)  # fmt: skip


@require_safe
@page(Role.REVIEWER)
def people(request: HttpRequest) -> HttpResponseBase:
    """Each labeller's answers, errors, agreement and speed."""
    chosen = window(request.GET.get("window"))
    rows, everybody = labellers(chosen)
    values = {"rows": rows, "everybody": everybody, "window": chosen, "windows": CHOICES.items(), "too_fast": TOO_FAST}
    return render(request, "quality/people.html", values)


@require_safe
@page(Role.REVIEWER)
def people_csv(request: HttpRequest) -> HttpResponseBase:
    """The same as a file."""
    chosen = window(request.GET.get("window"))
    rows, _ = labellers(chosen)
    cells = [
        (row.name, row.answers, row.skipped, row.skipped_share, row.wrong.value, row.wrong.low, row.wrong.high,
         row.wrong.count, row.lost.value, row.lost.count, row.agreement.ac1.value, row.agreement.ac1.low,
         row.agreement.ac1.high, row.agreement.kappa.value, row.agreement.kappa.low, row.agreement.kappa.high,
         row.agreement.raw.count, row.seconds, row.fast.value)
        for row in rows
    ]  # fmt: skip
    return as_csv(f"labellers-{chosen.first}-{chosen.last}.csv", _COLUMNS, cells)
