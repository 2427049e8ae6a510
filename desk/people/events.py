"""What is administered is written down: who did what to whom, and when."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from desk.ledger.models import Event
from desk.people.models import Person, Role, Scope

Plain = str | int | float | bool | None | list[str]


def record(by: Person | None, what: str, about: str = "", **detail: Plain) -> Event:
    """Write an event, in the transaction of what it tells of.

    Parameters
    ----------
    by : Person or None
        Who did it; None for the command line.
    what : str
        A short phrase, ≤ 60 characters, as `brake set`; the same phrase for the same act.
    about : str
        Whom or what it touched, ≤ 300 characters.
    **detail
        Plain values. Never a password, a key or a hash of one.
    """
    return Event.objects.create(at=timezone.now(), person=by, what=what, about=about[:300], detail=detail)


def told(event: Event) -> list[tuple[str, str]]:
    """The detail of an event for people: what, and how it is, in words; in the order of the names."""
    detail = sorted(event.detail.items(), key=lambda one: "before again" if one[0] == "after" else str(one[0]))
    return [(str(name).replace("_", " "), _worded(str(name), value)) for name, value in detail]


def _worded(name: str, value: object) -> str:
    if value is None:
        return "never" if name.endswith("_at") else "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_worded(name, one) for one in value) or "none"
    text = str(value)
    if name == "scopes" and text in Scope.values:
        return Scope(text).label.lower()
    if name in ("role", "before", "after") and text in Role.values:
        return Role(text).label.lower()
    return _moment(text) if name.endswith("_at") else text


def _moment(text: str) -> str:
    try:
        return f"{dt.datetime.fromisoformat(text):%Y-%m-%d %H:%M}"
    except ValueError:
        return text
