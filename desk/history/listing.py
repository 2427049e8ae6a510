"""A list of products with search and paging that takes the same short time at any number of products.

Pages are found by key (the id after which they go on), never by offset, and nothing is counted.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import RawSQL

from desk.ledger.models import Product, Revision, Source

A_PAGE = 50
_MOST_WORDS = 8
# PostgreSQL reads "12V/35" as a path and "a-b" as one word; without the marks words are words. As the index has it.
_MARKS = "-/_.,:@&<>+~=?"
WORDS_OF_TITLE = f"translate(title, '{_MARKS}', '{' ' * len(_MARKS)}')"


@dataclass(frozen=True)
class Wanted:
    """What is looked for: words of titles or a product_id, a seller, by whom it was decided."""

    text: str = ""
    seller: str = ""
    source: str = ""
    before: int | None = None  # only rows with a smaller key

    @classmethod
    def of(cls, given: dict[str, str]) -> Wanted:
        """From the address of the page; what makes no sense is left out."""
        clean = {name: value.replace("\x00", "").strip()[:200] for name, value in given.items()}
        before = clean.get("before", "")
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        source = clean.get("source", "")
        return cls(
            clean.get("q", ""), clean.get("seller", ""), source if source in Source.values else "", before=number
        )


@dataclass(frozen=True)
class Row:
    """One product of the list."""

    product: Product
    title: str


@dataclass(frozen=True)
class Found:
    """One page of the list, the newest first; `next_before` leads to the next one."""

    rows: list[Row]
    next_before: int | None


def find(wanted: Wanted) -> Found:
    """The page of products that `wanted` describes."""
    if not wanted.text:
        return _newest(wanted)
    exact = Product.objects.filter(product_id=wanted.text).first() if wanted.before is None else None
    found = _by_words(wanted)
    if exact is None or not _fits(exact, wanted):
        return found
    rest = [row for row in found.rows if row.product.pk != exact.pk]
    return Found([*_with_titles([exact]), *rest], found.next_before)


def _newest(wanted: Wanted) -> Found:
    products = _narrowed(Product.objects.all(), wanted).order_by("-pk")
    if wanted.before is not None:
        products = products.filter(pk__lt=wanted.before)
    rows = list(products[: A_PAGE + 1])
    return Found(_with_titles(rows[:A_PAGE]), rows[A_PAGE - 1].pk if len(rows) > A_PAGE else None)


def _by_words(wanted: Wanted) -> Found:
    """By words that titles begin with or hold; the key is that of the newest revision that holds them."""
    words = _words(wanted.text)
    if not words:
        return Found([], None)
    if wanted.seller or wanted.source:
        revisions = Revision.objects.filter(_holds(words))
        revisions = revisions.filter(product__in=_narrowed(Product.objects.all(), wanted))
        if wanted.before is not None:
            revisions = revisions.filter(pk__lt=wanted.before)
    else:
        revisions = Revision.objects.filter(_holds(words, wanted.before, A_PAGE + 1))
    pairs = list(revisions.order_by("-pk").values_list("pk", "product_id")[: A_PAGE + 1])
    ids = list(dict.fromkeys(product for _, product in pairs[:A_PAGE]))
    seen = _seen(ids, words, wanted.before)
    ids = [one for one in ids if one not in seen]
    products = Product.objects.in_bulk(ids)
    rows = _with_titles([products[one] for one in ids])
    return Found(rows, pairs[A_PAGE - 1][0] if len(pairs) > A_PAGE else None)


def _words(text: str) -> list[str]:
    """Words of letters and digits: nothing in them means something to a database."""
    return "".join(one if one.isalnum() or unicodedata.category(one)[0] == "M" else " " for one in text).split()[
        :_MOST_WORDS
    ]


def _seen(ids: list[int], words: list[str], before: int | None) -> set[int]:
    """Those of `ids` that were on a page before, for a newer revision that holds the words too."""
    if before is None:
        return set()
    newer = dict(Revision.objects.filter(product_id__in=ids, pk__gte=before).values_list("pk", "product_id"))
    if not newer:
        return set()
    return set(Revision.objects.filter(_holds(words), pk__in=list(newer)).values_list("product_id", flat=True))


def _holds(words: list[str], before: int | None = None, most: int | None = None) -> Q:
    """Revisions whose title holds every one of `words`, or longer words that begin so; the newest `most` of them."""
    if connection.vendor == "postgresql":
        key, given = "id", " & ".join(f"'{word}':*" for word in words)
        sql = (
            f"SELECT id FROM ledger_revision WHERE to_tsvector('simple', {WORDS_OF_TITLE}) @@ to_tsquery('simple', %s)"
        )
    else:
        key, given = "rowid", " ".join(f'"{word}"*' for word in words)
        sql = "SELECT rowid FROM history_title WHERE history_title MATCH %s"
    values: list[str | int] = [given]
    if before is not None:
        sql += f" AND {key} < %s"
        values.append(before)
    if most is not None:
        sql += f" ORDER BY {key} DESC LIMIT %s"
        values.append(most)
    return Q(pk__in=RawSQL(sql, values))


def _narrowed(products: QuerySet[Product], wanted: Wanted) -> QuerySet[Product]:
    if wanted.seller:
        products = products.filter(seller=wanted.seller)
    if wanted.source:
        products = products.filter(source=wanted.source)
    return products


def _fits(product: Product, wanted: Wanted) -> bool:
    return (not wanted.seller or product.seller == wanted.seller) and (
        not wanted.source or product.source == wanted.source
    )


def _with_titles(products: list[Product]) -> list[Row]:
    ids = [product.pk for product in products]
    latest = Revision.objects.filter(product_id__in=ids, number=F("product__revision"))
    titles = dict(latest.values_list("product_id", "title"))
    return [Row(product, titles.get(product.pk, "")) for product in products]
