"""Who answers what next: tasks are claimed for a while, and nobody else gets a claimed task.

The order is by priority, then by age. A claim that ran out gives the task back to all. One's own
claims come again after a reload, in the order in which they were given. A second look and an adjudication
never go to somebody who has answered the same revision before.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection, Iterable, Sequence

from django.db import connection
from django.db.models import BooleanField, Case, DateTimeField, Exists, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.utils import timezone

from desk.inbox.rows import whole
from desk.labelling import known_items
from desk.labelling.eligible import answered_by, kept_back
from desk.ledger.models import Kind, State, Task
from desk.people.access import allowed
from desk.people.models import Person, Role

EXPIRY = dt.timedelta(minutes=10)
AHEAD = 2  # the one that is shown, and the next one
MOST = 20  # that one person holds
COUNT_TO = 1000
# What is asked, as those who answer see it: they cannot tell audits, reviews, second looks and tests apart.
LABEL, ADJUDICATE = "label", "adjudicate"
QUESTIONS: dict[str, frozenset[str]] = {
    LABEL: frozenset({Kind.AUDIT, Kind.REVIEW, Kind.CONFIRM, Kind.TEST}),
    ADJUDICATE: frozenset({Kind.ADJUDICATE}),
}
ANEW = (Kind.CONFIRM, Kind.ADJUDICATE, Kind.TEST)  # asked of people who have not answered the revision

# Written out, so that both databases see that their index of waiting tasks holds the answer.
_WAITING = RawSQL("ledger_task.state IN ('open', 'claimed')", (), output_field=BooleanField())


def kinds_for(person: Person) -> frozenset[str]:
    """Kinds of tasks that `person` may answer."""
    if not allowed(person, Role.LABELLER):
        return frozenset()
    return QUESTIONS[LABEL] | QUESTIONS[ADJUDICATE] if allowed(person, Role.REVIEWER) else QUESTIONS[LABEL]


def claim(person: Person, count: int = AHEAD, questions: Collection[str] | None = None) -> list[Task]:
    """Up to `count` tasks for `person`, own claims first, in the order in which they were claimed.

    Each is held for `EXPIRY` from now on. More than `count` come back only where the person holds
    more already. Nobody holds more than 20 in all, but for what an undo gives back.

    Parameters
    ----------
    count : int from 1 to 20
    questions : collection of `LABEL` and `ADJUDICATE`, optional
        Only these; what the person may not answer is left out.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"{count} tasks; a claim is for 1 to {MOST}")
    chosen = kinds_for(person)
    if questions is not None:
        chosen &= frozenset[str]().union(*(QUESTIONS[one] for one in questions))
    keys = whole(lambda: _claim(person, count, chosen, timezone.now()))
    rows = Task.objects.select_related("revision__product", "prediction").in_bulk(keys)
    return [rows[key] for key in keys]


def waiting(person: Person) -> int:
    """How many tasks wait that `person` may answer or holds, counted up to `COUNT_TO`."""
    return _open_to(person, kinds_for(person), timezone.now())[:COUNT_TO].count()


def could_be_given(person: Person, products: Iterable[int]) -> set[int]:
    """Those of `products`, by their keys, about which `person` holds a task or could still be given one.

    What others said of these, and what the model suggests, is not for them to see before they answer.
    """
    kinds = kinds_for(person)
    if not kinds:
        return set()
    waits = Task.objects.filter(_WAITING, product_id__in=list(products), kind__in=kinds)
    theirs = Q(claimed_by=person)
    waits = waits.exclude(Q(Exists(answered_by(person)), kind__in=ANEW) & ~theirs).exclude(Q(kind=Kind.TEST) & ~theirs)
    return set(waits.order_by().values_list("product_id", flat=True))


def _claim(person: Person, count: int, kinds: frozenset[str], now: dt.datetime) -> list[int]:
    # One claim of a person at a time: two at once would hold twice as many. Answers need not wait for it.
    list(Person.objects.select_for_update(no_key=True).filter(pk=person.pk).values_list("pk"))
    # What somebody else has locked is being answered, claimed or superseded at this moment.
    skip = connection.features.has_select_for_update_skip_locked
    mine = Task.objects.filter(claimed_by=person, state=State.CLAIMED)
    free = MOST - mine.count()
    ordered = mine.filter(kind__in=kinds).order_by("claimed_at", "-priority", "id")
    held = list(ordered.select_for_update(skip_locked=skip).values_list("id", flat=True))
    fresh: list[int] = []
    if len(held) < count and free > 0:
        others = _open_to(person, kinds, now).exclude(claimed_by=person, state=State.CLAIMED)
        rows = others.order_by("-priority", "id").select_for_update(skip_locked=skip)
        fresh = first_of(rows, min(count - len(held), free))
    if held:
        Task.objects.filter(pk__in=held).update(claimed_until=now + EXPIRY)
    if fresh and Kind.TEST in kinds and random.random() < known_items.SHARE * len(fresh):
        fresh = known_items.mixed_in(person, fresh, now)
    if fresh:
        Task.objects.filter(pk__in=fresh).update(
            state=State.CLAIMED, claimed_by=person, claimed_at=_in_order(fresh, now), claimed_until=now + EXPIRY
        )
    return held + fresh


def _in_order(tasks: Sequence[int], now: dt.datetime) -> Case:
    """A moment for each, so that they come again in this order: a test item is not where its number would put it."""
    times = [When(pk=key, then=Value(now + dt.timedelta(microseconds=place))) for place, key in enumerate(tasks)]
    return Case(*times, default=Value(now), output_field=DateTimeField())


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
    # Kinds by what they are not: an index of kinds would have to sort all that waits.
    others = [kind for kind in Kind.values if kind not in kinds]
    asked = Task.objects.filter(_WAITING, free).exclude(kind__in=others)
    asked = asked.exclude(Q(Exists(answered_by(person)), kind__in=ANEW))
    kept = kept_back(person)
    return asked if kept is None else asked.exclude(kept & ~Q(claimed_by=person))
