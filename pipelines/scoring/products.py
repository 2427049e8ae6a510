"""The rows of a file as products, in pieces; a row that no model can answer has an error instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.catalogue.importing.fields import check_columns, extract, texts_of, wanted_columns
from aisle.catalogue.importing.mapping import FileOptions, ImportMapping, NumberValue, Value
from aisle.catalogue.importing.readers import Batch, read_batches
from aisle.config import suggest
from aisle.errors import AisleError, DataError

# The same as in service/schemas.py, so that a file is answered alike here and there; the two rooms do not import
# each other: tests/pipelines/test_scorers.py (test_the_limits_of_a_row_are_those_of_the_service) holds them together.
LONGEST = {
    "product_id": 200,
    "title": 1000,
    "description": 20_000,
    "brand": 200,
    "seller_category": 1000,
    "currency": 10,
    "seller": 200,
}
MAX_REVISION = 2**31 - 1
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_OF_A_CATALOGUE = ("received_at", "group_id", "split")  # a shard's own; models do not read them
_SHOWN = 40  # columns in a message
PLAIN = ImportMapping(
    fields={
        name: (NumberValue if name == "price" else Value)(column=name, optional=name != "title")
        for name in PRODUCT_FIELDS
    },
    category=None,
    origin="import",
    split={},
    file=FileOptions(),
    max_empty_titles=1.0,
    source=Path("the columns of a product"),
)


@dataclass(frozen=True)
class Piece:
    """Some rows of a file, in its order.

    Attributes
    ----------
    product_id : list of (str or None), of length n
    revision : list of (int or None)
        None where a bad row has none that could be read.
    products : dict of str to list
        The columns PRODUCT_FIELDS; those of a bad row hold nothing to be used.
    error : list of (str or None)
        What is wrong with a row; None for a good one.
    """

    product_id: list[str | None]
    revision: list[int | None]
    products: dict[str, list[Any]]
    error: list[str | None]

    def __len__(self) -> int:
        return len(self.error)

    def good(self) -> list[int]:
        """The places of the rows that can be scored."""
        return [place for place, error in enumerate(self.error) if error is None]


@dataclass(frozen=True)
class Content:
    """How many rows a file holds, and which of its columns mean nothing here."""

    rows: int
    unknown: tuple[str, ...]


def look_through(
    path: Path, mapping: ImportMapping | None, on_bytes: Callable[[int], None] = lambda _: None
) -> Content:
    """Read a whole file once before hours are spent on it.

    Parameters
    ----------
    mapping : ImportMapping or None
        Which column is which field; None takes the names of a product's fields.
    on_bytes : callable
        Is told how many more bytes of the file were read.

    Raises
    ------
    ConfigurationError, DataError
        For a file without titles, or one that cannot be read, with its line or row.
    """
    reader = _Reader(mapping)
    rows, names = 0, dict[str, None]()
    for batch in read_batches(path, reader.wanted, reader.mapping.file, on_bytes):
        if rows == 0:
            reader.check(batch)
        rows += len(batch.numbers)
        names |= dict.fromkeys(batch.names)
    known = {*reader.wanted, *_OF_A_CATALOGUE} if mapping is None else names
    return Content(rows, tuple(name for name in names if name not in known))


def read_pieces(path: Path, mapping: ImportMapping | None, rows: int) -> Iterator[Piece]:
    """The rows of a file, at most `rows` at a time: equal files, mappings and `rows` give equal pieces."""
    reader = _Reader(mapping)
    for batch in read_batches(path, reader.wanted, reader.mapping.file, lambda _: None):
        for first in range(0, len(batch.numbers), rows):
            yield reader.piece(_part(batch, first, first + rows))


class _Reader:
    """Makes pieces of batches: by a mapping, or by the names of the columns."""

    def __init__(self, mapping: ImportMapping | None) -> None:
        self._given = mapping
        self.mapping = PLAIN if mapping is None else replace(mapping, category=None, fields=_of_products(mapping))
        self.wanted = wanted_columns(self.mapping) | {"revision"}
        if mapping is None:
            self.wanted |= {"product_id"}

    def check(self, batch: Batch) -> None:
        """`AisleError` for a file that lacks what every row needs."""
        if self._given is not None:
            check_columns(self.mapping, batch)
        elif "title" not in batch.names:
            near = suggest("title", batch.names)
            there = ", ".join(map(repr, batch.names[:_SHOWN])) + (" …" if len(batch.names) > _SHOWN else "")
            raise DataError(
                f"{batch.path}: no column 'title'{near if 'did you mean' in near else '.'} The file has {there}; "
                "name the column of the product's name title, or say with --mapping which one it is"
            )

    def piece(self, batch: Batch) -> Piece:
        """The products of a batch; bad rows are looked for by halves."""
        try:
            return self._good(batch)
        except AisleError as error:
            if len(batch.numbers) == 1:
                text = str(error).removeprefix(f"{batch.at(0)}: ")
                return Piece(self._ids_of_a_bad_row(batch), [None], {name: [None] for name in PRODUCT_FIELDS}, [text])
        middle = len(batch.numbers) // 2
        first, second = self.piece(_part(batch, 0, middle)), self.piece(_part(batch, middle, len(batch.numbers)))
        return Piece(
            first.product_id + second.product_id,
            first.revision + second.revision,
            {name: first.products[name] + second.products[name] for name in PRODUCT_FIELDS},
            first.error + second.error,
        )

    def _good(self, batch: Batch) -> Piece:
        """The products of a batch of good rows; `AisleError` where one is bad."""
        rows = extract(self.mapping, batch, frozenset(batch.names))
        n = len(batch.numbers)
        if len(rows.kept) < n:
            missing = next(place for place, kept in enumerate([*rows.kept, -1]) if place != kept)
            raise DataError(f"{batch.at(missing)}: title is missing; every product needs one")
        ids = rows.fields["product_id"] if self._given is not None else texts_of(batch, "product_id")
        products = {name: rows.fields.get(name, [None] * n) for name in PRODUCT_FIELDS}
        revisions = []
        for place, text in enumerate(texts_of(batch, "revision")):
            revision = _revision(text)
            fault = "revision is no whole number from 1 on" if revision is None else None
            fault = fault or _fault({"product_id": ids[place]} | {name: products[name][place] for name in products})
            if fault:
                raise DataError(f"{batch.at(place)}: {fault}")
            revisions.append(revision)
        return Piece(ids, revisions, products, [None] * n)

    def _ids_of_a_bad_row(self, batch: Batch) -> list[str | None]:
        """Which row it is, where that can be read although the rest is bad."""
        try:
            if self._given is None:
                return texts_of(batch, "product_id")
            value = self.mapping.fields["product_id"]
            if "title" in value.columns():
                return [None]
            others = {name: one for name, one in self.mapping.fields.items() if name != "price"}
            mapping = replace(self.mapping, fields={**others, "title": Value(constant="-")})
            return extract(mapping, batch, frozenset(batch.names)).fields["product_id"]
        except AisleError:
            return [None]


def _of_products(mapping: ImportMapping) -> dict[str, Value]:
    return {name: value for name, value in mapping.fields.items() if name in ("product_id", *PRODUCT_FIELDS)}


def _part(batch: Batch, first: int, end: int) -> Batch:
    columns = {name: values[first:end] for name, values in batch.columns.items()}
    return Batch(batch.path, batch.unit, batch.numbers[first:end], batch.names, columns)


def _revision(text: str | None) -> int | None:
    """1 where there is none; None for what is no revision."""
    if text is None:
        return 1
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return int(text) if 1 <= int(text) <= MAX_REVISION else None


def _fault(product: dict[str, Any]) -> str | None:
    """What keeps a product from being scored."""
    for name, longest in LONGEST.items():
        text = product[name]
        if text is None:
            continue
        if len(text) > longest:
            return f"{name} has {len(text):,} characters; at most {longest:,} are taken"
        if _CONTROL.search(text):
            return f"{name} holds a control character; take it out"
    if product["price"] is not None and product["price"] < 0:
        return f"price is {product['price']:g}; it cannot be below 0"
    return None
