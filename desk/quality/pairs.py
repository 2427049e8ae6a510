"""Products that two people answered, independently of each other, and what settled the matter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from aisle.audit.agreement import Share, exact_share
from desk.ledger.models import Answer, Decision, Kind, Status, Task
from desk.quality.windows import Window


class Pair(NamedTuple):
    """Two answers to one revision.

    Attributes
    ----------
    double : bool
        Drawn to be labelled twice whatever the first one says: only such pairs are a random sample.
    review : bool
        People decide this product, a machine has not.
    final : str or None
        The adjudicated category; `judge` is who said so.
    """

    revision: int
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
    revisions = looks.order_by().values("revision_id")
    asked = Answer.objects.filter(revision_id__in=revisions, undone_by__isnull=True, status=Status.ANSWERED)
    kinds = (Kind.AUDIT, Kind.REVIEW, Kind.CONFIRM, Kind.ADJUDICATE)
    rows = asked.filter(task__kind__in=kinds).order_by("revision_id", "id").values_list(
        "revision_id", "task__kind", "person_id", "category_id", "product__double", "task__prediction__decision",
    )  # fmt: skip
    return list(_paired(rows.iterator(5000)))


def _paired(rows: Iterable[tuple[object, ...]]) -> Iterable[Pair]:
    held: dict[int, dict[str, tuple[object, ...]]] = {}
    for row in rows:
        kind = "first" if row[1] in (Kind.AUDIT, Kind.REVIEW) else str(row[1])
        held.setdefault(int(str(row[0])), {})[kind] = row  # the latest answer of a kind
    for revision, said in held.items():
        one, other, final = said.get("first"), said.get(Kind.CONFIRM), said.get(Kind.ADJUDICATE)
        if one is None or other is None or one[2] == other[2]:
            continue
        yield Pair(
            revision, bool(one[4]), one[5] == Decision.REVIEW, str(one[3]), int(str(one[2])), str(other[3]),
            int(str(other[2])), str(final[3]) if final else None, int(str(final[2])) if final else None,
        )  # fmt: skip


def people_right(pairs: Iterable[Pair]) -> Share:
    """Share of people's first answers to reviews that are right, from those labelled twice at random.

    Answers on which two people agree count as right. Where they differ and nobody has adjudicated yet,
    the lower end has them wrong and the upper end right.
    """
    known = [pair for pair in pairs if pair.double and pair.review]
    right = sum(pair.truth == pair.first for pair in known)
    open_ = sum(pair.truth is None for pair in known)
    lower, upper = exact_share(right, len(known)), exact_share(right + open_, len(known))
    return Share(upper.value, lower.low, upper.high, len(known))
