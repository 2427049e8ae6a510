"""The page of brakes, and brakes by the API."""

from __future__ import annotations

import msgspec
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from aisle.errors import DataError
from desk.history import braking
from desk.history.forms import BrakeForm, ReleaseForm
from desk.ledger.models import Alarm, Brake, Prediction
from desk.people.access import ApiError, api, page, person_of, read_json
from desk.people.models import Role, Scope

_PAST = 50
_COUNT_TO = 10_000


@page(Role.BUSINESS)
def brakes(request: HttpRequest) -> HttpResponseBase:
    """Brakes that hold, a form for a new one, and the past ones."""
    form = BrakeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _set(request, form):
        return redirect("brakes")
    rows = Brake.objects.select_related("set_by", "released_by", "alarm")
    holding = rows.filter(released_at=None).order_by("-set_at")
    past = Paginator(rows.exclude(released_at=None).order_by("-released_at"), _PAST).get_page(request.GET.get("page"))
    values = {
        "holding": [
            (one, braking.described(one), _held(one), ReleaseForm(auto_id=f"id_{one.pk}_%s")) for one in holding
        ],
        "past": [(one, braking.described(one)) for one in past],
        "shown": past,
        "form": form,
    }
    return render(request, "history/brakes.html", values)


@require_POST
@page(Role.BUSINESS)
def release(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Release a brake."""
    try:
        brake = braking.release(person_of(request), pk, request.POST.get("reason", ""))
    except DataError as error:
        messages.error(request, _sentence(error))
    else:
        messages.success(request, f"Released: {braking.described(brake)}. The service decides alone again.")
    return redirect("brakes")


class BrakeIn(msgspec.Struct, forbid_unknown_fields=True):
    """A brake as a program sends it."""

    scope: str
    kind: str
    reason: str
    value: str = ""
    confidence: float | None = None
    alarm: str | None = None  # the key of the alarm that asks for it


@api(Scope.BRAKE)
def set_by_api(request: HttpRequest) -> object:
    """`POST /api/brakes`: set a brake; releasing is for people."""
    given = read_json(request, BrakeIn)
    if "\0" in (given.alarm or ""):
        raise ApiError(400, "the key of the alarm holds a character that no text has")
    alarm = Alarm.objects.filter(key=given.alarm).first() if given.alarm is not None else None
    if given.alarm is not None and alarm is None:
        raise ApiError(404, "no alarm with this key was raised")
    try:
        brake = braking.set_brake(
            person_of(request), given.scope, given.value, given.kind, given.confidence, given.reason, alarm
        )
    except braking.BrakeRefused as error:
        raise ApiError(error.status, str(error)) from error
    return {"brake": brake.pk, "holds": braking.described(brake), "set_at": brake.set_at.isoformat()}


def _set(request: HttpRequest, form: BrakeForm) -> bool:
    given = form.cleaned_data
    confidence = given["confidence"] if given["kind"] == "tighten" else None
    try:
        brake = braking.set_brake(
            person_of(request), given["scope"], form.value(), given["kind"], confidence, given["reason"]
        )
    except DataError as error:
        form.add_error(None, _sentence(error))
        return False
    messages.success(request, f"The brake holds: {braking.described(brake)}.")
    return True


def _held(brake: Brake) -> str:
    """How many predictions the brake has turned over to people so far."""
    counted = Prediction.objects.filter(brake=brake).order_by()[: _COUNT_TO + 1].count()
    return f"{_COUNT_TO:,}+" if counted > _COUNT_TO else f"{counted:,}"


def _sentence(error: DataError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."
