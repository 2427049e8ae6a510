"""The quality page, and its headline for programs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from desk.people.access import ApiError, allowed, api, page, person_of
from desk.people.models import Role, Scope
from desk.quality import counts, figures
from desk.quality.look import look
from desk.quality.models import terms
from desk.quality.results import audits_of
from desk.quality.windows import CHOICES, DEFAULT, window


@require_safe
@page(Role.BUSINESS)
def quality(request: HttpRequest) -> HttpResponseBase:
    """How accurate the catalogue is, how sure we are, what it costs."""
    chosen = window(request.GET.get("window"))
    values = {"look": look(chosen), "windows": CHOICES.items(), "people": allowed(person_of(request), Role.REVIEWER)}
    return render(request, "quality/quality.html", values)


@api(Scope.READ, methods=("GET",))
def quality_json(request: HttpRequest) -> dict[str, Any]:
    """`GET /api/quality?window=30`: the headline for programs; null is what is not known."""
    wanted = request.GET.get("window", DEFAULT)
    if wanted not in CHOICES:
        raise ApiError(400, f"window is one of {', '.join(CHOICES)}")
    chosen = window(wanted)
    agreed, audits = terms(), audits_of(chosen)
    machine = figures.automatic(audits)
    products = counts.by_day(chosen).values()
    total, auto = sum(one.products for one in products), sum(one.auto for one in products)
    known = bool(machine.answered)
    return {
        "first": chosen.first,
        "last": chosen.last,
        "promised": agreed.target,
        "verdict": figures.verdict(machine, agreed.target) if known else None,
        "accuracy": machine.accuracy if known else None,
        "low": machine.low,
        "high": machine.high,
        "level": machine.level,
        "worst_low": machine.worst_low,
        "best_high": machine.best_high,
        "answered": machine.answered,
        "wrong": machine.wrong,
        "pending": machine.pending,
        "skipped": machine.skipped,
        "open": machine.open,
        "products": total,
        "automatic": auto,
        "coverage": auto / total if total else None,
    }
