"""CSV, JSON lines and Parquet files, plain or gzip, as batches of columns; memory stays bounded."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from aisle.catalogue.importing.lines import Limits, Lines, Misread, unzipped_head
from aisle.catalogue.importing.mapping import FileOptions, Format
from aisle.catalogue.importing.parquet import BATCH_ROWS, parquet_rows
from aisle.errors import ConfigurationError, DataError

_BATCH_BYTES = 16 << 20  # a batch ends earlier where its rows are long
_MAX_FIELD_CHARACTERS = 4 << 20
_GZIP, _PARQUET, _UTF16 = b"\x1f\x8b", b"PAR1", (b"\xff\xfe", b"\xfe\xff")
_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Batch:
    """Rows of one file.

    Attributes
    ----------
    path : Path
    unit : str
        `line` or `row`, what `numbers` counts, from 1.
    numbers : sequence of int, of length n
        Where each row begins.
    names : sequence of str
        All columns of the file; of JSON lines those that a row of the batch has.
    columns : dict of str to list of length n
        Raw values of those columns that were wanted and are there.
    """

    path: Path
    unit: str
    numbers: Sequence[int]
    names: Sequence[str]
    columns: dict[str, list[Any]]

    def at(self, index: int) -> str:
        """Where a row stands, for messages: `offers.csv: line 501`."""
        return f"{self.path}: {self.unit} {self.numbers[index]}"

    def column(self, name: str) -> list[Any]:
        """The values of a column; empty ones where the batch lacks it."""
        return self.columns.get(name) or [None] * len(self.numbers)


def read_batches(
    path: Path,
    wanted: Collection[str],
    options: FileOptions,
    on_bytes: Callable[[int], None],
    limits: Limits | None = None,
) -> Iterator[Batch]:
    """The rows of one file, at least one, in batches of at most `BATCH_ROWS`.

    `on_bytes` is told how many more bytes of the file were read. `limits` are for files that others
    send. `DataError` names the line or row of whatever cannot be read, or is beyond them.
    """
    with path.open("rb") as raw:
        head = raw.read(4)
        raw.seek(0)
        if not head:
            raise DataError(f"{path}: the file is empty")
        zipped = head.startswith(_GZIP)
        with contextlib.ExitStack() as stack:
            content: IO[bytes] = raw
            batches: Iterator[Batch]
            if zipped:
                content = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=raw)))
                head = unzipped_head(content, path)
            kind = options.format or _kind_of(path, head)
            if kind == "parquet":
                rows = parquet_rows(path, content, zipped, wanted, limits)
                batches = (Batch(path, "row", numbers, names, columns) for numbers, names, columns in rows)
            else:
                if head.startswith(_UTF16):
                    raise DataError(f"{path}: not {options.encoding} text (it looks like UTF-16); save it as UTF-8")
                lines = Lines(path, content, options.encoding, limits)
                batches = _csv_batches(lines, wanted, options) if kind == "csv" else _json_batches(lines, wanted)
            read = 0
            for batch in batches:
                yield batch
                on_bytes(raw.tell() - read)
                read = raw.tell()


def _kind_of(path: Path, head: bytes) -> Format:
    if head == _PARQUET:
        return "parquet"
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    raise ConfigurationError(
        f"{path}: the name does not tell the format; write file: {{format: csv}} (or jsonl, parquet)"
    )


def _csv_batches(lines: Lines, wanted: Collection[str], options: FileOptions) -> Iterator[Batch]:
    tabs = Path(lines.path.name.lower().removesuffix(".gz")).suffix in (".tsv", ".tab")
    rows = csv.reader(
        lines,
        delimiter=options.delimiter or ("\t" if tabs else ","),
        quoting=csv.QUOTE_MINIMAL if options.quotes else csv.QUOTE_NONE,
        strict=True,
    )
    names = list(options.columns) or _header(rows, lines)
    numbers: list[int] = []
    batch: list[list[str]] = []
    done, most = 0, _batch_bytes(lines)
    for number, row in _csv_rows(rows, lines):
        if len(row) != len(names):
            known = "the mapping names" if options.columns else "the header has"
            raise DataError(
                f"{lines.path}: line {number}: {len(row)} fields where {known} {len(names)}; "
                "mend the line (a separator within a text needs quotation marks around it)"
            )
        numbers.append(number)
        batch.append(row)
        if len(batch) == BATCH_ROWS or lines.bytes - done > most:
            yield _csv_batch(lines.path, names, wanted, numbers, batch)
            numbers, batch, done = [], [], lines.bytes
    if batch:
        yield _csv_batch(lines.path, names, wanted, numbers, batch)
    elif not done:
        raise DataError(f"{lines.path}: the file holds no row" + ("" if options.columns else ", only a header"))


def _csv_batch(
    path: Path, names: list[str], wanted: Collection[str], numbers: list[int], rows: list[list[str]]
) -> Batch:
    places = {name: place for place, name in enumerate(names) if name in wanted}
    columns = {name: [row[place] for row in rows] for name, place in places.items()}
    return Batch(path, "line", numbers, names, columns)


def _csv_rows(rows: Iterator[list[str]], lines: Lines) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line where it begins."""
    # The limit is the process's: set back, it would fall on files that other threads read at the moment.
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_FIELD_CHARACTERS))
    while True:
        number = lines.number + 1
        lines.begin_row()
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            unclosed = "unexpected end" in str(error) or "limit" in str(error)
            reason = "a quotation mark is not closed" if unclosed else error
            raise Misread(
                f"{lines.path}: line {number}: not readable as CSV ({reason})",
                "quotes",
                "mend the line, or write file: {quotes: false} where quotation marks mean nothing",
            ) from error
        if row:
            yield number, row


def _header(rows: Iterator[list[str]], lines: Lines) -> list[str]:
    for _, names in _csv_rows(rows, lines):
        _check_columns(names, lines)
        name, times = Counter(names).most_common(1)[0]
        if times > 1:
            raise DataError(f"{lines.path}: the header names '{name}' twice; rename one of the columns")
        return names
    raise DataError(f"{lines.path}: the file is empty")


def _check_columns(names: Sequence[str], lines: Lines) -> None:
    if lines.limits is not None and len(names) > lines.limits.columns:
        raise DataError(f"{lines.path}: {len(names):,} columns; {lines.limits.columns:,} are the most")


def _batch_bytes(lines: Lines) -> int:
    return _BATCH_BYTES if lines.limits is None else min(_BATCH_BYTES, lines.limits.batch_bytes)


def _json_batches(lines: Lines, wanted: Collection[str]) -> Iterator[Batch]:
    numbers: list[int] = []
    batch: list[dict[str, Any]] = []
    done, most = 0, _batch_bytes(lines)
    for line in lines:
        lines.begin_row()
        if not line.strip():
            continue
        numbers.append(lines.number)
        batch.append(_json_row(line, lines))
        if len(batch) == BATCH_ROWS or lines.bytes - done > most:
            yield _json_batch(lines, wanted, numbers, batch)
            numbers, batch, done = [], [], lines.bytes
    if batch:
        yield _json_batch(lines, wanted, numbers, batch)
    elif not done:
        raise DataError(f"{lines.path}: the file holds no row")


def _json_row(line: str, lines: Lines) -> dict[str, Any]:
    where = f"{lines.path}: line {lines.number}"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        if lines.number == 1 and line.lstrip().startswith("["):
            raise DataError(f"{where}: a JSON list over several lines; write one object a line") from error
        reason = (
            f"{error.msg}, column {error.colno}"
            if isinstance(error, json.JSONDecodeError)
            else "nested too deep or a number too long"
        )
        raise DataError(f"{where}: not JSON ({reason}); mend or take out the line") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: a JSON {type(row).__name__}, not an object; write one object a line")
    return row


def _json_batch(lines: Lines, wanted: Collection[str], numbers: list[int], rows: list[dict[str, Any]]) -> Batch:
    names = list(dict.fromkeys(name for row in rows for name in row))
    _check_columns(names, lines)
    columns = {name: [row.get(name) for row in rows] for name in names if name in wanted}
    return Batch(lines.path, "line", numbers, names, columns)
