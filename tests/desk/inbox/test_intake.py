from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from desk.inbox.intake import Receipt, receive
from desk.ledger.models import Product, Revision, Waiting
from tests.desk.inbox.service import product

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def took(*products: dict[str, Any], at: dt.datetime = NOW) -> Receipt:
    return receive(products, at)


def ledger() -> dict[str, Any]:
    """All that the inbox holds, but for keys."""
    return {
        "products": sorted(Product.objects.values_list("product_id", "revision", "seller", "received_at")),
        "revisions": sorted(Revision.objects.values_list("product__product_id", "number", "title", "content_hash")),
        "waiting": sorted(Waiting.objects.values_list("revision__product__product_id", "revision__number")),
    }


def test_a_new_product_is_stored_and_waits() -> None:
    sent = product(
        "a", "Drill", description="For wood", brand="Bo", seller_category="Tools", price=3, currency="EUR", seller="s"
    )
    assert took(sent).counts() == {"stored": 1, "changed": 0, "known": 0, "late": 0, "refused": 0}
    row = Revision.objects.get()
    assert (row.title, row.description, row.brand, row.seller_category) == ("Drill", "For wood", "Bo", "Tools")
    assert (row.price, row.currency, row.seller, row.number) == (3.0, "EUR", "s", 1)
    assert (row.product.seller, row.product.received_at, row.product.revision) == ("s", NOW, 1)
    assert Waiting.objects.get().revision == row


def test_the_same_feed_sent_again_changes_nothing() -> None:
    feed = [product(f"p{place}", f"Drill {place}") for place in range(50)]
    took(*feed)
    before = ledger()
    assert took(*feed, at=NOW + dt.timedelta(days=1)).counts()["known"] == 50
    assert ledger() == before


def test_blanks_around_a_seller_are_none_of_it() -> None:
    """A brake names the seller without them; the texts of a product, by which it is known, stay letter for letter."""
    took(product("a", " Drill ", seller=" north\u00a0\t"), product("b", seller="  "), product("c", seller="north"))
    assert set(Product.objects.values_list("product_id", "seller")) == {("a", "north"), ("b", ""), ("c", "north")}
    assert set(Revision.objects.values_list("title", "seller")) == {
        (" Drill ", "north"), ("Cordless drill", None), ("Cordless drill", "north"),
    }  # fmt: skip
    again = took(product("a", " Drill ", seller="north "), product("b", seller=""), product("c", seller=" north"))
    assert again.counts()["known"] == 3
    assert Revision.objects.count() == 3


def test_other_texts_are_the_next_revision_and_wait_in_the_place_of_the_old_ones() -> None:
    took(product("a", "Drill"))
    receipt = took(product("a", "Drill 18V", seller="t"), at=NOW + dt.timedelta(days=1))
    assert (receipt.outcome, receipt.revision) == (["changed"], [2])
    assert ledger()["waiting"] == [("a", 2)]
    row = Product.objects.get()
    assert (row.revision, row.seller, row.received_at) == (2, "t", NOW)


def test_a_new_price_alone_is_no_new_revision() -> None:
    took(product("a", price=3.0))
    assert took(product("a", price=4.0)).outcome == ["known"]
    assert took(product("a", price=4.0, revision=2)).outcome == ["changed"]


def test_a_revision_with_other_texts_is_refused_for_its_place() -> None:
    took(product("a", "Drill", revision=1))
    receipt = took(product("b"), product("a", "Saw", revision=1), product("c"))
    assert receipt.outcome == ["stored", "refused", "stored"]
    assert receipt.revision == [1, None, 1]
    assert (
        receipt.errors[1].detail
        == "revision 1 is here already, with other texts; send changed texts as a higher revision"
    )
    assert Revision.objects.filter(product__product_id="a").count() == 1


def test_a_late_revision_is_history_and_does_not_wait() -> None:
    took(product("a", "New", revision=3))
    assert took(product("a", "Old", revision=2)).outcome == ["late"]
    assert ledger()["waiting"] == [("a", 3)]
    assert Product.objects.get().revision == 3
    assert took(product("a", "Old", revision=2)).outcome == ["known"]


def test_revisions_of_one_product_in_one_request() -> None:
    receipt = took(product("a", "One", revision=1), product("a", "Two", revision=2), product("a", "One", revision=1))
    assert receipt.outcome == ["stored", "changed", "known"]
    assert ledger()["waiting"] == [("a", 2)]
    assert Product.objects.get().revision == 2


def test_one_product_twice_without_numbers_is_stored_once() -> None:
    receipt = took(product("a", "One"), product("a", "One"), product("a", "Two"))
    assert receipt.outcome == ["stored", "known", "refused"]
    assert "twice" in receipt.errors[2].detail
    assert Revision.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"title": "x"}, "product_id"),
        ({"product_id": "a"}, "title"),
        ({"product_id": "a", "title": " \t"}, "title"),
        ({"product_id": "a", "title": "x" * 1001}, "title"),
        ({"product_id": "a" * 201, "title": "x"}, "product_id"),
        ({"product_id": "a", "title": "x\0"}, "title"),
        ({"product_id": "a", "title": "x\ud800"}, "title"),
        ({"product_id": "a\x07", "title": "x"}, "product_id"),
        ({"product_id": "a", "title": "x", "price": "3"}, "price"),
        ({"product_id": "a", "title": "x", "price": -1}, "price"),
        ({"product_id": "a", "title": "x", "price": float("inf")}, "price"),
        ({"product_id": "a", "title": "x", "price": 10**400}, "price"),
        ({"product_id": "a", "title": "x", "revision": 0}, "revision"),
        ({"product_id": "a", "title": "x", "revision": True}, "revision"),
        ({"product_id": "a", "title": "x", "color": "red"}, None),
        ({"product_id": 5, "title": "x"}, "product_id"),
        ("a product", None),
        (None, None),
    ],
)
def test_what_is_wrong_is_refused_for_its_place(sent: Any, field: str | None) -> None:
    receipt = receive([product("good"), sent], NOW)
    assert receipt.outcome == ["stored", "refused"]
    assert receipt.errors[1].field == field
    assert Product.objects.count() == 1


def test_mark_up_and_other_scripts_are_text() -> None:
    titles = ["<script>alert(1)</script>", "=HYPERLINK(1)", "Дрель 18В", "ドリル\u3000🔧", "a\tb\nc"]
    took(*(product(f"p{place}", title) for place, title in enumerate(titles)))
    assert set(Revision.objects.values_list("title", flat=True)) == set(titles)


@pytest.mark.parametrize("number", [0, 1001])
def test_the_size_of_a_request_is_bounded(number: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        receive([product(f"p{place}") for place in range(number)], NOW)


def test_few_queries_a_batch_whatever_its_size() -> None:
    counts = []
    for size in (5, 40):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            took(*(product(f"{size}-{place}") for place in range(size)))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10


_ONE = st.builds(
    lambda name, title, revision: product(name, title, **({"revision": revision} if revision else {})),
    st.sampled_from("abc"), st.sampled_from(["x", "y", "z"]), st.sampled_from([None, 1, 2, 3]),
)  # fmt: skip
_BATCH = st.lists(_ONE, min_size=1, max_size=6)


class TestAnyFeed(HypothesisTestCase):
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(st.lists(_BATCH, min_size=1, max_size=4))
    def test_the_ledger_stays_sound_and_numbered_feeds_change_nothing_twice(
        self, feed: list[list[dict[str, Any]]]
    ) -> None:
        for batch in feed:
            receipt = receive(batch, timezone.now())
            for place, outcome in enumerate(receipt.outcome):
                assert (outcome == "refused") == (place in receipt.errors) == (receipt.revision[place] is None)
        self.check()
        before = ledger()
        for batch in feed:
            numbered = [one for one in batch if "revision" in one]
            if numbered:
                receipt = receive(numbered, timezone.now())
                assert set(receipt.outcome) <= {"known", "refused"}
        assert ledger() == before

    @settings(max_examples=30, suppress_health_check=list(HealthCheck))
    @given(st.permutations([("a", 1), ("a", 2), ("a", 3), ("b", 1)]))
    def test_numbered_revisions_may_come_in_any_order(self, order: list[tuple[str, int]]) -> None:
        for name, number in order:
            receive([product(name, f"{name}{number}", revision=number)], NOW)
        self.check()
        assert ledger()["waiting"] == [("a", 3), ("b", 1)]
        assert len(ledger()["revisions"]) == 4

    def check(self) -> None:
        for row in Product.objects.all():
            numbers = set(row.revisions.values_list("number", flat=True))
            assert max(numbers) == row.revision
            waiting = Waiting.objects.filter(revision__product=row).values_list("revision__number", flat=True)
            assert list(waiting) == [row.revision]
