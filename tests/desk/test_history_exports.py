"""The page of a product says which closed days hold something of it, by what was planned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from desk.export.closing import run
from desk.history.story import story
from desk.ledger.models import Export, Kind, Product
from desk.people.models import Person
from tests.desk import made_products as made
from tests.desk.labelling import items

pytestmark = pytest.mark.django_db
People = Callable[..., Person]


def exports(product: Product, texts_alone: bool = False) -> list[tuple[str, str]]:
    """The days that hold something of a product and the tables that do, the earliest first."""
    entries = [entry for entry in reversed(story(product, texts_alone)) if entry.kind == "export"]
    return [
        (entry.title, " ".join(name.split("/")[0] for name in dict(entry.facts)["files"].split(", ")))
        for entry in entries
    ]


def test_only_days_that_hold_something_of_a_product_are_its_exports(person: People, tree: Path) -> None:
    day, following = made.START.date(), made.START.date() + timedelta(days=1)
    early = made.make_product("a:1", category_id="puzzles", source="auto")
    written = {"written_at": made.START + timedelta(hours=2)}
    made.plan_day(day, **written)
    late = made.make_product("a:2", category_id="puzzles", source="auto")
    made.predict(late)
    assert exports(early) == [(f"Exported with the day {day}", "products")]
    assert exports(late) == []  # received on that day, after it was closed early
    after = made.plan_day(following, str(following), written_at=None)
    assert exports(late) == []
    Export.objects.filter(pk=after.pk).update(written_at=made.START + timedelta(days=2))
    assert exports(late) == [(f"Exported with the day {following}", "labels predictions products")]
    assert len(exports(early)) == 1


def test_a_product_that_came_after_an_early_export_is_not_said_to_be_in_it(tree: Path) -> None:
    early = items.ask()
    run(tree.parent, early=True)
    late = items.ask()
    today = f"Exported with the day {timezone.now().date()}"
    assert exports(early.product) == [(today, "labels predictions products")]
    assert exports(late.product) == []


def test_answers_make_an_export_where_they_are_labels(person: People, tree: Path) -> None:
    product, zoe = made.make_product("a:1"), person("labeller", "zoe")
    day, following = made.START.date(), made.START.date() + timedelta(days=1)
    made.predict(product, decision="review", decided_id=None)
    made.plan_day(day, written_at=made.START + timedelta(days=1))
    said = {"answered_at": made.START + timedelta(days=1)}
    taken_back = made.answer(made.ask(product, Kind.REVIEW), zoe, "plush", **said)
    made.answer(taken_back.task, zoe, None, status="undone", undoes=taken_back, **said)
    made.answer(made.ask(product, Kind.TEST), zoe, "plush", **said)
    first = [(f"Exported with the day {day}", "predictions products")]
    second = made.plan_day(following, str(following), written_at=made.START + timedelta(days=2))
    assert exports(product) == first
    second.delete()
    made.answer(made.ask(product, Kind.AUDIT), zoe, "plush", **said)
    made.plan_day(following, str(following), written_at=made.START + timedelta(days=2))
    assert exports(product) == [*first, (f"Exported with the day {following}", "labels")]
    assert exports(product, texts_alone=True) == [(f"Exported with the day {day}", "products")]
