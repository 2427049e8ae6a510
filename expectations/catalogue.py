"""The suites over a whole catalogue folder: its tables as frames, the findings, and the line that stops the graph."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from aisle.catalogue.tables import read_table, require_catalogue, shards_of
from aisle.catalogue.taxonomy import COLUMNS, read_categories
from expectations.suites import Level
from expectations.validation import RuleResult, TableResult, latest_moment, validate_table

TABLES = ("taxonomy", "products", "labels", "predictions")
_NAMED = 3  # rows that the line of an error names


@dataclass(frozen=True)
class CatalogueResult:
    """What all suites found in one catalogue folder."""

    folder: Path
    tables: Sequence[TableResult]

    def broken(self, level: Level) -> list[tuple[TableResult, RuleResult]]:
        """The broken rules of one level with their table, in the order of tables and suites."""
        return [(table, one) for table in self.tables for one in table.broken(level)]

    @property
    def passed(self) -> bool:
        """Whether no error was found; warnings do not count."""
        return not self.broken("error")

    def as_json(self) -> dict[str, Any]:
        """Plain data for `result.json`, the same for the same data: it carries no time.

        `errors` and `warnings` list the broken rules; `tables` says everything, also what was kept.
        """
        return {
            "passed": self.passed,
            "evaluated": sum(table.evaluated for table in self.tables),
            "errors": self._listed("error"),
            "warnings": self._listed("warning"),
            "tables": {table.table: table.as_json() for table in self.tables},
        }

    def _listed(self, level: Level) -> list[dict[str, Any]]:
        return [
            {"table": table.table, "name": one.name, "text": f"{table.table}: {one.sentence}", "rows": one.unexpected}
            for table, one in self.broken(level)
        ]

    def error_line(self, page: Path | str) -> str:
        """One line on the first error: where, which rule, how many rows, the first of them, how to mend."""
        (table, first), *others = self.broken("error")
        rows = f" {_rows_named(first)}" if first.examples else ""
        more = f"; {counted(len(others), 'more rule')} broken" if others else ""
        mend = first.mend.rstrip(".")
        return (
            f"{_source(self.folder, table.table, first)}: {table.table} break the rule {first.name} "
            f"({first.sentence.rstrip('.')}){':' if rows else ''}{rows}; to mend: {mend}{more}; all of it is in {page}"
        )


def validate_catalogue(folder: Path | str, now: datetime.datetime) -> CatalogueResult:
    """Evaluate all suites on the catalogue in `folder`.

    Parameters
    ----------
    folder : path
        A catalogue folder. Predictions may be absent: their suite is then left out.
    now : datetime with a time zone
        What lies more than five minutes later lies in the future.

    Raises
    ------
    DataError
        Where no catalogue lies there, or a file cannot be read as its table.
    ConfigurationError
        Where a suite is broken or would evaluate less than it holds.
    """
    folder = require_catalogue(folder)
    taxonomy = taxonomy_frame(folder)
    products = read_table(folder, "products")
    newest = products.groupby("product_id")["revision"].max()
    frames = {"taxonomy": taxonomy, "products": products}
    for table in ("labels", "predictions"):
        if table == "labels" or shards_of(folder, table):
            frame = read_table(folder, table)
            # The product's highest revision, null for an unknown product: what the suite compares with.
            frames[table] = frame.assign(latest_revision=frame["product_id"].map(newest).astype("Int64"))
    inner = taxonomy["parent_id"]
    parameters = {
        "leaves": sorted(set(taxonomy.loc[~taxonomy["category_id"].isin(inner), "category_id"])),
        "latest_moment": latest_moment(now),
    }
    return CatalogueResult(folder, [validate_table(table, frame, parameters) for table, frame in frames.items()])


def taxonomy_frame(folder: Path | str) -> pd.DataFrame:
    """`taxonomy.csv` as it stands, with `row`, the row of the file (the header is row 1)."""
    categories = read_categories(Path(folder) / "taxonomy.csv")
    frame = pd.DataFrame(
        [(one.category_id, one.parent_id, one.name) for one in categories], columns=list(COLUMNS), dtype=object
    )
    return frame.assign(row=range(2, len(frame) + 2))


def _source(folder: Path, table: str, rule: RuleResult) -> str:
    """The file of the first row that breaks the rule, or what the whole table is read from."""
    if table == "taxonomy":
        return str(folder / "taxonomy.csv")
    if not rule.examples:
        return str(folder / table)
    return str(folder / table / f"{rule.examples[0]['shard']}.parquet")


def _rows_named(rule: RuleResult) -> str:
    named = ", ".join(_row_named(one) for one in rule.examples[:_NAMED])
    dots = ", …" if rule.unexpected > _NAMED else ""
    files = f" in {rule.shards} files" if rule.shards > 1 else ""
    return f"{counted(rule.unexpected, 'row')}{files}, the first: {named}{dots}"


def _row_named(example: dict[str, Any]) -> str:
    """`p1 revision 2 (price -3.0)`: the row's id, and what it holds in the rule's columns."""
    if "row" in example:
        identity, known = f"row {example['row']}", {"row"}
    else:
        identity, known = f"{example['product_id']} revision {example['revision']}", {"product_id", "revision", "shard"}
    held = ", ".join(
        f"{name} {'empty' if value is None or value == '' else value}"
        for name, value in example.items()
        if name not in known
    )
    return f"{identity} ({held})" if held else identity


def counted(number: int, noun: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
