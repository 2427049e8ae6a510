"""The log that the scoring service writes, one JSON object a line, as rows of the table `predictions`."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import msgspec
import pyarrow as pa

from aisle.catalogue.tables import PREDICTIONS
from aisle.errors import DataError

MAX_LINE_BYTES = 16 << 20
_ROWS_AT_ONCE = 10_000
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Line(msgspec.Struct):
    """One line of the log; fields that the table does not have, such as `product`, are passed over."""

    product_id: Annotated[str, msgspec.Meta(min_length=1)]
    predicted_at: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    category_id: str
    branch_id: str
    confidence: Probability
    decision: Literal["auto", "review"]
    model_version: str
    policy_id: str
    revision: Annotated[int, msgspec.Meta(ge=1, lt=2**31)] = 1
    threshold: float | None = None
    audit_probability: Probability | None = None
    audit_drawn: bool | None = None
    blind: bool | None = None
    bento_tag: str | None = None


_DECODER = msgspec.json.Decoder(Line)


@dataclass(frozen=True)
class LogFile:
    """What one file of the log holds.

    Attributes
    ----------
    rows : pyarrow.Table
        In the schema PREDICTIONS, in the order of the lines.
    truncated : bool
        Whether its last line was cut off (its writer was killed) and is left out of `rows`.
    size : int
        Bytes that were read.
    sha256 : str
        Of all of them.
    """

    rows: pa.Table
    truncated: bool
    size: int
    sha256: str


def line_of(text: bytes) -> Line:
    """One line of the log; `ValueError` says what is wrong with it."""
    try:
        line = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not 2000 <= line.predicted_at.year < 3000:
        raise ValueError(f"the year of predicted_at is {line.predicted_at.year}")
    return line


def read_log(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> LogFile:
    """All rows of one file; `DataError` names the line that is not one of the log.

    A last line without its end that is no whole object is what a killed writer leaves: it is left
    out. Such a line anywhere else is an error.
    """
    digest = hashlib.sha256()
    tables, lines = [], list[Line]()
    truncated, size = False, 0
    with path.open("rb") as content:
        for number, text in enumerate(_lines(path, content), start=1):
            digest.update(text)
            size += len(text)
            on_bytes(len(text))
            try:
                lines.append(line_of(text))
            except ValueError as error:
                if not text.endswith(b"\n"):
                    truncated = True
                    break
                raise DataError(
                    f"{path}: line {number}: is no prediction ({error}); mend or take out the line, then collect again"
                ) from error
            if len(lines) == _ROWS_AT_ONCE:
                tables.append(table_of(lines))
                lines = []
    tables.append(table_of(lines))
    return LogFile(pa.concat_tables(tables), truncated, size, digest.hexdigest())


def _lines(path: Path, content: IO[bytes]) -> Iterator[bytes]:
    number = 0
    while text := content.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(text) > MAX_LINE_BYTES:
            raise DataError(f"{path}: line {number} is longer than {MAX_LINE_BYTES >> 20} MiB; is this the log?")
        yield text


def table_of(lines: list[Line]) -> pa.Table:
    """Lines as rows in the schema PREDICTIONS."""

    def values(name: str) -> list[Any]:
        return [getattr(one, name) for one in lines]

    return pa.table({field.name: pa.array(values(field.name), field.type) for field in PREDICTIONS}, schema=PREDICTIONS)


def by_day(rows: pa.Table) -> dict[dt.date, pa.Table]:
    """Rows by the day of `predicted_at` (UTC), the days in order, those of a day by time."""
    import pyarrow.compute as pc

    days = rows.append_column("day", pc.cast(rows["predicted_at"], pa.date32())).sort_by("predicted_at")
    return {
        day: days.filter(pc.equal(days["day"], pa.scalar(day, pa.date32()))).drop_columns("day")
        for day in sorted(set(days["day"].unique().to_pylist()))
    }
