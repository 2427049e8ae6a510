"""Pages of labelling: the screen of two seconds, and one's own answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from aisle.errors import AisleError
from desk.labelling import answers, showing
from desk.ledger.models import Answer, Status
from desk.people.access import page, person_of
from desk.people.models import Person, Role
from desk.tree import path_names, taxonomy

A_PAGE = 50


@require_safe
@page(Role.LABELLER)
def label(request: HttpRequest) -> HttpResponseBase:
    """The screen; it fetches its tasks itself, so that its source holds none."""
    values = {"person": person_of(request).pk, "reasons": answers.SKIP_REASONS, "letters": answers.MOST_LETTERS}
    return render(request, "labelling/label.html", values)


@require_safe
@page(Role.LABELLER)
def mine(request: HttpRequest) -> HttpResponseBase:
    """One's own answers, the latest first; those of the last ten minutes can be taken back."""
    person = person_of(request)
    before = request.GET.get("before", "")
    rows = Answer.objects.filter(person=person).exclude(status=Status.UNDONE)
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    chosen = rows.order_by("-id").annotate(title=F("revision__title"), undone=F("undone_by__answered_at"))
    found = list(chosen[: A_PAGE + 1])
    values = {
        "rows": _rows(found[:A_PAGE]),
        "following": found[A_PAGE - 1].pk if len(found) > A_PAGE else None,
        "first": not before,
        "today": showing.today(person),
        "week": _week(person),
    }
    return render(request, "labelling/mine.html", values)


@require_POST
@page(Role.LABELLER)
def undo(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Take back an own answer, from the list; its product comes next on the screen."""
    try:
        answers.undo(person_of(request), uuid)
    except AisleError as error:
        messages.error(request, f"{str(error)[0].upper()}{str(error)[1:]}.")
        return redirect("label-mine")
    messages.success(request, "The answer is taken back: the product is yours to answer again.")
    return redirect("label-mine")


def _rows(found: Sequence[Answer]) -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {
            "answer": one,
            "title": getattr(one, "title", ""),
            "category": _path(one.category_id),
            "undone": getattr(one, "undone", None) is not None,
            "late": now - one.answered_at > answers.UNDO_WITHIN,
        }
        for one in found
    ]


def _path(category_id: str | None) -> list[str]:
    if category_id is None:
        return []
    try:
        return path_names(taxonomy(), category_id)
    except AisleError:
        return [category_id]


def _week(person: Person) -> int:
    since = timezone.now() - dt.timedelta(days=7)
    rows = Answer.objects.filter(person=person, answered_at__gte=since, undone_by=None)
    return rows.filter(~Q(status=Status.UNDONE)).count()
