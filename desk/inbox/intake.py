"""Products in: stored before anything else happens to them; what is sent again changes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from django.db.models import F, Q

from desk.inbox.products import Product, Refusal, checked
from desk.inbox.rows import insert, update, whole
from desk.ledger import models

Outcome = Literal["stored", "changed", "known", "late", "refused"]
OUTCOMES: tuple[Outcome, ...] = ("stored", "changed", "known", "late", "refused")
MOST = 1000


@dataclass(frozen=True)
class Receipt:
    """What became of n products, in the order sent.

    Attributes
    ----------
    outcome : list of str, length n
        `stored`: new here; `changed`: a new revision; `known`: was here already; `late`: a revision
        older than the latest, kept as history; `refused`: not stored, `errors` says why.
    product_id, revision : list, length n
        As they stand in the ledger; None where refused (the id: where it cannot be read).
    errors : dict of int to Refusal
        By place, from 0.
    """

    outcome: list[Outcome]
    product_id: list[str | None]
    revision: list[int | None]
    errors: dict[int, Refusal]

    def counts(self) -> dict[str, int]:
        """How many of each outcome, all five."""
        counted = Counter(self.outcome)
        return {name: counted[name] for name in OUTCOMES}


@dataclass
class _Standing:
    """What is known of one product while a batch is taken in."""

    latest: int = 0
    hashes: dict[int, str] = field(default_factory=dict)
    unnumbered: bool = False  # whether this batch has it already without a number, and new

    def decide(self, product: Product, content: str) -> tuple[Outcome, int] | str:
        """The outcome and the number of the revision, or why it is refused."""
        number = product.revision
        if number is None:
            if self.hashes.get(self.latest) == content:
                return "known", self.latest
            if self.unnumbered:
                return "the request holds this product twice, with different texts; number them by `revision`"
            self.unnumbered = True
            number = self.latest + 1
        elif number in self.hashes:
            if self.hashes[number] == content:
                return "known", number
            return f"revision {number} is here already, with other texts; send changed texts as a higher revision"
        outcome: Outcome = "stored" if not self.latest else "changed" if number > self.latest else "late"
        self.hashes[number] = content
        self.latest = max(self.latest, number)
        return outcome, number


def receive(products: Sequence[Mapping[str, Any]], received_at: dt.datetime) -> Receipt:
    """Store products: all that are good, or, when the database fails, none; a bad one is refused for its place.

    The same texts again are known. Other texts without a number are the product's next revision,
    and with one they are that revision. Two feeds that bring the same at once make it once.

    Parameters
    ----------
    products : 1 to 1,000 mappings
        With `product_id`, `title`, and what is there of revision, description, brand,
        seller_category, price, currency, seller.
    received_at : datetime with a zone
    """
    if not 1 <= len(products) <= MOST:
        raise ValueError(f"{len(products)} products; a request holds 1 to {MOST}")
    looked_at = [checked(one) for one in products]
    good = [(place, one, one.content_hash()) for place, one in enumerate(looked_at) if isinstance(one, Product)]
    outcomes: list[Outcome] = ["refused"] * len(products)
    numbers: list[int | None] = [None] * len(products)
    errors = {place: one for place, one in enumerate(looked_at) if isinstance(one, Refusal)}
    decided = whole(lambda: _store(good, received_at)) if good else []
    for (place, product, _), found in zip(good, decided, strict=True):
        if isinstance(found, str):
            errors[place] = Refusal(product.product_id, "revision", found)
        else:
            outcomes[place], numbers[place] = found
    ids = [one.product_id for one in looked_at]
    return Receipt(outcomes, ids, numbers, dict(sorted(errors.items())))


_Good = Sequence[tuple[int, Product, str]]


class _Row(NamedTuple):
    """A product as the ledger has it."""

    key: int
    revision: int
    seller: str


class _Latest(NamedTuple):
    """A new revision that is its product's latest; product and revision by their keys."""

    product: int
    number: int
    revision: int
    seller: str


_REVISION = (
    "product_id", "number", "title", "description", "brand", "seller_category", "price", "currency", "seller",
    "content_hash", "received_at",
)  # fmt: skip
_WAITING = ("revision_id", "tries", "next_try_at", "last_error", "refused")


def _store(good: _Good, received_at: dt.datetime) -> list[tuple[Outcome, int] | str]:
    rows = _locked(good, received_at)
    standing = _standing(good, rows)
    before = {product_id: one.latest for product_id, one in standing.items()}
    decided = [standing[product.product_id].decide(product, content) for _, product, content in good]
    new = [
        (
            rows[product.product_id].key, found[1], product.title, product.description, product.brand,
            product.seller_category, product.price, product.currency, product.seller, content, received_at,
        )
        for (_, product, content), found in zip(good, decided, strict=True)
        if not isinstance(found, str) and found[0] != "known"
    ]  # fmt: skip
    if not new:
        return decided
    keys = insert(models.Revision, _REVISION, new, returning=("product_id", "number", "id"))
    latest = {rows[product_id].key: one.latest for product_id, one in standing.items()}
    sellers = {(one[0], one[1]): one[8] or "" for one in new}
    revisions = [
        _Latest(product, number, key, sellers[product, number])
        for product, number, key in keys
        if number == latest[product]
    ]
    _wait(revisions, rows, before, received_at)
    return decided


def _locked(good: _Good, received_at: dt.datetime) -> dict[str, _Row]:
    """The products of a batch, those that are new made, and all kept from others until the transaction ends.

    New ones are made in the order of their ids, so that two feeds never wait for each other in a circle.
    """
    last = {product.product_id: product for _, product, _ in good}
    rows = _select(list(last))
    missing = sorted(last.keys() - rows.keys())
    if missing:
        models.Product.objects.bulk_create(
            [
                models.Product(
                    product_id=one, seller=last[one].seller or "", received_at=received_at,
                    revision=last[one].revision or 1,
                )
                for one in missing
            ],
            ignore_conflicts=True,
        )  # fmt: skip
        rows |= _select(missing)
    return rows


def _select(product_ids: Sequence[str]) -> dict[str, _Row]:
    found = models.Product.objects.filter(product_id__in=product_ids).order_by("id").select_for_update()
    values = found.values_list("product_id", "id", "revision", "seller")
    return {product_id: _Row(key, revision, seller) for product_id, key, revision, seller in values}


def _standing(good: _Good, rows: Mapping[str, _Row]) -> dict[str, _Standing]:
    """What the ledger has of each product: its latest revision, and those that the batch gives the number of."""
    standing = {product_id: _Standing() for product_id in rows}
    of_key = {row.key: standing[product_id] for product_id, row in rows.items()}
    asked = {product.revision for _, product, _ in good if product.revision is not None}
    needed = Q(number=F("product__revision")) | Q(number__in=asked) if asked else Q(number=F("product__revision"))
    found = models.Revision.objects.filter(needed, product_id__in=list(of_key))
    for key, number, content in found.values_list("product_id", "number", "content_hash"):
        one = of_key[key]
        one.hashes[number] = content
        one.latest = max(one.latest, number)
    return standing


def _wait(
    latest: Sequence[_Latest], rows: Mapping[str, _Row], before: Mapping[str, int], received_at: dt.datetime
) -> None:
    """Bring products to their latest revision, which waits for the service in the place of older ones."""
    stood = {row.key: (row, before[product_id]) for product_id, row in rows.items()}
    moved = [
        (one.product, one.number, one.seller) for one in latest if (one.number, one.seller) != stood[one.product][0][1:]
    ]
    if moved:
        update(models.Product, ["revision", "seller"], moved)
    changed = [one.product for one in latest if stood[one.product][1]]
    if changed:
        models.Waiting.objects.filter(revision__product_id__in=changed).delete()
    if latest:
        insert(models.Waiting, _WAITING, [(one.revision, 0, received_at, "", False) for one in latest])
