"""A small ledger made row by row, for tests of the quality pages."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.utils import timezone

from desk.ledger.models import Answer, Prediction, Product, Revision, Tally, Task
from desk.people.models import Person


def product(name: str, top: str = "drills", *, auto: bool = True, drawn: bool = True, chance: float = 0.5,
            days_ago: float = 1, seller: str = "shop", title: str = "", blind: bool = False, double: bool = False,
            version: str = "1", branch: str = "tools") -> Prediction:  # fmt: skip
    """A product with its prediction and tally."""
    at = timezone.now() - dt.timedelta(days=days_ago)
    decision = "auto" if auto else "review"
    row = Product.objects.create(
        product_id=name, seller=seller, received_at=at, category_id=top if auto else None, source="auto",
        audit_probability=chance, audit_drawn=drawn, blind=blind, double=double,
    )  # fmt: skip
    revision = Revision.objects.create(
        product=row, number=1, title=title or name, content_hash="0" * 64, received_at=at, seller=seller
    )
    tally, _ = Tally.objects.get_or_create(
        day=at.date(), branch_id=branch, seller=seller, model_version=version, decision=decision
    )
    tally.products += 1
    tally.drawn += drawn
    tally.save()
    return Prediction.objects.create(
        revision=revision, product=row, predicted_at=at, category_id=top, branch_id=branch, confidence=0.9,
        branch_confidence=0.9, decided_id=top if auto else None, service_decision=decision, decision=decision,
        reason="confident", model_version=version, policy_id="p", audit_probability=chance, audit_drawn=drawn,
        blind=blind,
    )  # fmt: skip


def task(prediction: Prediction, kind: str = "audit", first: Task | None = None, **more: Any) -> Task:
    """A question about a prediction, as old as that."""
    return Task.objects.create(
        kind=kind, product=prediction.product, revision=prediction.revision, prediction=prediction, first=first,
        blind=prediction.blind or first is not None, created_at=prediction.predicted_at, state="answered",
        done_at=timezone.now(), **more,
    )  # fmt: skip


def answer(of: Task, person: Person, category: str | None, seconds: float = 5.0, **more: Any) -> Answer:
    """What a person said; None: cannot say."""
    now = timezone.now()
    shown = of.prediction.category_id if of.prediction is not None and not of.blind else None
    return Answer.objects.create(
        uuid=uuid.uuid4(), task=of, product=of.product, revision=of.revision, person=person, category_id=category,
        status="skipped" if category is None else "answered", suggested_category_id=shown,
        shown_at=now - dt.timedelta(seconds=seconds), answered_at=now, **more,
    )  # fmt: skip


def undo(of: Answer) -> Answer:
    """Take an answer back."""
    return Answer.objects.create(
        uuid=uuid.uuid4(), task=of.task, product=of.product, revision=of.revision, person=of.person, status="undone",
        undoes=of, answered_at=timezone.now(),
    )  # fmt: skip


def audits(person: Person, right: int, wrong: int = 0, second: Person | None = None, **more: Any) -> None:
    """So many audited automatic decisions that people found right, and wrong as confirmed by a second one."""
    for place in range(right + wrong):
        made = product(f"{more.get('seller', 'shop')}-{right}-{wrong}-{place}", **more)
        asked = task(made)
        answer(asked, person, "drills" if place < right else "saws")
        if place >= right and second is not None:
            answer(task(made, "confirm", asked), second, "saws")
