"""The quality page and its files."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from desk.people.access import allowed, page, person_of
from desk.people.models import Role
from desk.quality.look import look
from desk.quality.windows import CHOICES, window


@require_safe
@page(Role.BUSINESS)
def quality(request: HttpRequest) -> HttpResponseBase:
    """How accurate the catalogue is, how sure we are, what it costs."""
    chosen = window(request.GET.get("window"))
    values = {"look": look(chosen), "windows": CHOICES.items(), "people": allowed(person_of(request), Role.REVIEWER)}
    return render(request, "quality/quality.html", values)
