"""Products with predictions and tasks, as routing makes them, in one call."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection
from typing import Any
from uuid import uuid4

from django.utils import timezone

from desk.inbox.routing import PRIORITY
from desk.labelling import answers, queue
from desk.ledger.models import Answer, Kind, Prediction, Product, Revision, Source, State, Task
from desk.people.models import Person

_NUMBERS = itertools.count(1)
ALTERNATIVES = [["drills", 0.6], ["saws", 0.2], ["puzzles", 0.1], ["plush", 0.1]]


def ask(
    decision: str = "auto", category_id: str = "drills", *, audit: bool = True, blind: bool = False,
    double: bool = False, title: str = "", product_id: str = "", decided_id: str = "", **texts: Any,
) -> Task:  # fmt: skip
    """The task of a new product: an audit, or a review where it is not drawn.

    `decided_id` is what was decided where it is not `category_id`, such as its branch.
    """
    now = timezone.now()
    auto = decision == "auto"
    product = Product.objects.create(
        product_id=product_id or f"p{next(_NUMBERS)}", received_at=now, audit_probability=0.1, audit_drawn=audit,
        blind=blind, double=double, category_id=(decided_id or category_id) if auto else None,
        branch_id="tools" if auto else None, source=Source.AUTO if auto else Source.NONE,
        settled_at=now if auto else None,
    )  # fmt: skip
    revision = revise(product, 1, title or f"Thing {product.product_id}", **texts)
    prediction = predict(revision, decision, category_id, audit=audit, blind=blind, decided_id=decided_id)
    priority = PRIORITY["audit" if auto else "audit of a review"] if audit else PRIORITY["review"]
    return Task.objects.create(
        kind=Kind.AUDIT if audit else Kind.REVIEW, product=product, revision=revision, prediction=prediction,
        blind=blind, priority=priority, created_at=now,
    )  # fmt: skip


def claim_next(person: Person, questions: Collection[str] | None = None) -> Task | None:
    """The task that `person` answers next; None where nothing waits for them."""
    tasks = queue.claim(person, 1, questions)
    return tasks[0] if tasks else None


def revise(product: Product, number: int, title: str, **texts: Any) -> Revision:
    return Revision.objects.create(
        product=product, number=number, title=title, content_hash=f"{number}", received_at=timezone.now(), **texts
    )


def predict(
    revision: Revision, decision: str, category_id: str, *, audit: bool, blind: bool, decided_id: str = ""
) -> Prediction:
    return Prediction.objects.create(
        revision=revision, product_id=revision.product_id, predicted_at=timezone.now(), category_id=category_id,
        branch_id="tools", confidence=0.9, branch_confidence=0.9, threshold=0.8,
        decided_id=(decided_id or category_id) if decision == "auto" else None, service_decision=decision,
        decision=decision, reason="confident", alternatives=ALTERNATIVES, model_version="3", policy_id="p1",
        audit_probability=0.1, audit_drawn=audit, blind=blind,
    )  # fmt: skip


def say(task: Task, person: Person, category_id: str | None, **more: Any) -> Answer:
    """Let `person` take this task, whatever waits before it, and answer it; None: cannot say."""
    now = timezone.now()
    Task.objects.filter(pk=task.pk).update(
        state=State.CLAIMED,
        claimed_by=person,
        claimed_at=now - dt.timedelta(minutes=1),
        claimed_until=now + queue.EXPIRY,
    )
    reason = "" if category_id else answers.SKIP_REASONS[0]
    return answers.give(task.pk, person, uuid4(), category_id=category_id, skip_reason=reason, **more)


def look_again(task: Task) -> Task:
    """The second look at a task that waits."""
    return Task.objects.get(first=task, kind=Kind.CONFIRM, state__in=[State.OPEN, State.CLAIMED])


def adjudication(task: Task) -> Task:
    """The adjudication of a task that waits."""
    return Task.objects.get(first=task, kind=Kind.ADJUDICATE, state__in=[State.OPEN, State.CLAIMED])


def stands(task: Task) -> tuple[str | None, str]:
    """Category and source of the task's product now."""
    product = Product.objects.get(pk=task.product_id)
    return product.category_id, product.source


def later(**by: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(**by)
