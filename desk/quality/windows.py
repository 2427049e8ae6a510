"""The stretch of time that a page looks at, in whole days (UTC)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Min
from django.utils import timezone

from desk.ledger.models import Tally

CHOICES = {"7": "7 days", "30": "30 days", "90": "90 days", "all": "All"}
DEFAULT = "30"
_WEEKS_FROM = 45  # days: a longer window has a point a week
_MOST_POINTS = 60


@dataclass(frozen=True)
class Window:
    """Days from `first` to `last`, both in it.

    Attributes
    ----------
    name : str
        A key of `CHOICES`.
    step : int
        Days of one point of a plot.
    """

    name: str
    first: dt.date
    last: dt.date

    @property
    def since(self) -> dt.datetime:
        """Its beginning."""
        return dt.datetime.combine(self.first, dt.time(), dt.UTC)

    @property
    def until(self) -> dt.datetime:
        """Its end, not in it."""
        return dt.datetime.combine(self.last + dt.timedelta(days=1), dt.time(), dt.UTC)

    @property
    def days(self) -> int:
        """How many there are."""
        return (self.last - self.first).days + 1

    @property
    def step(self) -> int:
        """Days of one point of a plot: 1, or whole weeks in long windows."""
        if self.days <= _WEEKS_FROM:
            return 1
        return 7 * max(1, -(-self.days // (7 * _MOST_POINTS)))

    def place(self, day: dt.date) -> int:
        """Which day of the window it is, from 0."""
        return (day - self.first).days


def window(name: str | None, today: dt.date | None = None) -> Window:
    """The window of that name, ending today; the default for a name that is not known."""
    today = today or timezone.now().astimezone(dt.UTC).date()
    chosen = name if name in CHOICES else DEFAULT
    if chosen == "all":
        first = Tally.objects.aggregate(first=Min("day"))["first"] or today
        return Window("all", min(first, today), today)
    return Window(chosen, today - dt.timedelta(days=int(chosen) - 1), today)
