"""A task as the page shows it: plain values of one shape, whatever the task is.

A blind task has null and empty lists where another one has a suggestion and alternatives; nothing
else of it depends on what the model said. Second looks and tests say no more of themselves than audits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.catalogue.taxonomy import Taxonomy
from desk.labelling import answers, queue, tickets
from desk.ledger.models import Answer, Kind, Status, Task
from desk.people.models import Person
from desk.tree import path_names, taxonomy

ALTERNATIVES = 5
RECENT = 6
_LOOKED_AT = 60  # of one's latest answers, for recent categories


def task(shown: Task) -> dict[str, Any]:
    """One task, claimed, with its revision, product and prediction."""
    tree = taxonomy()
    suggestion, alternatives = _said_by_the_model(shown, tree)
    hidden = answers.shown(shown) is None
    adjudicated = shown.kind == Kind.ADJUDICATE
    return {
        "task_id": tickets.ticket(shown.pk),
        "kind": queue.ADJUDICATE if adjudicated else queue.LABEL,
        "product_id": shown.revision.product.product_id,
        "product": {name: getattr(shown.revision, name) for name in PRODUCT_FIELDS},
        "suggestion": None if hidden else suggestion,
        "alternatives": [] if hidden else alternatives,
        "answers": _earlier_answers(shown, tree) if adjudicated else [],
        "claimed_until": shown.claimed_until.isoformat() if shown.claimed_until else None,
    }


def desk_of(person: Person, tasks: Sequence[Task]) -> dict[str, Any]:
    """What a person has before them: their tasks, their day, their recent categories."""
    return {
        "tasks": [task(one) for one in tasks],
        "waiting": queue.waiting(person),
        "waiting_at_least": queue.COUNT_TO,
        "today": today(person),
        "recent": recent(person),
    }


def category(tree: Taxonomy, category_id: str) -> dict[str, Any]:
    """A category for people: its name, and the names from the branch down to it."""
    names = path_names(tree, category_id)
    return {"category_id": category_id, "name": names[-1], "path": names}


def today(person: Person) -> dict[str, int]:
    """Own answers since midnight, UTC, without those taken back."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    mine = Answer.objects.filter(person=person, answered_at__gte=midnight, undone_by=None)
    statuses = list(mine.exclude(status=Status.UNDONE).order_by().values_list("status", flat=True))
    skipped = statuses.count(Status.SKIPPED)
    return {"answered": len(statuses) - skipped, "skipped": skipped}


def recent(person: Person) -> list[dict[str, Any]]:
    """The last different categories that a person said."""
    tree = taxonomy()
    mine = Answer.objects.filter(person=person).order_by("-answered_at")
    said = mine.values_list("category_id", flat=True)[:_LOOKED_AT]
    known = dict.fromkeys(one for one in said if one and one in tree and one not in tree.children)
    return [category(tree, one) for one in list(known)[:RECENT]]


def _said_by_the_model(shown: Task, tree: Taxonomy) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    # Worked out for blind tasks too, so that they take as long.
    if shown.prediction is None:
        return None, []
    top = shown.prediction.category_id
    others = [str(one) for one, _ in shown.prediction.alternatives]
    good = [one for one in others if one != top and one in tree and one not in tree.children]
    return category(tree, top), [category(tree, one) for one in good[:ALTERNATIVES]]


def _earlier_answers(shown: Task, tree: Taxonomy) -> list[dict[str, Any]]:
    """What people said before, without who they are, in an order that tells nothing and stays."""
    root = shown.first_id or shown.pk
    good = Answer.objects.filter(undone_by=None, revision_id=shown.revision_id).exclude(status=Status.UNDONE)
    rows = list(good.filter(task_id=root)) + list(good.filter(task__first_id=root).exclude(task=shown))
    rows.sort(key=lambda one: hashlib.sha256(f"{shown.pk}:{one.uuid}".encode()).digest())
    return [
        {
            "category": category(tree, one.category_id) if one.category_id else None,
            "skip_reason": one.skip_reason,
            "note": one.note,
        }
        for one in rows
    ]
