"""What can be counted: products by day and slice from the tally, what waits for people, their speed."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from django.db.models import Count, Min, Q, QuerySet, Sum

from desk.ledger.models import Answer, Decision, Kind, State, Status, Tally, Task, Waiting
from desk.quality.windows import Window

_TIMED = 500  # answers whose time is looked at
_AWAY = 300  # seconds: whoever took longer was somewhere else


class Products(NamedTuple):
    """Products of a slice."""

    products: int
    auto: int

    @property
    def coverage(self) -> float:
        """Share that was decided automatically; nan without products."""
        return self.auto / self.products if self.products else float("nan")


NOTHING = Products(0, 0)


def _tally(window: Window) -> QuerySet[Tally]:
    return Tally.objects.filter(day__gte=window.first, day__lte=window.last)


def by_slice(window: Window) -> dict[str, dict[str, Products]]:
    """Products of each `branch_id`, of each `seller`, of each `model_version`: one look at the tally for all three."""
    columns = ("branch_id", "seller", "model_version")
    sums: dict[str, dict[str, list[int]]] = {column: defaultdict(lambda: [0, 0]) for column in columns}
    for *values, products, auto in _summed(_tally(window), *columns):
        for column, value in zip(columns, values, strict=True):
            one = sums[column][value]
            one[0] += products
            one[1] += auto
    return {column: {value: Products(*one) for value, one in found.items()} for column, found in sums.items()}


def by_day(window: Window) -> dict[dt.date, Products]:
    """Products of each day that had any."""
    return {day: Products(products, auto) for day, products, auto in _summed(_tally(window), "day")}


def _summed(rows: QuerySet[Tally], *columns: str) -> list[tuple[Any, ...]]:
    automatic = Sum("products", filter=Q(decision=Decision.AUTO), default=0)
    return list(rows.order_by().values_list(*columns).annotate(all=Sum("products"), auto=automatic))


@dataclass(frozen=True)
class Backlog:
    """Tasks of one kind that wait: how many, since when the oldest one does."""

    kind: str
    count: int
    oldest: dt.datetime | None


def backlog() -> list[Backlog]:
    """What waits for people now, by kind; first what waits for the service."""
    waiting = Task.objects.filter(state__in=(State.OPEN, State.CLAIMED)).order_by()
    rows = {
        kind: (count, oldest)
        for kind, count, oldest in waiting.values_list("kind").annotate(Count("id"), Min("created_at"))
    }
    kinds = (Kind.REVIEW, Kind.AUDIT, Kind.CONFIRM, Kind.ADJUDICATE)
    return [Backlog(kind.label, *rows.get(kind.value, (0, None))) for kind in kinds]


def unscored() -> int:
    """Products that wait for the service."""
    return Waiting.objects.filter(refused=False).count()


def work_done(window: Window) -> dict[str, int]:
    """Tasks that people finished in the window, by kind, skips too."""
    done = Task.objects.filter(
        state__in=(State.ANSWERED, State.SKIPPED), done_at__gte=window.since, done_at__lt=window.until
    )
    return dict(done.order_by().values_list("kind").annotate(Count("id")))


def seconds_measured() -> float | None:
    """The median time of the last answers, from shown to answered; None where there are few."""
    last = Answer.objects.filter(shown_at__isnull=False).exclude(status=Status.UNDONE).order_by("-answered_at")
    times = [
        (answered - shown).total_seconds()
        for shown, answered in last.values_list("shown_at", "answered_at")[:_TIMED]
        if shown is not None
    ]
    there = [one for one in times if 0 <= one <= _AWAY]
    return median(there) if len(there) >= 20 else None
