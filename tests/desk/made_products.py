"""Products with a history, made directly in the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from desk.ledger.models import Answer, Correction, Export, Kind, Prediction, Product, Revision, State, Task
from desk.people.models import Person

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def make_product(product_id: str, title: str = "Wooden puzzle", seller: str = "toy-house", **values: Any) -> Product:
    """A product with one revision."""
    product = Product.objects.create(product_id=product_id, seller=seller, received_at=START, **values)
    add_revision(product, title)
    return product


def add_revision(product: Product, title: str) -> Revision:
    """Its next revision, an hour after the one before."""
    number = product.revisions.count() + 1
    received = START + timedelta(hours=number - 1)
    revision = Revision.objects.create(
        product=product,
        number=number,
        title=title,
        content_hash=f"{number}",
        seller=product.seller,
        received_at=received,
    )
    product.revision = number
    product.save()
    return revision


def predict(product: Product, category_id: str = "puzzles", **values: Any) -> Prediction:
    """What the service said of its latest revision."""
    revision = product.revisions.get(number=product.revision)
    given: dict[str, Any] = {
        "predicted_at": revision.received_at + timedelta(seconds=5), "branch_id": "toys", "confidence": 0.93,
        "branch_confidence": 0.99, "threshold": 0.9, "decided_id": category_id, "service_decision": "auto",
        "decision": "auto", "reason": "confident", "alternatives": [[category_id, 0.9], ["plush", 0.07]],
        "model_version": "7", "policy_id": "p1", "audit_probability": 0.05, "audit_drawn": True, "blind": False,
    }  # fmt: skip
    return Prediction.objects.create(revision=revision, product=product, category_id=category_id, **{**given, **values})


def ask(product: Product, kind: str = Kind.AUDIT, **values: Any) -> Task:
    """A task about its latest revision."""
    revision = product.revisions.get(number=product.revision)
    given = {"created_at": revision.received_at + timedelta(seconds=6), "prediction": product.predictions.last()}
    return Task.objects.create(kind=kind, product=product, revision=revision, **{**given, **values})


def answer(task: Task, person: Person, category_id: str | None, **values: Any) -> Answer:
    """An answer, a minute after the task was made."""
    given = {"status": "answered", "answered_at": task.created_at + timedelta(minutes=1)}
    Task.objects.filter(pk=task.pk).update(state=State.ANSWERED)
    return Answer.objects.create(
        uuid=uuid4(), task=task, product=task.product, revision=task.revision, person=person, category_id=category_id,
        **{**given, **values},
    )  # fmt: skip


def plan_day(day: date, since: str | None = None, **values: Any) -> Export:
    """A day that holds all that is there now; what `day` does not reach, or what comes later, is in the next one."""
    last = {model.__name__: model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            for model in (Revision, Prediction, Answer, Correction)}  # fmt: skip
    plan = {"day": str(day), "name": f"{day}-desk", "since": since, "seen": {}, "last": last, "shares": {},
            "restated": [], "blind_only": False}  # fmt: skip
    files = {f"{table}/{day}-desk.parquet": {} for table in ("products", "predictions", "labels")}
    return Export.objects.create(**{"day": day, "planned_at": START, "plan": plan, "files": files, **values})
