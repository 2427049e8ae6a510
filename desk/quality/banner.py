"""The alarms that nobody has acknowledged, on every page of those who can."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import reverse

from desk.ledger.models import Alarm
from desk.people.access import allowed
from desk.people.models import Person, Role

SHOWN = ("red", "yellow")  # the rest is for the list of alarms
_MOST = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Banner:
    """One line on top of a page."""

    colour: str
    summary: str
    raised_at: dt.datetime | None
    address: str


def context(request: HttpRequest) -> dict[str, Any]:
    """`alarms` for `base.html`: red ones first, then the newest; none for people who may not see them.

    Alarms that cannot be read are said to be so: silence would say that there are none.
    """
    person = getattr(request, "user", None)
    if not isinstance(person, Person) or not allowed(person, Role.BUSINESS):
        return {"alarms": []}
    try:
        waiting = list(
            Alarm.objects.filter(colour__in=SHOWN, acknowledged_at=None).order_by("colour", "-raised_at")[:50]
        )
    except (DatabaseError, ValueError, OverflowError) as error:  # a page must not fail for its banner
        _log.error("alarms cannot be read: %s", " ".join(str(error).split()))
        return {"alarms": [Banner("red", "the alarms cannot be read; look into the log of the desk", None, "")]}
    more = len(waiting) - _MOST
    lines = [Banner(one.colour, one.summary, one.raised_at, reverse("alarm", args=[one.pk])) for one in waiting[:_MOST]]
    if more > 0:
        last = lines[-1]
        lines[-1] = Banner(last.colour, f"{last.summary} (and {more} more)", last.raised_at, reverse("alarms"))
    return {"alarms": lines}
