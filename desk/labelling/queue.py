"""Who answers what next: tasks are claimed for a while, and nobody else gets a claimed task.

The order is by priority, then by age. A claim that ran out gives the task back to all. One's own
claims come again after a reload. A second look and an adjudication never go to somebody who has
answered the same revision before.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection

from django.db import connection
from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from desk.inbox.rows import whole
from desk.labelling import known_items
from desk.ledger.models import Answer, Kind, State, Task
from desk.people.access import allowed
from desk.people.models import Person, Role

EXPIRY = dt.timedelta(minutes=10)
AHEAD = 2  # the one that is shown, and the next one
MOST = 20
COUNT_TO = 1000
_ANEW = (Kind.CONFIRM, Kind.ADJUDICATE, Kind.TEST)  # asked of people who have not answered the revision

# Written out, so that both databases see that their index of waiting tasks holds the answer.
_WAITING = RawSQL("ledger_task.state IN ('open', 'claimed')", (), output_field=BooleanField())


def kinds_for(person: Person) -> frozenset[str]:
    """Kinds of tasks that `person` may answer."""
    kinds = {Kind.AUDIT, Kind.REVIEW, Kind.CONFIRM, Kind.TEST}
    return frozenset(kinds | {Kind.ADJUDICATE} if allowed(person, Role.REVIEWER) else kinds)


def claim(person: Person, count: int = AHEAD, kinds: Collection[str] | None = None) -> list[Task]:
    """Up to `count` tasks for `person`, own claims first, in the order in which they were claimed.

    Each is held for `EXPIRY` from now on. More than `count` come back only where the person holds
    more already.

    Parameters
    ----------
    count : int from 1 to 20
    kinds : collection of str, optional
        Only these kinds; those that the person may not answer are left out.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"{count} tasks; a claim is for 1 to {MOST}")
    chosen = kinds_for(person) if kinds is None else kinds_for(person) & frozenset(kinds)
    keys = whole(lambda: _claim(person, count, chosen, timezone.now()))
    rows = Task.objects.select_related("revision__product", "prediction").in_bulk(keys)
    return [rows[key] for key in keys]


def claim_next(person: Person, kinds: Collection[str] | None = None) -> Task | None:
    """The task that `person` answers next; None where nothing waits for them."""
    tasks = claim(person, 1, kinds)
    return tasks[0] if tasks else None


def waiting(person: Person) -> int:
    """How many tasks wait that `person` may answer or holds, counted up to `COUNT_TO`."""
    return _open_to(person, kinds_for(person), timezone.now())[:COUNT_TO].count()


def _claim(person: Person, count: int, kinds: frozenset[str], now: dt.datetime) -> list[int]:
    # What somebody else has locked is being answered, claimed or superseded at this moment.
    skip = connection.features.has_select_for_update_skip_locked
    mine = Task.objects.filter(claimed_by=person, state=State.CLAIMED, kind__in=kinds)
    ordered = mine.order_by("claimed_at", "-priority", "id").select_for_update(skip_locked=skip)
    held = list(ordered.values_list("id", flat=True))
    fresh: list[int] = []
    if len(held) < count:
        others = _open_to(person, kinds, now).exclude(claimed_by=person, state=State.CLAIMED)
        rows = others.order_by("-priority", "id").select_for_update(skip_locked=skip)
        fresh = first_of(rows, count - len(held))
    if held:
        Task.objects.filter(pk__in=held).update(claimed_until=now + EXPIRY)
    if fresh and Kind.TEST in kinds and random.random() < known_items.SHARE * len(fresh):
        fresh = known_items.mixed_in(person, fresh, now)
    if fresh:
        Task.objects.filter(pk__in=fresh).update(
            state=State.CLAIMED, claimed_by=person, claimed_at=now, claimed_until=now + EXPIRY
        )
    return held + fresh


def first_of(rows: QuerySet[Task], count: int) -> list[int]:
    """Keys of the first rows, found in the order of the index of waiting tasks.

    SQLite, which keeps no statistics, would rather sort everything that waits, so it is told.
    """
    keys = rows.values_list("id", flat=True)[:count]
    if connection.vendor != "sqlite":
        return list(keys)
    sql, values = keys.query.sql_with_params()
    table = 'FROM "ledger_task"'
    with connection.cursor() as cursor:
        cursor.execute(sql.replace(table, f'{table} INDEXED BY "task_queue"', 1), values)
        return [key for (key,) in cursor.fetchall()]


def _open_to(person: Person, kinds: frozenset[str], now: dt.datetime) -> QuerySet[Task]:
    """Tasks that nobody else holds and that `person` may answer."""
    free = Q(state=State.OPEN) | Q(state=State.CLAIMED, claimed_until__lt=now) | Q(claimed_by=person)
    # By the revision, which has few answers; the sum keeps SQLite from going through all those of a person.
    by = Answer.objects.filter(revision=OuterRef("revision")).annotate(by=F("person_id") + 0)
    answered = by.filter(by=person.pk)
    # Kinds by what they are not: an index of kinds would have to sort all that waits.
    others = [kind for kind in Kind.values if kind not in kinds]
    return Task.objects.filter(_WAITING, free).exclude(kind__in=others).exclude(Q(Exists(answered), kind__in=_ANEW))
