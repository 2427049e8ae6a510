"""How the inbox stands: what waits and why, whether the service answers, how much comes in and goes out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils import timezone

from desk.inbox.models import Beat, Upload
from desk.inbox.worker import BEAT_EVERY, NAME
from desk.ledger.models import Decision, Prediction, Revision, Tally, Waiting

_SHOWN = 20
_SILENT = dt.timedelta(seconds=30 + 5 * BEAT_EVERY)  # a batch may take 30 s; a worker silent for longer is gone
_WINDOW = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Standing:
    """Numbers of the inbox page.

    Attributes
    ----------
    waiting, refused, retried : int
        Products that wait for the service; that it refuses; that wait after a failure.
    oldest : datetime or None
        Since when the oldest one waits.
    worker : Beat or None
    working : bool
        Whether the worker has said so lately.
    received, scored : float
        Products a minute, over the last five minutes.
    today : dict
        `products`, `auto`, `review`, `drawn` of the day (UTC).
    """

    now: dt.datetime
    waiting: int
    refused: int
    retried: int
    oldest: dt.datetime | None
    next_try: dt.datetime | None
    worker: Beat | None
    working: bool
    received: float
    scored: float
    today: dict[str, int]

    @property
    def service(self) -> str:
        """`unknown` while no worker asks it, `down`, or `up`."""
        if not self.working or self.worker is None:
            return "unknown"
        return "down" if self.worker.error else "up" if self.worker.answered_at else "unknown"

    @property
    def minutes_left(self) -> int | None:
        """How long what waits will take at the present pace; None while the service does not answer."""
        return round(self.waiting / self.scored) if self.waiting and self.scored and self.service == "up" else None


def standing() -> Standing:
    """Read it all."""
    now = timezone.now()
    counts = Waiting.objects.aggregate(
        all_waiting=Count("pk", filter=Q(refused=False)),
        all_refused=Count("pk", filter=Q(refused=True)),
        all_retried=Count("pk", filter=Q(refused=False, tries__gt=0)),
        next_try=Min("next_try_at", filter=Q(refused=False, tries__gt=0)),
        first=Min("pk", filter=Q(refused=False)),
    )
    first = Revision.objects.filter(pk=counts["first"]).first() if counts["first"] else None
    worker = Beat.objects.filter(name=NAME).first()
    since = now - _WINDOW
    minutes = _WINDOW.total_seconds() / 60
    today = Tally.objects.filter(day=now.date()).aggregate(
        all_products=Sum("products"), all_drawn=Sum("drawn"),
        all_auto=Sum("products", filter=Q(decision=Decision.AUTO)),
        all_review=Sum("products", filter=Q(decision=Decision.REVIEW)),
    )  # fmt: skip
    return Standing(
        now=now,
        waiting=counts["all_waiting"],
        refused=counts["all_refused"],
        retried=counts["all_retried"],
        oldest=first.received_at if first else None,
        next_try=counts["next_try"],
        worker=worker,
        working=worker is not None and now - worker.beat_at < _SILENT,
        received=Revision.objects.filter(received_at__gte=since).count() / minutes,
        scored=Prediction.objects.filter(predicted_at__gte=since).count() / minutes,
        today={name.removeprefix("all_"): count or 0 for name, count in today.items()},
    )


def refused() -> list[Waiting]:
    """The products that the service refused last, with their reasons."""
    found = Waiting.objects.filter(refused=True).select_related("revision__product")
    return list(found.order_by("-revision_id")[:_SHOWN])


def errors() -> list[Any]:
    """What products that are tried again failed with: the error, how many, when next."""
    found = Waiting.objects.filter(refused=False, tries__gt=0).values("last_error")
    told = found.annotate(products=Count("pk"), most_tries=Max("tries"), next_try=Min("next_try_at"))
    return list(told.order_by("-products", F("last_error"))[:5])


def uploads() -> list[Upload]:
    """The last files."""
    return list(Upload.objects.select_related("person").order_by("-created_at")[:8])
