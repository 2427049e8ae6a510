"""What has not gone out yet, by the day whose shards will hold it, and when that may be written."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate

from desk.export.plan import GIVEN, SETTLING, TIMES, WAITING_DAYS, midnight, plan_of
from desk.ledger.models import Answer, Correction, Export, Kind, Revision

_NAMES: dict[type[Any], str] = {Revision: "products", Answer: "answers", Correction: "corrections"}


class WaitingDay(NamedTuple):
    """A day that is not written yet.

    Attributes
    ----------
    day : date
    counts : Counter
        Of `products`, `answers`, `corrections`.
    """

    day: dt.date
    counts: Counter[str]

    def text(self, now: dt.datetime, may_early: bool) -> str:
        """One line: how much, and from when it is written."""
        told = ", ".join(f"{self.counts[name]:,} {name}" for name in _NAMES.values() if self.counts[name])
        line = f"{self.day}: {told}; written from {_time(midnight(self.day + dt.timedelta(days=WAITING_DAYS)))} on"
        free = midnight(self.day + dt.timedelta(days=1)) + SETTLING
        line += f", or {'now' if now >= free else f'from {_time(free)} on'} with --upto {self.day}"
        today = now.astimezone(dt.UTC).date()
        return f"{line}, or now with --early" if may_early and now < free and self.day <= today else line


def waiting_days(now: dt.datetime) -> list[WaitingDay]:
    """What waits, oldest day first; what came after its day was closed waits for the next one."""
    latest = Export.objects.order_by("-day").first()
    plan = plan_of(latest) if latest else None
    found: dict[dt.date, Counter[str]] = defaultdict(Counter)
    stands = Answer.objects.filter(status__in=GIVEN, undone_by=None).exclude(task__kind=Kind.TEST)
    sources: dict[type[Any], QuerySet[Any]] = {
        Revision: Revision.objects.all(), Answer: stands, Correction: Correction.objects.all(),
    }  # fmt: skip
    for model, rows in sources.items():
        time, name = TIMES[model], _NAMES[model]
        if plan is not None:
            rows = rows.exclude(plan.until_here(model))
        days = rows.annotate(on=TruncDate(time, tzinfo=dt.UTC)).values("on").annotate(count=Count("pk")).order_by("on")
        for on, count in days.values_list("on", "count"):
            found[max(on, latest.day + dt.timedelta(days=1)) if latest else on][name] += count
    return [WaitingDay(day, found[day]) for day in sorted(found)]


def _time(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
