from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from aisle.errors import DataError
from desk.history import correcting, listing, names
from desk.history.listing import Wanted, find
from desk.history.story import story
from desk.ledger.models import Correction, Kind, Product, Revision, Source, State, Task
from desk.people.models import Person
from tests.desk import made_products as made

pytestmark = pytest.mark.django_db
Make = Callable[..., Client]
People = Callable[..., Person]
TAKEN = ("ledger_task", "ledger_product")
EVIL = "<script>alert('x')</script> & <b>bear</b> {{ 7|add:7 }}"


def ids(wanted: Wanted) -> list[str]:
    return [row.product.product_id for row in find(wanted).rows]


def test_the_story_tells_all_in_order_with_who(person: People, tree: Path) -> None:
    product = made.make_product("a:1", category_id="puzzles", source="auto")
    made.add_revision(product, "Wooden puzzle, 100 pieces")
    made.predict(product)
    task = made.ask(product, blind=True)
    made.answer(task, person("labeller", "zoe"), "plush", note="it has fur")
    made.plan_day(made.START.date(), written_at=made.START.replace(day=3))
    correcting.correct(person("business", "bo"), product.pk, "plush", "seller wrote", uuid.uuid4(), "puzzles")
    told = [(entry.kind, entry.who) for entry in reversed(story(product))]
    assert told == [
        ("revision", "toy-house"),
        ("revision", "toy-house"),
        ("prediction", "model 7"),
        ("task", ""),
        ("answer", "zoe"),
        ("export", ""),
        ("correction", "bo"),
    ]
    facts = {entry.kind: dict(entry.facts) for entry in story(product)}
    assert facts["correction"] == {"before": "Toys › Puzzles", "reason": "seller wrote"}
    assert facts["answer"] == {"revision": "2", "was shown": "nothing, the task was blind", "note": "it has fur"}
    assert facts["prediction"]["audit"] == "drawn; probability 0.05"


def test_prices_are_exact_and_reasons_are_words(client_of: Make, tree: Path) -> None:
    product = made.make_product("a:1", category_id="puzzles", source="correction")
    product.revision = 2
    product.save()
    Revision.objects.create(
        product=product, number=2, title="Wooden puzzle", price=12345.67, currency="EUR", content_hash="2",
        received_at=made.START + timedelta(hours=1),
    )  # fmt: skip
    made.predict(product, decision="review", decided_id=None, reason="person")
    facts = {entry.kind: dict(entry.facts) for entry in story(product)}  # of revisions, the first
    assert facts["prediction"]["why"] == "a person said something else before"
    page = client_of("business").get(f"/products/{product.pk}/").content.decode()
    assert page.count("12345.67") == 2
    assert "12345.7" not in page


def test_an_answer_taken_back_says_so(person: People, tree: Path) -> None:
    product = made.make_product("a:1")
    task = made.ask(product, Kind.REVIEW)
    first = made.answer(task, person("labeller"), "plush")
    made.answer(task, person("labeller"), None, status="undone", undoes=first)
    titles = [entry.title for entry in story(product) if entry.kind == "answer"]
    assert sorted(titles) == ["Review: Toys › Plush animals (undone later)", "Review: an answer was taken back"]


def test_mark_up_is_shown_as_text_everywhere(client_of: Make, person: People, tree: Path) -> None:
    product = made.make_product(f"a:{EVIL}", EVIL, seller=EVIL)
    made.predict(product, category_id=EVIL[:50])
    made.answer(made.ask(product), person("labeller"), "plush", note=EVIL)
    client = client_of("business")
    for address in ("/products/", f"/products/{product.pk}/", "/products/?q=bear"):
        page = client.get(address).content.decode()
        assert "&lt;script&gt;alert(" in page
        assert "<script>alert" not in page
        assert "<b>bear" not in page


def test_a_correction_changes_the_catalogue_and_leaves_the_audit(person: People, tree: Path) -> None:
    product = made.make_product("a:1", category_id="puzzles", branch_id="toys", source="auto")
    made.predict(product)
    audit, review = made.ask(product), made.ask(product, Kind.REVIEW)
    correcting.correct(person("business"), product.pk, "drills", "it drills", uuid.uuid4(), "puzzles")
    product.refresh_from_db()
    assert (product.category_id, product.branch_id, product.source) == ("drills", "tools", Source.CORRECTION)
    assert Task.objects.get(pk=audit.pk).state == State.OPEN
    assert Task.objects.get(pk=review.pk).state == State.SUPERSEDED
    row = Correction.objects.get()
    assert (row.before_category_id, row.category_id, row.revision.number) == ("puzzles", "drills", 1)


def test_a_correction_takes_the_tasks_before_the_product_as_answers_do(person: People, tree: Path) -> None:
    product, who = made.make_product("a:1"), person("business")
    made.ask(product, Kind.REVIEW)
    with CaptureQueriesContext(connection) as caught:
        correcting.correct(who, product.pk, "plush", "fur", uuid.uuid4(), None)
    asked = [one["sql"] for one in caught if one["sql"].startswith("SELECT")]
    first = {table: next(n for n, sql in enumerate(asked) if f'FROM "{table}"' in sql) for table in TAKEN}
    assert first["ledger_task"] < first["ledger_product"]


@pytest.mark.django_db(transaction=True)
def test_a_correction_that_another_transaction_is_in_the_way_of_is_tried_again(
    person: People, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product, who, left = made.make_product("a:1"), person("business"), ["deadlock detected"]
    create = Correction.objects.create

    def failing(**values: Any) -> Correction:
        if left:
            raise OperationalError(left.pop())
        return create(**values)

    monkeypatch.setattr(Correction.objects, "create", failing)
    correcting.correct(who, product.pk, "plush", "fur", uuid.uuid4(), None)
    assert Correction.objects.count() == 1
    assert Product.objects.get().category_id == "plush"


def test_the_same_form_sent_twice_corrects_once(person: People, tree: Path) -> None:
    product, key, who = made.make_product("a:1"), uuid.uuid4(), person("business")
    first = correcting.correct(who, product.pk, "plush", "fur", key, None)
    assert correcting.correct(who, product.pk, "plush", "fur", key, None) == first
    assert Correction.objects.count() == 1
    other = made.make_product("a:2")
    with pytest.raises(DataError, match="another correction"):
        correcting.correct(who, other.pk, "plush", "fur", key, None)


@pytest.mark.parametrize(
    ("category", "reason", "before", "says"),
    [
        ("toys", "fur", None, "not a category that products"),
        ("nothing", "fur", None, "not a category that products"),
        ("plush", " ", None, "give a reason"),
        ("plush", "x" * 1001, None, "give a reason"),
        ("plush", "fur", "saws", "somebody changed this product meanwhile"),
    ],
)
def test_what_is_wrong_changes_nothing(
    person: People, tree: Path, category: str, reason: str, before: str | None, says: str
) -> None:
    product = made.make_product("a:1")
    with pytest.raises(DataError, match=says):
        correcting.correct(person("business"), product.pk, category, reason, uuid.uuid4(), before)
    assert not Correction.objects.exists()
    assert Product.objects.get().category_id is None


def test_the_page_corrects_by_name_and_says_what_is_wrong(client_of: Make, tree: Path) -> None:
    product = made.make_product("a:1", category_id="puzzles", source="auto")
    client, address = client_of("business"), f"/products/{product.pk}/"
    given = {"uuid": str(uuid.uuid4()), "before": "puzzles", "other": "toys > plush animals", "reason": "fur"}
    page = client.post(address, {**given, "other": "toys"}).content.decode()
    assert "choose one of those" in page
    page = client.post(address, {**given, "reason": ""}).content.decode()
    assert "This field is required" in page
    assert client.post(address, given).status_code == 302
    assert Product.objects.get().category_id == "plush"
    page = client.post(address, {**given, "uuid": str(uuid.uuid4())}).content.decode()
    assert "somebody changed" in page.lower()


def test_labellers_may_not_correct(client_of: Make, tree: Path) -> None:
    product = made.make_product("a:1")
    assert client_of("labeller").post(f"/products/{product.pk}/", {"other": "plush"}).status_code == 403
    assert not Correction.objects.exists()


def test_history_is_not_changed(person: People, tree: Path) -> None:
    product = made.make_product("a:1")
    correction = correcting.correct(person("business"), product.pk, "plush", "fur", uuid.uuid4(), None)
    with pytest.raises(TypeError):
        correction.save()
    with pytest.raises(Exception, match="written once") as caught, transaction.atomic():
        Correction.objects.update(reason="other")
    assert not isinstance(caught.value, AssertionError)
    assert Correction.objects.get().reason == "fur"
    with pytest.raises(IntegrityError), transaction.atomic():
        Correction.objects.create(**{**_values(correction), "uuid": correction.uuid})


def _values(correction: Correction) -> dict[str, object]:
    names_of = ("product", "revision", "person", "category_id", "reason", "corrected_at")
    return {name: getattr(correction, name) for name in names_of}


def test_products_are_found_by_words_id_seller_and_source() -> None:
    made.make_product("s:1", "Bosch GSR-12V/35 cordless drill", seller="tools & co")
    made.make_product("s:2", "Plush bear, 40 cm", source="review")
    made.make_product("s:3", "Säge für Holz")
    assert ids(Wanted()) == ["s:3", "s:2", "s:1"]
    assert ids(Wanted(text="12v cord")) == ["s:1"]
    assert ids(Wanted(text="bosch 35")) == ["s:1"]
    assert ids(Wanted(text="ordless")) == []
    assert ids(Wanted(text="SÄGE")) == ["s:3"]
    assert ids(Wanted(text="s:2")) == ["s:2"]
    assert ids(Wanted(seller="tools & co")) == ["s:1"]
    assert ids(Wanted(source="review")) == ["s:2"]
    assert ids(Wanted(text="bear", source="auto")) == []
    assert ids(Wanted(text="bear", source="review")) == ["s:2"]


@pytest.mark.parametrize(
    "text", ['"', "' OR 1=1 --", "a AND", "NEAR(", "*", "(", "\\", "%", "x" * 200, "ab:*|cd", "💡", "नमस्ते"]
)
def test_no_search_breaks_the_database(text: str) -> None:
    made.make_product("s:1", "नमस्ते lamp")
    found = ids(Wanted.of({"q": f"{text}\x00", "before": "9" * 30, "source": "x"}))
    assert found == (["s:1"] if text in ("नमस्ते",) else found)
    assert set(found) <= {"s:1"}


def test_paging_shows_every_product_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "A_PAGE", 4)
    for number in range(11):
        product = made.make_product(f"s:{number}", "Blue lamp")
        if number % 3 == 0:
            made.add_revision(product, "Blue lamp, new")
    for text in ("", "lamp"):
        seen: list[str] = []
        before: int | None = None
        while True:
            found = find(Wanted(text=text, before=before))
            seen += [row.product.product_id for row in found.rows]
            before = found.next_before
            if before is None:
                break
        assert sorted(seen) == sorted(f"s:{number}" for number in range(11))


def test_the_list_takes_the_same_few_queries_for_many_products(
    client_of: Make, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for number in range(60):
        made.make_product(f"s:{number}", f"Lamp {number}")
    client = client_of("business")
    with django_assert_max_num_queries(8):  # type: ignore[attr-defined]
        page = client.get("/products/?q=lamp").content.decode()
    assert page.count("<tr>") == 51
    assert 'rel="next"' in page


def test_names_of_leaves(tree: Path) -> None:
    assert names.leaf_of("drills") == names.leaf_of(" Drills ") == names.leaf_of("tools>DRILLS") == "drills"
    assert [one for one, _ in names.like("plu")] == ["plush"]
    assert [one for one, _ in names.like("to dr")] == ["drills"]
    assert names.full_name("gone") == "gone"
    tree.write_text(tree.read_text() + "saws2,toys,Saws\n")
    with pytest.raises(DataError, match="name of 2 categories"):
        names.leaf_of("Saws")


def test_the_page_works_without_a_tree(client_of: Make, configuration: object) -> None:
    product = made.make_product("a:1", category_id="puzzles")
    assert client_of("business").get(f"/products/{product.pk}/").status_code == 200
