"""Which closed days hold what happened to a product: by the plans that their shards were made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple

from desk.export.plan import labelled, plan_of
from desk.ledger.models import Answer, Correction, Decision, Export, Prediction, Product, Revision


class _Row(NamedTuple):
    """A row of the ledger: when it was stored, the tables that it goes out to, and what takes it back."""

    model: type[Any]
    key: int
    at: dt.datetime
    tables: frozenset[str]
    undone_by: int | None = None


def days_of(product: Product, most: int, texts_alone: bool = False) -> Iterator[tuple[Export, set[str]]]:
    """The days written out that hold something of `product`, and in which tables.

    Parameters
    ----------
    most : int
        Rows of each kind that are looked at, the newest.
    texts_alone : bool
        Only what the sender said of it counts.
    """
    rows = list(_texts(product, most))
    if not texts_alone:
        rows += [*_predictions(product, most), *_answers(product, most), *_corrections(product, most)]
    first = min((row.at for row in rows), default=None)
    if first is None:
        return
    # A row is in the first day that is planned after it; what came late is not in its own.
    for export in Export.objects.filter(day__gte=first.astimezone(dt.UTC).date()).order_by("day"):
        if not rows:
            return
        plan = plan_of(export)
        held = [row for row in rows if plan.reaches(row.model, row.key, row.at)]
        rows = [row for row in rows if row not in held]
        stands = [row for row in held if row.undone_by is None or row.undone_by > plan.last["Answer"]]
        tables = set[str]().union(*(row.tables for row in stands))
        if tables and export.written_at is not None:
            yield export, tables


def _texts(product: Product, most: int) -> Iterator[_Row]:
    for key, at in product.revisions.order_by("-pk").values_list("pk", "received_at")[:most]:
        yield _Row(Revision, key, at, frozenset({"products"}))


def _predictions(product: Product, most: int) -> Iterator[_Row]:
    names = ("pk", "predicted_at", "decision", "decided_id", "category_id")
    for key, at, decision, decided_id, category_id in product.predictions.order_by("-pk").values_list(*names)[:most]:
        label = decision == Decision.AUTO and decided_id == category_id
        yield _Row(Prediction, key, at, frozenset({"predictions", "labels"} if label else {"predictions"}))


def _answers(product: Product, most: int) -> Iterator[_Row]:
    """Without those that are no labels: taken back, of test items, of products that no model looked at."""
    rows = labelled(product.answers.all()).order_by("-pk").values_list("pk", "answered_at", "undone_by__pk")
    for key, at, undone_by in rows[:most]:
        yield _Row(Answer, key, at, frozenset({"labels"}), undone_by)


def _corrections(product: Product, most: int) -> Iterator[_Row]:
    for key, at in product.corrections.order_by("-pk").values_list("pk", "corrected_at")[:most]:
        yield _Row(Correction, key, at, frozenset({"labels"}))
