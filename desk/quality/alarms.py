"""Alarms: they come by the API, stand in a banner, and a person acknowledges them with a reason."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any, Literal

import msgspec
from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from desk.ledger.models import Alarm
from desk.people import events
from desk.people.access import ApiError, api, page, person_of, read_json
from desk.people.models import Role, Scope

MOST_VERDICT = 64 * 2**10  # bytes
MOST_BODY = 2 * MOST_VERDICT
_AHEAD = dt.timedelta(minutes=10)  # how far the clock of a sender may be ahead
_OLDEST = dt.timedelta(days=366)  # a database keeps older times, but not all of them can be read again
_ON_A_PAGE = 50


class Raised(msgspec.Struct, forbid_unknown_fields=True):
    """The body: `key` names the alarm, so that sending it again does nothing."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    colour: Literal["red", "yellow", "green", "unknown"]
    summary: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    raised_at: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = None
    verdict: dict[str, Any] = {}


@api(Scope.ALARM)
def raise_alarm(request: HttpRequest) -> JsonResponse:
    """`POST /api/alarms`: 201 for a new alarm, 200 for the same one again, 409 for another one of that key."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MOST_BODY:
        raise ApiError(413, f"the body is larger than {MOST_BODY} bytes; an alarm is short")
    sent = read_json(request, Raised)
    now = timezone.now()
    raised_at = sent.raised_at or now
    if raised_at > now + _AHEAD:
        raise ApiError(400, f"raised_at is {raised_at.isoformat()}, in the future")
    if raised_at < now - _OLDEST:
        raise ApiError(400, f"raised_at is {raised_at.isoformat()}, more than a year ago")
    if any("\0" in text for text in (sent.key, sent.summary)) or "\\u0000" in (verdict := _plain(sent.verdict)):
        raise ApiError(400, "a text holds a zero character")
    if len(verdict.encode()) > MOST_VERDICT:
        raise ApiError(413, f"the verdict is larger than {MOST_VERDICT} bytes; leave out what a person does not read")
    try:
        with transaction.atomic():
            stored = Alarm.objects.create(
                key=sent.key, raised_at=raised_at, colour=sent.colour, summary=sent.summary, verdict=sent.verdict
            )
        new = True
    except IntegrityError:
        stored, new = Alarm.objects.get(key=sent.key), False
        if (stored.colour, stored.summary, stored.verdict) != (sent.colour, sent.summary, sent.verdict):
            raise ApiError(409, f"the key '{sent.key}' belongs to another alarm; give each its own") from None
    answer = {"key": stored.key, "new": new, "acknowledged": stored.acknowledged_at is not None}
    return JsonResponse(answer, status=201 if new else 200)


def _plain(verdict: dict[str, Any]) -> str:
    try:
        return json.dumps(verdict, allow_nan=False)
    except ValueError as error:
        raise ApiError(400, "the verdict holds a number that is none") from error


class Acknowledge(forms.Form):
    """Why an alarm needs no more attention."""

    reason = forms.CharField(
        label="What was it, and what is done about it?",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@require_safe
@page(Role.BUSINESS)
def alarms(request: HttpRequest) -> HttpResponseBase:
    """All of them, the newest first."""
    found = Alarm.objects.select_related("acknowledged_by").order_by("-raised_at", "-id")
    shown = Paginator(found, _ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "quality/alarms.html", {"shown": shown})


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.BUSINESS)
def alarm(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One alarm with its verdict; POST acknowledges it."""
    about = get_object_or_404(Alarm, pk=pk)
    form = Acknowledge(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if acknowledge(request, pk, form.cleaned_data["reason"]):
            messages.success(request, "Acknowledged.")
        else:
            messages.warning(request, "Somebody acknowledged it before.")
        return redirect("alarms")
    verdict = json.dumps(about.verdict, indent=2, ensure_ascii=False) if about.verdict else ""
    return render(request, "quality/alarm.html", {"alarm": about, "form": form, "verdict": verdict})


def acknowledge(request: HttpRequest, pk: int, reason: str) -> bool:
    """Write who acknowledged it and why; False where somebody had."""
    person = person_of(request)
    with transaction.atomic():
        changed = Alarm.objects.filter(pk=pk, acknowledged_at=None).update(
            acknowledged_at=timezone.now(), acknowledged_by=person, acknowledge_reason=reason
        )
        if changed:
            events.record(person, "alarm acknowledged", Alarm.objects.get(pk=pk).key, reason=reason)
    return bool(changed)
