"""The inbox page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from desk.inbox import standing
from desk.people.access import page
from desk.people.models import Role


@require_safe
@page(Role.BUSINESS)
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits, what was refused, how the service stands, files on their way."""
    return render(request, "inbox/inbox.html", _values())


@require_safe
@page(Role.BUSINESS)
def now(request: HttpRequest) -> HttpResponse:
    """The part of the inbox page that changes, for the page itself to fetch."""
    return render(request, "inbox/now.html", _values())


def _values() -> dict[str, Any]:
    return {
        "standing": standing.standing(),
        "refused": standing.refused(),
        "errors": standing.errors(),
        "uploads": standing.uploads(),
    }
