"""Test items: products whose category two people or an adjudication have settled, asked again of somebody else.

A test looks like any other task: the same fields, the priority of an audit, a suggestion where the
audit showed one, and its answer changes nothing.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef

from desk.inbox.routing import PRIORITY
from desk.ledger.models import Answer, Kind, State, Status, Task
from desk.people.models import Person

SHARE = 0.02  # of what people are given
FEWEST = 20  # items to choose from, so that nobody meets the same one time and again
_LOOKED_AT = 200  # of the latest second looks, and of the latest adjudications


def mixed_in(person: Person, claimed: Sequence[int], now: dt.datetime) -> list[int]:
    """`claimed` with a new test item of `person` in the place of one of them; as it is where there are too few."""
    items = _settled(person)
    if len(items) < FEWEST:
        return list(claimed)
    look, category_id = random.choice(items)
    assert look.first is not None
    test = Task.objects.create(
        kind=Kind.TEST, product_id=look.product_id, revision_id=look.revision_id, prediction_id=look.prediction_id,
        blind=look.first.blind, expected_category_id=category_id, priority=PRIORITY["audit"], created_at=now,
    )  # fmt: skip
    mixed = list(claimed)
    mixed[random.randrange(len(mixed))] = test.pk
    return mixed


def _settled(person: Person) -> list[tuple[Task, str]]:
    """Second looks and adjudications with the category that they settled, of products that `person` never saw."""
    mine = Answer.objects.filter(product=OuterRef("product"), person=person)
    tested = Task.objects.filter(product=OuterRef("product"), kind=Kind.TEST, claimed_by=person)
    found: list[tuple[Task, str]] = []
    for kind in (Kind.CONFIRM, Kind.ADJUDICATE):
        latest = Task.objects.filter(state=State.ANSWERED, kind=kind, first__kind=Kind.AUDIT)
        rows = list(latest.filter(~Exists(mine), ~Exists(tested)).select_related("first").order_by("-id")[:_LOOKED_AT])
        said = said_in([key for row in rows for key in (row.pk, row.first_id) if key])
        for row in rows:
            category_id = said.get(row.pk)
            if category_id and (kind == Kind.ADJUDICATE or said.get(row.first_id or 0) == category_id):
                found.append((row, category_id))
    return found


def said_in(tasks: Sequence[int]) -> dict[int, str]:
    """The category that each of these tasks was answered with, where it was."""
    answers = Answer.objects.filter(task_id__in=tasks, status=Status.ANSWERED, undone_by=None)
    rows = answers.annotate(said=F("category_id")).values_list("task_id", "said")
    return {task: str(category_id) for task, category_id in rows}
