"""To-do lists for people without the desk: CSV files that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.errors import DataError
from aisle.files import write_text

COLUMNS = ("product_id", "revision", *PRODUCT_FIELDS, "suggestion", "suggestion_name", "answer", "note")
WANTED = ("product_id", "answer")
YES, SKIP = ("yes", "y"), ("skip", "cannot say")
# What a spreadsheet takes for a formula, also in full width; a text that begins with the apostrophe that marks
# such a cell is marked too, so that every text comes back as it was.
_FORMULA = "=+-@\t\r\n＝＋－＠'"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_MOST_BYTES = 64 << 20


def safe_cell(value: object) -> str:
    """`value` as text that a spreadsheet shows as it is: no formula, no control character; None is empty."""
    text = _CONTROL.sub(" ", "" if value is None else str(value))
    return f"'{text}" if text.lstrip()[:1] and text.lstrip()[0] in _FORMULA else text


def plain_cell(text: str) -> str:
    """What `safe_cell` was given, but for control characters."""
    return text[1:] if text[:1] == "'" and text[1:].lstrip()[:1] in tuple(_FORMULA) else text


def write_list(rows: Iterable[Mapping[str, object]], path: Path | str) -> None:
    """Write a to-do list: UTF-8 with the mark that spreadsheets look for, atomically, every cell safe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([safe_cell(row.get(name)) for name in COLUMNS])
    write_text(path, "\ufeff" + text.getvalue())


@dataclass(frozen=True)
class Filled:
    """One filled row: its line in the file, the product, what was shown, and the answer without blanks around."""

    line: int
    product_id: str
    revision: int | None
    suggestion: str
    answer: str

    @property
    def skipped(self) -> bool:
        """The person could not say."""
        return self.answer.lower() in SKIP

    @property
    def agreed(self) -> bool:
        """The person found the suggestion right."""
        return self.answer.lower() in YES


def read_filled(path: Path | str) -> tuple[list[Filled], int]:
    """The rows with an answer, and how many have none yet.

    Separated by commas, semicolons or tabs, whatever the spreadsheet wrote.

    Raises
    ------
    DataError
        For a file that is no such list: not UTF-8, a missing column, a row too long; a product
        twice; names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a filled list of `aisle audit draw`")
    if path.stat().st_size > _MOST_BYTES:
        raise DataError(f"{path}: larger than 64 MB, no list of audits; check the path")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); save it as 'CSV UTF-8'") from error
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return _filled(reader, path)
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: not CSV ({error}); save the list as 'CSV UTF-8'") from error


def _filled(reader: Iterable[Sequence[str]], path: Path) -> tuple[list[Filled], int]:
    header: list[str] | None = None
    found: list[Filled] = []
    seen: dict[str, int] = {}
    waiting = 0
    for cells in reader:
        line: int = reader.line_num  # type: ignore[attr-defined]
        if header is None:
            header = [one.strip() for one in cells]
            missing = [one for one in WANTED if one not in header]
            if missing:
                raise DataError(f"{path}: line 1: no column {missing[0]}; give a filled list of `aisle audit draw`")
            continue
        if not any(one.strip() for one in cells):
            continue
        if len(cells) > len(header):
            raise DataError(f"{path}: line {line}: {len(cells)} cells, the header has {len(header)}; mend the row")
        row = dict(zip(header, cells, strict=False))
        product, answer = plain_cell(row["product_id"]), plain_cell(row.get("answer", "").strip()).strip()
        if product in seen:
            raise DataError(
                f"{path}: line {line}: product '{product}' stands already in line {seen[product]}; keep one"
            )
        seen[product] = line
        revision = row.get("revision", "").strip()
        if revision and not re.fullmatch(r"[1-9][0-9]{0,8}", revision):
            raise DataError(f"{path}: line {line}: revision is '{revision}', no whole number; leave it as it was")
        if answer:
            shown = plain_cell(row.get("suggestion", "").strip())
            found.append(Filled(line, product, int(revision) if revision else None, shown, answer))
        else:
            waiting += 1
    if header is None:
        raise DataError(f"{path}: empty; give a filled list of `aisle audit draw`")
    return found, waiting
