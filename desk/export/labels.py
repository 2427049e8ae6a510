"""The labels that became known on a closed day: what people said, and what was accepted automatically.

    audit       answers to an audit and to whoever looked at it again
    review      the same of a review
    correction  set by a person outside any task
    model       an automatic decision

Answers that were taken back are no labels, and neither are answers to test items. A correction is
`adjudicated`: it stands whatever was said before.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q, QuerySet

from aisle.decision.policy import trust_band
from desk.export.plan import Plan, labelled, midnight
from desk.export.rows import AT_A_TIME, batches, number_of, table
from desk.export.shares import chance_of_a_label
from desk.ledger.models import Answer, Correction, Decision, Kind, Prediction, Status

if TYPE_CHECKING:
    import pyarrow as pa


class Label(NamedTuple):
    """A row of the labels."""

    product_id: str
    revision: int
    category_id: str | None
    origin: str
    status: str
    adjudicated: bool
    labelled_at: dt.datetime
    labeller: str | None
    suggested_category_id: str | None
    audit_probability: float | None
    inclusion_probability: float | None
    model_version: str | None


class _Given(NamedTuple):
    """An answer with what it was asked about."""

    key: int
    product: int
    product_id: str
    revision: int
    category_id: str | None
    status: str
    answered_at: dt.datetime
    person: int
    suggested: str | None
    root: int
    root_kind: str
    decision: str
    confidence: float
    audit_probability: float
    predicted_at: dt.datetime
    model_version: str


class _Said(NamedTuple):
    """What one person said of an audit or a review."""

    kind: str
    person: int
    category_id: str


def labels(plan: Plan) -> pa.Table:
    """The labels of a day, in the order of the times at which they were given."""
    import pyarrow.compute as pc

    rows = (row for part in (_of_models(plan), _of_people(plan), _corrections(plan)) for row in part)
    found = table("labels", Label._fields, rows)
    return found.take(pc.sort_indices(found, sort_keys=[("labelled_at", "ascending")]))


def labeller(person: int) -> str:
    """A name that stays the same and says nothing of who it is."""
    return f"person-{person}"


def _of_models(plan: Plan) -> Iterator[Label]:
    """Automatic decisions for a category; a decision for a branch alone is no label."""
    names = (
        "product__product_id", number_of("revision__"), "decided_id", "category_id", "predicted_at",
        "audit_probability", "model_version",
    )  # fmt: skip
    for window in plan.windows(Prediction):
        decided = Prediction.objects.filter(window, decision=Decision.AUTO).order_by("id").values_list(*names)
        for product_id, revision, decided_id, category_id, at, probability, version in decided.iterator(AT_A_TIME):
            if decided_id == category_id:
                yield Label(
                    product_id, revision, category_id, "model", Status.ANSWERED.value, False, at, None, None,
                    probability or None, None, version,
                )  # fmt: skip


def _of_people(plan: Plan) -> Iterator[Label]:
    for window in plan.windows(Answer):
        for part in batches(_given(plan, Answer.objects.filter(window)), AT_A_TIME):
            yield from _labels_of(plan, part)
    for day, band in plan.restated:
        start = midnight(dt.date.fromisoformat(day))
        again = Answer.objects.filter(
            plan.earlier(Answer), status=Status.ANSWERED, task__prediction__decision=Decision.REVIEW,
            task__prediction__predicted_at__gte=start, task__prediction__predicted_at__lt=start + dt.timedelta(days=1),
        )  # fmt: skip
        of_band = (one for one in _given(plan, again) if trust_band(one.confidence) == band)
        for part in batches(of_band, AT_A_TIME):
            yield from _labels_of(plan, part)


def _given(plan: Plan, answers: QuerySet[Answer]) -> Iterator[_Given]:
    """Those of `answers` that stand, as far as the plan knows, in their order."""
    undone = Q(undone_by__id__lte=plan.last["Answer"])
    rows = labelled(answers).exclude(undone).order_by("id").values_list(
        "id", "product_id", "product__product_id", number_of("revision__"), "category_id", "status", "answered_at",
        "person_id", "suggested_category_id", "task_id", "task__first_id", "task__kind", "task__first__kind",
        "task__prediction__decision", "task__prediction__confidence", "task__prediction__audit_probability",
        "task__prediction__predicted_at", "task__prediction__model_version",
    )  # fmt: skip
    for row in rows.iterator(AT_A_TIME):
        task, first, kind, first_kind = row[9:13]
        yield _Given._make((*row[:9], first or task, first_kind or kind, *row[13:]))


def _labels_of(plan: Plan, given: Sequence[_Given]) -> Iterator[Label]:
    settled = _settled(plan, sorted({one.root for one in given}))
    corrected = _corrected(plan, sorted({one.product for one in given}))
    for one in given:
        after = corrected.get((one.product, one.revision))
        stands = one.category_id is not None and one.category_id == settled.get(one.root)
        shown = one.root_kind == Kind.AUDIT and one.suggested is not None
        share = plan.shares.get(str(one.predicted_at.astimezone(dt.UTC).date()), {}).get(
            trust_band(one.confidence), 1.0
        )
        probability = one.audit_probability or None
        chance = chance_of_a_label(one.decision, one.audit_probability, share)
        yield Label(
            product_id=one.product_id,
            revision=one.revision,
            category_id=one.category_id,
            origin=one.root_kind,
            status=one.status,
            adjudicated=stands and not (after is not None and after <= one.answered_at),
            labelled_at=one.answered_at,
            labeller=labeller(one.person),
            suggested_category_id=one.suggested,
            audit_probability=None if shown and plan.blind_only else probability,
            inclusion_probability=chance or None,
            model_version=one.model_version,
        )


def _settled(plan: Plan, roots: Sequence[int]) -> dict[int, str]:
    """The category that an adjudication gave, or that two people agree on, of each audit or review that has one."""
    said: dict[int, list[_Said]] = defaultdict(list)
    # An answer that could still be taken back settles nothing yet: the labels of its own day say what it settled.
    stands = Answer.objects.filter(plan.final(), status=Status.ANSWERED).exclude(undone_by__id__lte=plan.last["Answer"])
    for part in batches(roots, 10_000):
        for rows in (stands.filter(task_id__in=part), stands.filter(task__first_id__in=part)):
            fields = ("task_id", "task__first_id", "task__kind", "person_id", "category_id")
            for task, first, kind, person, category_id in rows.order_by("id").values_list(*fields):
                said[first or task].append(_Said(kind, person, category_id))
    found = {root: _settled_by(those) for root, those in said.items()}
    return {root: category_id for root, category_id in found.items() if category_id is not None}


def _settled_by(said: Sequence[_Said]) -> str | None:
    final = [one.category_id for one in said if one.kind == Kind.ADJUDICATE]
    if final:
        return final[-1]
    people: dict[str, set[int]] = defaultdict(set)
    for one in said:
        people[one.category_id].add(one.person)
    agreed = [category_id for category_id, persons in people.items() if len(persons) > 1]
    return agreed[0] if len(people) == 1 and agreed else None


def _corrected(plan: Plan, products: Sequence[int]) -> dict[tuple[int, int], dt.datetime]:
    """When a revision was first corrected: what people answer later does not overrule a correction."""
    found: dict[tuple[int, int], dt.datetime] = {}
    known = Correction.objects.filter(id__lte=plan.last["Correction"])
    for part in batches(products, 10_000):
        rows = known.filter(product_id__in=part).order_by("-id")
        for product, revision, at in rows.values_list("product_id", number_of("revision__"), "corrected_at"):
            found[product, revision] = at
    return found


def _corrections(plan: Plan) -> Iterator[Label]:
    names = ("product__product_id", number_of("revision__"), "category_id", "corrected_at", "person_id")
    for window in plan.windows(Correction):
        rows = Correction.objects.filter(window).order_by("id").values_list(*names)
        for product_id, revision, category_id, at, person in rows.iterator(AT_A_TIME):
            yield Label(
                product_id, revision, category_id, "correction", Status.ANSWERED.value, True, at, labeller(person),
                None, None, None, None,
            )  # fmt: skip
