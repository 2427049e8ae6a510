"""Products that two people answered, independently of each other, and what settled the matter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from aisle.audit.agreement import Share, exact_share
from desk.ledger.models import Answer, Decision, Kind, Status, Task
from desk.quality.windows import Window


class Pair(NamedTuple):
    """Two answers to the same question.

    Attributes
    ----------
    double : bool
        Drawn to be labelled twice whatever the first one says: only such pairs are a random sample.
    review : bool
        People decide this product, a machine has not.
    final : str or None
        The adjudicated category; `judge` is who said so.
    """

    double: bool
    review: bool
    first: str
    first_person: int
    second: str
    second_person: int
    final: str | None
    judge: int | None

    @property
    def truth(self) -> str | None:
        """What the two agree on, else what was adjudicated; None while nobody has."""
        return self.first if self.first == self.second else self.final


def pairs_of(window: Window) -> list[Pair]:
    """Pairs whose second look was asked for in the window and answered."""
    looks = Task.objects.filter(kind=Kind.CONFIRM, created_at__gte=window.since, created_at__lt=window.until)
    firsts = looks.order_by().values("first_id")
    good = Answer.objects.filter(undone_by=None, status=Status.ANSWERED).order_by("id")
    first = {row[0]: row[1:] for row in good.filter(task_id__in=firsts).values_list(
        "task_id", "person_id", "category_id", "product__double", "task__prediction__decision"
    )}  # fmt: skip
    later = good.filter(
        task__kind__in=(Kind.CONFIRM, Kind.ADJUDICATE), task__created_at__gte=window.since, task__first__isnull=False
    )
    said: dict[str, dict[int, tuple[int, str]]] = {Kind.CONFIRM: {}, Kind.ADJUDICATE: {}}
    for root, kind, person, category in later.values_list("task__first_id", "task__kind", "person_id", "category_id"):
        said[kind][int(root or 0)] = person, str(category)
    return list(_paired(first, said[Kind.CONFIRM], said[Kind.ADJUDICATE]))


def _paired(
    first: dict[int, tuple[Any, ...]], second: dict[int, tuple[int, str]], final: dict[int, tuple[int, str]]
) -> Iterable[Pair]:
    for root, (person, category, double, decision) in first.items():
        other, other_category = second.get(root, (person, ""))
        if other == person:
            continue
        judge, settled = final.get(root, (None, None))
        yield Pair(double, decision == Decision.REVIEW, category, person, other_category, other, settled, judge)


def people_right(window: Window) -> Share:
    """Share of people's first answers to reviews that are right, from those labelled twice at random.

    Answers on which two people agree count as right. Where they differ and nobody has adjudicated yet,
    the lower end has them wrong and the upper end right.
    """
    looks = Answer.objects.filter(
        undone_by=None, status=Status.ANSWERED, task__kind=Kind.CONFIRM, task__created_at__gte=window.since,
        task__created_at__lt=window.until, task__product__double=True, task__prediction__decision=Decision.REVIEW,
        task__first__answers__undone_by=None, task__first__answers__status=Status.ANSWERED,
    ).order_by()  # fmt: skip
    rows = looks.values_list("task__first_id", "category_id", "task__first__answers__category_id")
    known, differ = 0, {}
    for root, second, first in rows:
        known += 1
        if second != first:
            differ[root] = first
    judged = Answer.objects.filter(undone_by=None, status=Status.ANSWERED, task__kind=Kind.ADJUDICATE)
    final = dict(
        judged.filter(task__created_at__gte=window.since).order_by("id").values_list("task__first_id", "category_id")
    )
    right = known - len(differ) + sum(final.get(root) == first for root, first in differ.items())
    waiting = sum(root not in final for root in differ)
    lower, upper = exact_share(right, known), exact_share(right + waiting, known)
    return Share(upper.value, lower.low, upper.high, known)
