"""Rows as they come in: which products are new, and their shards, batch by batch."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aisle.catalogue.importing.fields import Rows, check_columns, extract, wanted_columns
from aisle.catalogue.importing.known import TEXT_FIELDS, KnownProducts, Product, digests_of
from aisle.catalogue.importing.mapping import LABEL_FIELDS, ImportMapping
from aisle.catalogue.importing.paths import CategoryPaths, Resolved
from aisle.catalogue.importing.readers import read_batches
from aisle.catalogue.tables import LABELS, PRODUCTS, conform
from aisle.catalogue.taxonomy import Taxonomy
from aisle.errors import DataError

# Labels wait in this form until all rows have come and each path has its category.
_WAITING = pa.schema(
    [
        pa.field("product_id", pa.string()),
        pa.field("revision", pa.int32()),
        pa.field("path", pa.int32()),
        pa.field("known_category_id", pa.string()),
        *(LABELS.field(name) for name in LABEL_FIELDS),
    ]
)


@dataclass(frozen=True)
class Taken:
    """What an intake came to: the tree, how many labels were written, and what to warn of."""

    taxonomy: Taxonomy
    labels: int
    warnings: tuple[str, ...]


class Intake:
    """Takes the rows of all files and writes one shard of products and one of labels.

    Parameters
    ----------
    folder : Path
        Where the catalogue is being made; on appending it holds the shards that were there.
    mapping : ImportMapping
    base : Taxonomy or None
        The tree that is there; None where a catalogue is made anew.
    shard : str
        The name of the new shards.
    """

    def __init__(self, folder: Path, mapping: ImportMapping, base: Taxonomy | None, shard: str) -> None:
        self.counts: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.sellers: set[str] = set()
        self._mapping = mapping
        self._base = base
        self._wanted = wanted_columns(mapping)
        self._files: list[tuple[Path, str]] = []
        self._first_without_title: str | None = None
        self._paths = None if mapping.category is None else CategoryPaths(mapping.category, base)
        self._products = ShardWriter(folder / "products" / f"{shard}.parquet", PRODUCTS)
        self._labels = ShardWriter(folder / "labels" / f"{shard}.parquet", LABELS)
        self._waiting = ShardWriter(folder / ".waiting.parquet", _WAITING)
        self._known_file = folder / ".known.sqlite"
        self._known = KnownProducts(self._known_file)
        self._labelled = self._known.load(folder, mapping.origin) if base is not None else set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for writer in (self._products, self._labels, self._waiting):
            writer.close(quietly=error is not None)
        self._known.close()
        for path in (self._known_file, self._waiting.path):
            path.unlink(missing_ok=True)

    def read(self, path: Path, role: str | None, on_bytes: Callable[[int], None]) -> None:
        """Take all rows of one file; `role` is their official split."""
        columns: frozenset[str] | None = None
        for batch in read_batches(path, self._wanted, self._mapping.file, on_bytes):
            if columns is None:
                check_columns(self._mapping, batch)
                columns = frozenset(batch.names)
                self._files.append((path, batch.unit))
            rows = extract(self._mapping, batch, columns)
            self._count(rows, role)
            if rows.kept:
                self._take(rows, role)

    def _count(self, rows: Rows, role: str | None) -> None:
        self.counts["rows"] += len(rows.kept)
        if role is not None:
            self.splits[role] += len(rows.kept)
        self.sellers.update(filter(None, rows.fields.get("seller", ())))
        missing = len(rows.batch.numbers) - len(rows.kept)
        if missing and self._first_without_title is None:
            place = next(index for index, kept in enumerate([*rows.kept, -1]) if index != kept)
            self._first_without_title = rows.batch.at(place)
        self.counts["without title"] += missing

    def _take(self, rows: Rows, role: str | None) -> None:
        product_ids = rows.fields["product_id"]
        nothing = [None] * len(product_ids)
        digests = digests_of([rows.fields.get(field, nothing) for field in TEXT_FIELDS])
        before = self._known.find(product_ids)
        now: dict[str, Product] = {}
        written = []
        for index, (product_id, digest) in enumerate(zip(product_ids, digests, strict=True)):
            known = now.get(product_id) or before.get(product_id)
            if known is not None and known.file is not None:
                raise self._duplicate(known, rows.at(index))
            number = rows.batch.numbers[rows.kept[index]]
            product, kind = _arrived(known, product_id, digest, len(self._files) - 1, number)
            now[product_id] = product
            self.counts[kind] += 1
            if kind != "unchanged":
                written.append(index)
        self._known.put(now.values())
        products = list(now.values())
        content = {**rows.fields, "revision": [one.revision for one in products], "split": [role] * len(products)}
        self._products.write({name: [values[index] for index in written] for name, values in content.items()})
        if self._paths is not None:
            self._wait(rows, products, self._paths.add(rows))

    def _duplicate(self, known: Product, where: str) -> DataError:
        path, unit = self._files[known.file or 0]
        return DataError(
            f"{where}: product_id '{known.product_id}' stands already in {path}, {unit} {known.number}; take one row "
            'out, or map an id that is unique, such as "{seller}:{id}"'
        )

    def _wait(self, rows: Rows, products: Sequence[Product], paths: Sequence[int | None]) -> None:
        """Keep the labels of a batch until the paths have their categories."""
        labelled = [index for index, path in enumerate(paths) if path is not None]
        certain = [1.0 if self._mapping.origin == "import" else None] * len(paths)
        content: dict[str, Sequence[Any]] = {
            "audit_probability": certain,
            "inclusion_probability": certain,
            **{field: rows.fields[field] for field in LABEL_FIELDS if field in rows.fields},
            "product_id": rows.fields["product_id"],
            "revision": [one.revision for one in products],
            "path": paths,
            "known_category_id": [one.label if one.label_revision == one.revision else None for one in products],
        }
        self.counts["labelled"] += len(labelled)
        self._waiting.write({name: [values[index] for index in labelled] for name, values in content.items()})

    def finish(self) -> Taken:
        """Write the labels, once all files were read, and check the whole."""
        warnings = self._check_titles()
        if self._paths is None:
            assert self._base is not None  # a new catalogue has categories
            self._products.close()
            return Taken(self._base, 0, warnings)
        if not self.counts["labelled"]:
            columns = ", ".join(self._mapping.category.columns()) if self._mapping.category is not None else ""
            raise DataError(f"{self._files[0][0]}: no labels: {columns} is empty in all {self.counts['rows']:,} rows")
        resolved = self._paths.resolve()
        grown = sorted(self._labelled.intersection(resolved.became_inner))
        if grown:
            below = resolved.taxonomy.children[grown[0]][0]
            raise DataError(
                f"{self._files[0][0]}: puts category {below} below {grown[0]}, which has labels already, and products "
                "belong to leaves; map the same depth of the tree, or import everything anew with --replace"
            )
        self._products.close()
        self._waiting.close()
        labels, categories = self._write_labels(resolved)
        warnings += resolved.warnings
        if not labels and self._base is None:
            raise DataError(f"{self._files[0][0]}: no label stands at a leaf; map the levels down to the leaf")
        if categories == 1 and self._base is None:
            warnings += ("all labels are of one category; there is nothing to tell apart",)
        return Taken(resolved.taxonomy, labels, warnings)

    def _check_titles(self) -> tuple[str, ...]:
        missing, total = self.counts["without title"], self.counts["without title"] + self.counts["rows"]
        if not missing:
            return ()
        share = missing / total
        told = f"{missing:,} of {total:,} rows have no title (the first: {self._first_without_title})"
        if share > self._mapping.max_empty_titles or missing == total:
            raise DataError(f"{told}; mend them, or allow it in {self._mapping.source}: max_empty_titles")
        return (f"{told}; they are left out",)

    def _write_labels(self, resolved: Resolved) -> tuple[int, int]:
        """Write those labels that say something new; return how many, and of how many categories."""
        of_path = pa.array(resolved.category_ids, pa.string())
        written, categories = 0, set()
        for batch in pq.ParquetFile(self._waiting.path).iter_batches():
            waiting = pa.table(batch)
            category = of_path.take(waiting["path"].combine_chunks())
            known = pc.equal(category, waiting["known_category_id"].combine_chunks())
            labels = waiting.append_column("category_id", category)
            labels = labels.append_column("origin", pa.array([self._mapping.origin] * len(labels), pa.string()))
            labels = labels.filter(pc.and_(pc.is_valid(category), pc.invert(pc.fill_null(known, False))))
            self._labels.write(labels)
            written += len(labels)
            categories.update(pc.unique(labels["category_id"]).to_pylist())
        self._labels.close()
        return written, len(categories)


def _arrived(known: Product | None, product_id: str, digest: bytes, file: int, number: int) -> tuple[Product, str]:
    """What is known of a product now that its row has come, and whether it is new, revised or unchanged."""
    if known is None:
        return Product(product_id, 1, digest, None, None, file, number), "new"
    if known.digest == digest:
        return known._replace(file=file, number=number), "unchanged"
    return known._replace(revision=known.revision + 1, digest=digest, file=file, number=number), "revised"


class ShardWriter:
    """One Parquet file, begun with its first rows, in memory one batch at a time."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: dict[str, list[Any]] | pa.Table) -> None:
        """Add rows, in the columns of the schema; columns that they lack are empty."""
        if isinstance(rows, dict):
            fields = [field for field in self._schema if field.name in rows]
            rows = pa.table({field.name: pa.array(rows[field.name], field.type) for field in fields})
        if not len(rows):
            return
        conformed = conform(rows, self._schema, str(self.path)).replace_schema_metadata(None)
        if self._writer is None:
            self.path.parent.mkdir(exist_ok=True)
            self._writer = pq.ParquetWriter(self.path, conformed.schema, compression="zstd", write_statistics=False)
        self._writer.write_table(conformed)

    def close(self, quietly: bool = False) -> None:
        """End the file and have it on disk; `quietly` when it is thrown away after an error."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
            with self.path.open("rb") as written:
                os.fsync(written.fileno())
        except OSError:
            if not quietly:
                raise
