"""What the shards of a closed day hold, fixed before the first of them is written.

The ledger only grows, and its rows are numbered. A plan is the end of its day and, for each table, the
highest number that was there when the plan was made: a day holds what is older than its end and within
these numbers, without what an earlier day held. So each row is in one day; a row that came late, from
an upload that took a night, is in the next day that is planned; and the same plan gives the same rows
for ever. What could change, such as how much of a review queue was worked, is written into the plan.
A day may therefore be planned before it is over: what comes later on it is late, and in the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone

from aisle.errors import DataError
from desk.export.shares import Shares, raised, shares_now
from desk.inbox.rows import whole
from desk.labelling.answers import UNDO_WITHIN
from desk.ledger.models import Answer, Correction, Decision, Export, Kind, Prediction, Revision, Status

WAITING_DAYS = 2  # by default, a day's queue of reviews has until the end of the day after
SETTLING = UNDO_WITHIN + dt.timedelta(minutes=5)  # after its end an answer can be taken back, or is being stored
MOST_EFFECT = 0.02  # of a suggestion on the agreement with it; above, calibration uses the blind audits
_EFFECT_DAYS = 90

TIMES = {Revision: "received_at", Prediction: "predicted_at", Answer: "answered_at", Correction: "corrected_at"}
GIVEN = (Status.ANSWERED, Status.SKIPPED)


@dataclass(frozen=True)
class Plan:
    """What a day holds.

    Attributes
    ----------
    day : str
        YYYY-MM-DD, UTC.
    name : str
        Of its shards, without the ending.
    since : str or None
        The end of the day that was planned before it, as a day; None for the first one.
    seen, last : dict of str to int
        The highest number of each table, in the plan before and in this one.
    shares : dict of str to dict of str to float
        For each day whose reviews are among the labels: the share of its queue that was answered, by band.
    restated : list of [day, band]
        Where a share is higher than what earlier labels were written with: they are written again.
    blind_only : bool
        Whether audits that showed a suggestion are kept out of calibration.
    final_before : str or None
        The moment before which answers could not be taken back any more when the plan was made: only these
        settle what others said. None in plans that were made before this was kept.
    """

    day: str
    name: str
    since: str | None
    seen: dict[str, int]
    last: dict[str, int]
    shares: Shares
    restated: list[list[str]]
    blind_only: bool
    final_before: str | None = None

    @property
    def end(self) -> dt.datetime:
        """The moment after its day."""
        return midnight(dt.date.fromisoformat(self.day) + dt.timedelta(days=1))

    @property
    def start(self) -> dt.datetime | None:
        """The moment before which another day held everything that was there."""
        return None if self.since is None else midnight(dt.date.fromisoformat(self.since))

    def windows(self, model: type[Any]) -> list[Q]:
        """The rows of `model` that this day holds: those of the day, and those that came late."""
        time, last = TIMES[model], self.last[model.__name__]
        inside = Q(**{f"{time}__lt": self.end}, id__lte=last)
        if self.start is None:
            return [inside]
        late = Q(**{f"{time}__lt": self.start}, id__gt=self.seen[model.__name__], id__lte=last)
        return [inside & Q(**{f"{time}__gte": self.start}), late]

    def final(self) -> Q:
        """The answers that nobody could take back any more when the plan was made."""
        numbered = Q(id__lte=self.last["Answer"])
        if self.final_before is None:
            return numbered
        return numbered & Q(answered_at__lt=dt.datetime.fromisoformat(self.final_before))

    def until_here(self, model: type[Any]) -> Q:
        """The rows of `model` that this day and earlier ones hold."""
        return Q(**{f"{TIMES[model]}__lt": self.end, "id__lte": self.last[model.__name__]})

    def reaches(self, model: type[Any], key: int, time: dt.datetime) -> bool:
        """`until_here` of one row that is at hand."""
        return time < self.end and key <= self.last[model.__name__]

    def earlier(self, model: type[Any]) -> Q:
        """The rows of `model` that earlier days hold."""
        if self.start is None:
            return Q(pk__in=())
        return Q(**{f"{TIMES[model]}__lt": self.start, "id__lte": self.seen[model.__name__]})


def plan_of(export: Export) -> Plan:
    """The plan of a day that was planned."""
    return Plan(**export.plan)


def midnight(day: dt.date) -> dt.datetime:
    """Its first moment."""
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def last_closed(upto: dt.date | None, now: dt.datetime, early: bool = False) -> dt.date:
    """The last day that may be written; `DataError` for one that is not over, unless it is today and `early`."""
    today = now.astimezone(dt.UTC).date()
    if early and upto in (None, today):
        return today
    if upto is None:
        return today - dt.timedelta(days=WAITING_DAYS)
    free = midnight(upto + dt.timedelta(days=1)) + SETTLING
    if now < free:
        raise DataError(
            f"{upto} is not closed: its answers can be taken back until {free:%Y-%m-%d %H:%M} UTC; "
            f"write days up to {(now - SETTLING).astimezone(dt.UTC).date() - dt.timedelta(days=1)}, "
            "or, to try the desk on one machine, today with --early"
        )
    return upto


def plan_days(upto: dt.date, names: Mapping[str, str], now: dt.datetime | None = None) -> Iterator[Export]:
    """Plan each closed day that has no plan yet, oldest first.

    Parameters
    ----------
    names : mapping of str to str
        The last shard of each table of the catalogue, by the table's name, where it has any.
    """
    latest = Export.objects.order_by("-day").first()
    day = latest.day + dt.timedelta(days=1) if latest else _first_day()
    newest = max(names.values(), default="")
    while day is not None and day <= upto:
        export = _planned(day, newest, now or timezone.now())
        newest = max(newest, plan_of(export).name)
        yield export
        day += dt.timedelta(days=1)


def _first_day() -> dt.date | None:
    found = Revision.objects.aggregate(first=Min("received_at"))["first"]
    return None if found is None else found.astimezone(dt.UTC).date()


def _planned(day: dt.date, newest: str, now: dt.datetime) -> Export:
    before = Export.objects.filter(day__lt=day).order_by("-day").first()
    earlier = plan_of(before) if before else None
    last = whole(_last_numbers)
    if now < midnight(day + dt.timedelta(days=1)) + SETTLING:
        last["Answer"] = _final_number(last["Answer"], earlier, now)
    bare = Plan(
        str(day), shard_name(day, newest), str(before.day + dt.timedelta(days=1)) if before else None,
        earlier.last if earlier else {}, last, {}, [], False, (now - SETTLING).isoformat(),
    )  # fmt: skip
    days = _reviewed_days(bare)
    shares = shares_now(days)
    written = [plan_of(one).shares for one in Export.objects.filter(day__gte=min(days), day__lt=day)] if days else []
    blind_only = calibrate_on_blind(day)
    made = Plan(**{**asdict(bare), "shares": shares, "restated": raised(shares, written), "blind_only": blind_only})
    # Where another command plans the same day at this moment, one of the two plans holds for both.
    return Export.objects.get_or_create(day=day, defaults={"planned_at": now, "plan": asdict(made)})[0]


def shard_name(day: dt.date, newest: str) -> str:
    """The name of a day's shards: it sorts after `newest`, for the order of names is the order of arrival."""
    name = f"{day}-desk"
    return name if name > newest else f"{newest[:10]}_desk_{day}"


def _last_numbers() -> dict[str, int]:
    """The highest number of each table, below which no row is still to come."""
    if connection.vendor == "postgresql":
        # Numbers are given before their rows are there to see: those on their way are waited for.
        tables = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in TIMES)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN SHARE MODE")
    return {model.__name__: model._default_manager.aggregate(last=Max("pk"))["last"] or 0 for model in TIMES}


def _final_number(last: int, earlier: Plan | None, now: dt.datetime) -> int:
    """The last answer before the first that can still be taken back: a day that is not over ends there."""
    fresh = Answer.objects.filter(answered_at__gte=now - SETTLING, id__lte=last).aggregate(first=Min("pk"))["first"]
    final = last if fresh is None else fresh - 1
    # What an earlier day holds must stay below, or it would go out twice: only where a clock was set back.
    if earlier is not None and Answer.objects.filter(earlier.until_here(Answer), id__gt=final).exists():
        raise DataError("answers of closed days came after those of today; close today in a quarter of an hour")
    return final


def labelled(answers: QuerySet[Answer]) -> QuerySet[Answer]:
    """Those that are labels unless they are taken back: not of test items, nor of products that no model looked at."""
    return answers.filter(status__in=GIVEN, task__prediction__isnull=False).exclude(task__kind=Kind.TEST)


def _reviewed_days(plan: Plan) -> list[dt.date]:
    """The days whose products under review are among the labels of the plan."""
    of_people = labelled(Answer.objects.filter(task__prediction__decision=Decision.REVIEW))
    days: set[dt.date] = set()
    for window in plan.windows(Answer):
        days |= set(of_people.filter(window).order_by().values_list("task__prediction__predicted_at__date", flat=True))
    return sorted(days)


def calibrate_on_blind(day: dt.date) -> bool:
    """Whether people agree with a suggestion because it is shown, by more than `MOST_EFFECT` in the last 90 days."""
    from desk.quality.found import shown_against_blind
    from desk.quality.results import audits_of
    from desk.quality.windows import Window

    audits = audits_of(Window("export", day - dt.timedelta(days=_EFFECT_DAYS - 1), day))
    return shown_against_blind(audits).calibrate_on_blind(MOST_EFFECT)
