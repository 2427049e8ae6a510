"""The inbox page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from desk.inbox import standing
from desk.inbox.scoring import try_refused_again
from desk.people.access import page, person_of
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


@require_POST
@page(Role.BUSINESS)
def again(request: HttpRequest) -> HttpResponse:
    """Let all that the service refused go to it once more."""
    count = try_refused_again(person_of(request))
    going = "1 product goes" if count == 1 else f"{count:,} products go"
    messages.success(request, f"{going} to the service again." if count else "No product is refused any more.")
    return redirect("inbox")


def _values() -> dict[str, Any]:
    return {
        "standing": standing.standing(),
        "refused": standing.refused(),
        "errors": standing.errors(),
        "uploads": standing.uploads(),
    }
