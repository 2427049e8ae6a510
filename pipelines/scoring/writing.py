"""The output of a scored file: CSV, JSON lines or Parquet, put together part by part."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from aisle.errors import ConfigurationError
from aisle.files import replacing
from pipelines.scoring.parts import OUTPUT

_ENDINGS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def format_of(path: Path) -> str:
    """`csv`, `tsv`, `jsonl` or `parquet`, by the ending of the file; `ConfigurationError` for any other."""
    name = path.name.lower()
    found = _ENDINGS.get(Path(name.removesuffix(".gz")).suffix)
    if found is None or (found == "parquet" and name.endswith(".gz")):
        raise ConfigurationError(
            f"{path}: its ending does not tell how to write it; use .csv, .tsv, .jsonl (each also with .gz) or .parquet"
        )
    return found


def write_output(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write all rows of `tables`, in order; equal rows give equal bytes."""
    kind = format_of(path)
    with replacing(path) as temporary:
        if kind == "parquet":
            with pq.ParquetWriter(temporary, OUTPUT, compression="zstd") as writer:
                for table in tables:
                    writer.write_table(table)
            return
        with _text(temporary, path.name.lower().endswith(".gz")) as content:
            if kind == "jsonl":
                _write_lines(content, tables)
            else:
                _write_rows(content, tables, "," if kind == "csv" else "\t")


@contextlib.contextmanager
def _text(path: Path, zipped: bool) -> Iterator[IO[str]]:
    with contextlib.ExitStack() as stack:
        raw: IO[bytes] = stack.enter_context(path.open("wb"))
        if zipped:  # without name and time, so that equal rows give equal bytes
            raw = cast("IO[bytes]", stack.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0)))
        yield stack.enter_context(io.TextIOWrapper(raw, encoding="utf-8", newline=""))


def _write_lines(content: IO[str], tables: Iterable[pa.Table]) -> None:
    for table in tables:
        for row in table.to_pylist():
            content.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def _write_rows(content: IO[str], tables: Iterable[pa.Table], delimiter: str) -> None:
    writer = csv.writer(content, delimiter=delimiter, lineterminator="\n")
    writer.writerow(OUTPUT.names)
    for table in tables:
        writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
