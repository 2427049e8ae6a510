"""Products from files: CSV, JSON lines or Parquet, by a mapping of columns; sent again, a file changes nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils import timezone

from aisle.catalogue.importing.fields import Rows, check_columns, extract, wanted_columns
from aisle.catalogue.importing.lines import Limits
from aisle.catalogue.importing.mapping import ImportMapping, read_mapping
from aisle.catalogue.importing.readers import read_batches
from aisle.errors import DataError
from desk.inbox.columns import plain_mapping
from desk.inbox.intake import MOST, OUTCOMES, receive
from desk.inbox.products import FIELDS, FORBIDDEN, Product, Refusal, checked
from desk.ledger.models import Revision

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = tuple(name for name in FIELDS if name != "revision")
_SHOWN = 20  # refused rows that are kept for people


@dataclass
class Loaded:
    """What became of the rows of a file so far.

    Attributes
    ----------
    counts : Counter
        By outcome; rows without a title are `refused`.
    refused : list of [where, reason]
        The first of them.
    """

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[list[str]] = field(default_factory=list)

    def refuse(self, where: str, reason: str) -> None:
        """Count a row that is not stored."""
        self.counts["refused"] += 1
        if len(self.refused) < _SHOWN:
            self.refused.append([where, reason])

    def text(self) -> str:
        """What came in, for people."""
        told = ", ".join(f"{self.counts[name]:,} {name}" for name in OUTCOMES if self.counts[name])
        lines = [f"{self.counts.total():,} rows: {told or 'none'}"]
        lines += [f"  {where}: {reason}" for where, reason in self.refused]
        if self.counts["refused"] > len(self.refused):
            lines.append(f"  … and {self.counts['refused'] - len(self.refused):,} more")
        return "\n".join(lines)


def load_file(path: Path | str, mapping: ImportMapping | Path | str | None = None) -> Loaded:
    """Store the products of a file, with a progress bar on a terminal; without a mapping by the catalogue's names.

    Rows go in batches of 1,000, each committed before the next; after an error or a kill the same
    call goes on: what is stored is known.

    Raises
    ------
    ConfigurationError, DataError
        For a mapping that does not fit, or a file that cannot be read on; names the line.
    """
    from tqdm import tqdm

    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file; check the path")
    if not isinstance(mapping, ImportMapping):
        mapping = plain_mapping() if mapping is None else read_mapping(mapping)
    loaded = Loaded()
    # disable=None: no bar where standard error is no terminal
    with tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc="load", leave=False, disable=None) as bar:

        def advance(more: int) -> None:
            bar.update(more)

        for loaded in loading(path, mapping, advance):
            bar.set_postfix_str(f"{loaded.counts.total():,} rows")
    return loaded


def checking(
    path: Path, mapping: ImportMapping, on_bytes: Callable[[int], None], limits: Limits | None = None
) -> Iterator[Loaded]:
    """Read the whole file and store nothing: whatever would stop `loading` is raised here first."""
    loaded = Loaded()
    for rows in _rows(path, mapping, on_bytes, limits):
        loaded.counts["rows"] += len(rows.kept)
        yield loaded


def loading(
    path: Path, mapping: ImportMapping, on_bytes: Callable[[int], None], limits: Limits | None = None
) -> Iterator[Loaded]:
    """Store the products of a file, batch by batch; how far it is after each."""
    loaded = Loaded()
    seen: set[int] = set()
    for rows in _rows(path, mapping, on_bytes, limits):
        _count_untitled(rows, loaded)
        products = _products(rows)
        for first in range(0, len(products), MOST):
            _take(rows, products[first : first + MOST], first, seen, loaded)
            yield loaded
    yield loaded


def _rows(path: Path, mapping: ImportMapping, on_bytes: Callable[[int], None], limits: Limits | None) -> Iterator[Rows]:
    columns: frozenset[str] | None = None
    for batch in read_batches(path, wanted_columns(mapping), mapping.file, on_bytes, limits):
        if columns is None:
            check_columns(mapping, batch)
            columns = frozenset(batch.names)
        yield extract(mapping, batch, columns)


def _count_untitled(rows: Rows, loaded: Loaded) -> None:
    if len(rows.kept) == len(rows.batch.numbers):
        return
    kept = set(rows.kept)
    for place in range(len(rows.batch.numbers)):
        if place not in kept:
            loaded.refuse(_where(rows.batch.numbers[place], rows.batch.unit), "no title")


def _products(rows: Rows) -> list[dict[str, Any]]:
    """The rows as products; control characters, which files hold by accident, become spaces."""
    there = [(name, rows.fields[name]) for name in _FIELDS if name in rows.fields]
    products = []
    for values in zip(*(column for _, column in there), strict=True):
        product = {}
        for (name, _), value in zip(there, values, strict=True):
            if isinstance(value, str):
                product[name] = FORBIDDEN.sub(" ", value).strip()
            elif value is not None:
                product[name] = value
        products.append(product)
    return products


def _take(rows: Rows, products: Sequence[dict[str, Any]], first: int, seen: set[int], loaded: Loaded) -> None:
    """Store up to 1,000 rows; of a product that the file holds twice the first one counts."""
    now, places, again = [], [], []
    for place, product in enumerate(products, first):
        key = int.from_bytes(hashlib.blake2b(str(product["product_id"]).encode(), digest_size=8).digest(), "big")
        if key in seen:
            again.append((place, product))
            continue
        seen.add(key)
        now.append(product)
        places.append(place)
    if now:
        receipt = receive(now, timezone.now())
        for outcome, count in receipt.counts().items():
            if count and outcome != "refused":
                loaded.counts[outcome] += count
        for place, error in receipt.errors.items():
            loaded.refuse(_where(rows.batch.numbers[rows.kept[places[place]]], rows.batch.unit), error.detail)
    if again:
        _take_again(rows, again, loaded)


def _take_again(rows: Rows, again: Sequence[tuple[int, dict[str, Any]]], loaded: Loaded) -> None:
    ids = [product["product_id"] for _, product in again]
    latest = Revision.objects.filter(product__product_id__in=ids, number=F("product__revision"))
    known: Mapping[str, str] = dict(latest.values_list("product__product_id", "content_hash"))
    for place, sent in again:
        product = checked(sent)
        if isinstance(product, Product) and known.get(product.product_id) == product.content_hash():
            loaded.counts["known"] += 1
            continue
        reason = (
            product.detail if isinstance(product, Refusal) else "product_id stands twice in the file; the first counts"
        )
        loaded.refuse(_where(rows.batch.numbers[rows.kept[place]], rows.batch.unit), reason)


def _where(number: int, unit: str) -> str:
    return f"{unit} {number:,}"
