"""What is administered is written down: who did what to whom, and when."""

from __future__ import annotations

from django.utils import timezone

from desk.ledger.models import Event
from desk.people.models import Person

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
