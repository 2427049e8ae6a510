"""Which products have come already, in this import and before it: on disk, not in memory."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from aisle.catalogue.tables import shards_of
from aisle.errors import DataError

TEXT_FIELDS = ("title", "description", "brand", "seller_category")
_BATCH_ROWS = 10_000


class Product(NamedTuple):
    """What is known of one product; `file` and `number` say where this import has it, None where not yet."""

    product_id: str
    revision: int
    digest: bytes
    label: str | None
    label_revision: int | None
    file: int | None
    number: int | None


def digests_of(columns: Sequence[Sequence[str | None]]) -> list[bytes]:
    """One digest a row of the columns `TEXT_FIELDS`: equal exactly where the texts are."""
    return [
        hashlib.blake2b("\x1f".join(text or "" for text in row).encode("utf-8", "replace"), digest_size=16).digest()
        for row in zip(*columns, strict=True)
    ]


class KnownProducts:
    """A table of products in a file of its own, which may be deleted afterwards."""

    def __init__(self, path: Path) -> None:
        with _explained():
            self._database = sqlite3.connect(path, isolation_level=None)
            for setting in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-65536"):
                self._database.execute(f"PRAGMA {setting}")
            self._database.execute(
                "CREATE TABLE product (product_id TEXT PRIMARY KEY, revision INT, digest BLOB, label TEXT, "
                "label_revision INT, file INT, number INT) WITHOUT ROWID"
            )
            self._database.execute("BEGIN")

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def find(self, product_ids: Sequence[str]) -> dict[str, Product]:
        """Those of at most 30,000 products that are known."""
        marks = ",".join("?" * len(product_ids))
        with _explained():
            rows = self._database.execute(f"SELECT * FROM product WHERE product_id IN ({marks})", product_ids)
            return {row[0]: Product(*row) for row in rows}

    def put(self, products: Iterable[Product]) -> None:
        """Remember products, in the place of what was known of them."""
        with _explained():
            self._database.executemany("INSERT OR REPLACE INTO product VALUES (?,?,?,?,?,?,?)", products)

    def load(self, folder: Path, origin: str) -> set[str]:
        """Remember all products of a catalogue and their last label of `origin`; return the categories labelled."""
        for path in shards_of(folder, "products"):
            for batch in _batches(path, ("product_id", "revision", *TEXT_FIELDS)):
                revisions = [revision or 1 for revision in batch["revision"]]
                digests = digests_of([batch[field] for field in TEXT_FIELDS])
                latest: dict[str, Product] = {}
                before = self.find([str(product_id) for product_id in batch["product_id"]])
                for product_id, revision, digest in zip(batch["product_id"], revisions, digests, strict=True):
                    known = latest.get(product_id) or before.get(product_id)
                    if known is None or known.revision <= revision:
                        latest[product_id] = Product(product_id, revision, digest, None, None, None, None)
                self.put(latest.values())
        return self._load_labels(folder, origin)

    def _load_labels(self, folder: Path, origin: str) -> set[str]:
        categories: set[str] = set()
        for path in shards_of(folder, "labels"):
            for batch in _batches(path, ("product_id", "revision", "category_id", "origin")):
                categories.update(filter(None, batch["category_id"]))
                rows = zip(batch["category_id"], batch["revision"], batch["product_id"], batch["origin"], strict=True)
                labels = [(category, revision or 1, one) for category, revision, one, of in rows if of == origin]
                with _explained():
                    self._database.executemany(
                        "UPDATE product SET label = ?, label_revision = ? WHERE product_id = ?", labels
                    )
        return categories


def _batches(path: Path, columns: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    """Batches of a shard; a column that it lacks is empty."""
    try:
        file = pq.ParquetFile(path, pre_buffer=False)
        there = [column for column in columns if column in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=there):
            found = {name: column.to_pylist() for name, column in zip(batch.schema.names, batch.columns, strict=True)}
            yield {column: found.get(column) or [None] * len(batch) for column in columns}
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet; get it again with `dvc pull`") from error


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn SQLite's words for a full disk into the operating system's."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, "disk full") from error
        if code is not None and code & 0xFF == sqlite3.SQLITE_IOERR:
            raise OSError(errno.EIO, f"cannot write ({error})") from error
        raise
