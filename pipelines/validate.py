"""Stage `validate`: are the tables sound? Errors stop the graph; the page names the rows."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

from aisle.errors import DataError, exit_code_of
from aisle.files import write_json, write_text
from expectations.catalogue import counted, validate_catalogue
from expectations.page import render

DATA = Path("data")
OUTPUT = Path("work/validation")


def validate(data: Path, output: Path, now: datetime.datetime) -> None:
    """Validate the catalogue in `data`; write `result.json` and `page.html` into `output`.

    Both are written whether or not errors are found; `DataError` names the first error afterwards.
    """
    for name in ("result.json", "page.html"):  # what an earlier catalogue got must not stand for this one
        (output / name).unlink(missing_ok=True)
    result = validate_catalogue(data, now)
    write_text(output / "page.html", render(result))
    write_json(output / "result.json", result.as_json())
    if not result.passed:
        raise DataError(result.error_line(output / "page.html"))
    rows = ", ".join(f"{table.rows:,} {table.table}" for table in result.tables if table.table != "taxonomy")
    rules = counted(sum(table.evaluated for table in result.tables), "rule")
    warnings = counted(len(result.broken("warning")), "warning")
    print(f"{rows}: {rules} checked, no errors, {warnings} ({output / 'page.html'})")


def main() -> None:
    """Validate the catalogue of the current folder, as of now."""
    validate(DATA, OUTPUT, datetime.datetime.now(datetime.UTC))


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
