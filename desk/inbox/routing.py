"""What happens to a product that was scored: published, reviewed, audited.

service says auto, no brake holds      published at once; an audit besides where it was drawn
otherwise                              a review; where it was drawn an audit, which comes first

What a person has said of a product is not overruled by a machine: where a new revision would be
decided otherwise, people look again.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from desk.inbox.brakes import Brakes
from desk.ledger.models import Brake, Decision, Kind, Product, Source, Task
from desk.tree import agrees

AUTO, REVIEW = str(Decision.AUTO), str(Decision.REVIEW)
BRAKED = "brake"  # the reason of a decision that a brake changed
PERSON = "person"  # the reason of one that would have overruled a person
BY_PEOPLE = (Source.REVIEW, Source.AUDIT, Source.CORRECTION)
PRIORITY = {"audit of a review": 20, "audit": 10, "review": 0}


class Scored(NamedTuple):
    """What the service said of one product."""

    category_id: str
    branch_id: str
    confidence: float
    branch_confidence: float
    threshold: float | None
    decision: str
    decided_id: str | None
    start_branch_id: str | None
    reason: str
    alternatives: list[list[object]]


class Model(NamedTuple):
    """Which model and policy said it."""

    version: str
    policy_id: str
    bento_tag: str | None


class Predicted(NamedTuple):
    """A row of the predictions: its fields by the names of the ledger."""

    revision_id: int
    product_id: int
    predicted_at: dt.datetime
    category_id: str
    branch_id: str
    confidence: float
    branch_confidence: float
    threshold: float | None
    decided_id: str | None
    start_branch_id: str | None
    service_decision: str
    decision: str
    brake_id: int | None
    reason: str
    alternatives: list[list[object]]
    model_version: str
    policy_id: str
    bento_tag: str | None
    audit_probability: float
    audit_drawn: bool
    blind: bool


def predicted(
    revision: int, product: Product, scored: Scored, model: Model, brakes: Brakes, now: dt.datetime
) -> Predicted:
    """The prediction of a revision, given by its key, of a product whose draw is fixed, after the brakes."""
    brake: Brake | None = None
    decision, reason = scored.decision, scored.reason
    if decision == AUTO:
        brake = brakes.on(scored.branch_id, product.seller, scored.confidence)
        if brake is not None:
            decision, reason = REVIEW, BRAKED
        elif product.source in BY_PEOPLE and not _same(product.category_id, scored.decided_id):
            decision, reason = REVIEW, PERSON
    return Predicted(
        revision_id=revision, product_id=product.pk, predicted_at=now, category_id=scored.category_id,
        branch_id=scored.branch_id, confidence=scored.confidence, branch_confidence=scored.branch_confidence,
        threshold=scored.threshold, decided_id=scored.decided_id if decision == AUTO else None,
        start_branch_id=scored.start_branch_id, service_decision=scored.decision, decision=decision,
        brake_id=None if brake is None else brake.pk, reason=reason, alternatives=scored.alternatives,
        model_version=model.version, policy_id=model.policy_id, bento_tag=model.bento_tag,
        audit_probability=product.audit_probability or 0.0, audit_drawn=bool(product.audit_drawn),
        blind=bool(product.blind),
    )  # fmt: skip


def _same(said: str | None, decided: str | None) -> bool:
    """Whether a machine decides what a person has said, at the level that it decides."""
    return said is not None and decided is not None and agrees(said, decided)


def task_of(prediction: Predicted, key: int, now: dt.datetime) -> Task | None:
    """What people are asked of a prediction, whose key is `key`; None where they are not."""
    review = prediction.decision == REVIEW
    if not review and not prediction.audit_drawn:
        return None
    if prediction.audit_drawn:
        kind, priority = Kind.AUDIT, PRIORITY["audit of a review" if review else "audit"]
    else:
        kind, priority = Kind.REVIEW, PRIORITY["review"]
    return Task(
        kind=kind, product_id=prediction.product_id, revision_id=prediction.revision_id, prediction_id=key,
        blind=prediction.audit_drawn and prediction.blind, priority=priority, created_at=now,
    )  # fmt: skip


def published(product: Product, prediction: Predicted, now: dt.datetime) -> Product:
    """The product after its prediction: an automatic decision is in the catalogue at once.

    Under review it keeps what it has: nothing yet, or the category of an earlier revision. So it
    does where a person has said the same before.
    """
    if prediction.decision == AUTO and product.source not in BY_PEOPLE:
        product.category_id, product.branch_id = prediction.decided_id, prediction.branch_id
        product.source, product.settled_at = Source.AUTO, now
    return product


def tallied(predictions: Sequence[tuple[Predicted, Product]]) -> list[tuple[object, ...]]:
    """Rows to add to the tally, in the order of their keys, so that no two transactions wait in a circle."""
    sums: dict[tuple[dt.date, str, str, str, str], list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for prediction, product in predictions:
        day = prediction.predicted_at.astimezone(dt.UTC).date()
        key = (day, prediction.branch_id, product.seller, prediction.model_version, prediction.decision)
        one = sums[key]
        one[0] += 1
        one[1] += prediction.audit_drawn
        one[2] += prediction.confidence
    return [(*key, *sums[key]) for key in sorted(sums)]
