"""Who may still look at a product again: a second look and an adjudication go to nobody who has answered it.

Where few people work, what waits can be for nobody: everybody who may answer it has. It is counted here, so that
pages can say so; and second looks are kept from the only reviewer who could adjudicate, while others can do them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from desk.ledger.models import Answer, Kind, State, Task
from desk.people.models import Person, Role
from desk.people.reach import ROLES

_FEW = 5  # other reviewers: that all of more than these have answered the same product does not happen


@dataclass(frozen=True)
class Stuck:
    """What waits for somebody who is not there yet.

    Attributes
    ----------
    looks, adjudications : int
        Second looks and adjudications that everybody who may answer them has answered before.
    unsaid : int
        Those among the adjudications where a reviewer could not say.
    """

    looks: int
    adjudications: int
    unsaid: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.looks + self.adjudications


def answered_by(person: Person) -> QuerySet[Answer]:
    """Answers of `person` to the revision of a task of the query around it."""
    # By the revision, which has few answers; the sum keeps SQLite from going through all those of a person.
    by = Answer.objects.filter(revision=OuterRef("revision")).annotate(by=F("person_id") + 0)
    return by.filter(by=person.pk)


def kept_back(person: Person) -> Q | None:
    """Second looks that are kept from `person`, who would have to adjudicate them; None where there are none.

    That is where every other reviewer has answered the product, and a labeller is left to look at it.
    """
    if person.role not in ROLES[Role.REVIEWER]:
        return None
    others = [one for one in people_of(Role.REVIEWER) if one != person.pk]
    labellers = list(Person.objects.filter(is_active=True, role=Role.LABELLER).values_list("pk", flat=True))
    if not labellers or len(others) > _FEW:
        return None
    kept = Q(kind=Kind.CONFIRM) & Q(LessThan(_answered(labellers), len(labellers)))
    return kept & Q(GreaterThanOrEqual(_answered(others), len(others))) if others else kept


def people_of(role: str) -> list[int]:
    """Keys of the active people who may do what is for `role`."""
    return list(Person.objects.filter(is_active=True, role__in=ROLES[role]).values_list("pk", flat=True))


def for_others(person: Person) -> int:
    """How many second looks and adjudications wait that are for somebody else than `person`."""
    kinds = [Kind.CONFIRM, Kind.ADJUDICATE] if person.role in ROLES[Role.REVIEWER] else [Kind.CONFIRM]
    not_mine = Q(Exists(answered_by(person)))
    kept = kept_back(person)
    return _waiting().filter(kind__in=kinds).filter(not_mine if kept is None else not_mine | kept).count()


def stuck() -> Stuck:
    """What waits that nobody who works here may answer."""
    lookers, judges = people_of(Role.LABELLER), people_of(Role.REVIEWER)
    looks = _waiting().filter(GreaterThanOrEqual(_answered(lookers), len(lookers)), kind=Kind.CONFIRM)
    judged = _waiting().filter(GreaterThanOrEqual(_answered(judges), len(judges)), kind=Kind.ADJUDICATE)
    skipped = Task.objects.filter(first=OuterRef("first"), kind=Kind.ADJUDICATE, state=State.SKIPPED)
    return Stuck(looks.count(), judged.count(), judged.filter(Exists(skipped)).count())


def _waiting() -> QuerySet[Task]:
    return Task.objects.filter(state__in=(State.OPEN, State.CLAIMED)).order_by()


def _answered(people: Sequence[int]) -> Coalesce:
    """How many of `people` have answered the revision of a task."""
    if not people:
        return Coalesce(Value(0), Value(0))
    by = Answer.objects.filter(revision=OuterRef("revision")).annotate(by=F("person_id") + 0).filter(by__in=people)
    count = by.order_by().values("revision").annotate(count=Count("person_id", distinct=True)).values("count")
    return Coalesce(Subquery(count, output_field=IntegerField()), Value(0))
