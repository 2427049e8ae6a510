"""Parquet files as columns of Python values; with limits, of files from elsewhere, in bounded memory.

Parquet says a text once and repeats it by number, so that a file of 2 kB can hold 10 GB. With limits,
texts are therefore read by number too, their lengths are summed up, and rows become Python values
a few megabytes at a time.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aisle.catalogue.importing.lines import Limits, unzipping
from aisle.errors import DataError, one_line

BATCH_ROWS = 10_000
_READ_BYTES = 16 << 20  # about what is read at a time where there are limits
_LARGE_BYTES, _FEW_ROWS = 64 << 20, 1000  # rows of a large file may be longer here and there than on average
_WIDEST = 1000  # bytes of a column whose values are all as wide
_TEXTS: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
    pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view,
)  # fmt: skip
_PLAIN: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_temporal,
    pa.types.is_null,
)  # fmt: skip
Rows = tuple[range, list[str], dict[str, list[Any]]]


def parquet_rows(
    path: Path, content: IO[bytes], zipped: bool, wanted: Collection[str], limits: Limits | None
) -> Iterator[Rows]:
    """Numbers of rows from 1, the names of all columns, and the values of those that are wanted."""
    with ExitStack() as stack:
        if zipped:  # Parquet is read from its end: unpack it to disk, not to memory
            unpacked = stack.enter_context(tempfile.TemporaryFile())
            with unzipping(path, "in the middle"):
                shutil.copyfileobj(content, unpacked, 1 << 20)
            content = unpacked
        first = 1
        try:
            file = pq.ParquetFile(content, pre_buffer=False, buffer_size=1 << 20)
            names = file.schema_arrow.names
            some = [name for name in names if name in wanted] or names[:1]
            for part in _plain_parts(file, some) if limits is None else coded_parts(path, content, limits, some):
                numbers = range(first, first + len(part))
                first = numbers.stop
                columns = zip(part.schema.names, part.columns, strict=True)
                yield numbers, names, {name: column.to_pylist() for name, column in columns}
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]}); get it again"
            ) from error
    if first == 1:
        raise DataError(f"{path}: the file holds no row")


def _plain_parts(file: pq.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
    return (part for part in file.iter_batches(batch_size=BATCH_ROWS, columns=names) if len(part))


def text_columns(path: Path, schema: pa.Schema, limits: Limits) -> list[str]:
    """The columns of texts; `DataError` for more columns than are allowed, or one that holds lists or objects."""
    if len(schema) > limits.columns:
        raise DataError(f"{path}: {len(schema):,} columns; {limits.columns:,} are the most")
    texts = []
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if any(one(kind) for one in _TEXTS):
            texts.append(field.name)
        elif not any(one(kind) for one in _PLAIN) and not (
            pa.types.is_fixed_size_binary(kind) and kind.byte_width <= _WIDEST
        ):
            raise DataError(
                f"{path}: column '{field.name[:60]}' holds {_named(kind)}; write it as text, or leave it out"
            )
    return texts


def _named(kind: pa.DataType) -> str:
    return "lists or objects" if pa.types.is_nested(kind) else f"values of the type {str(kind)[:40]}"


def coded_parts(
    path: Path, content: IO[bytes] | Path, limits: Limits, names: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Rows of a file, texts by number, of at most `limits.batch_bytes` of text (and at least one row) at a time.

    Raises `DataError` for a text, or a row of them, that is longer than it may be.
    """
    file = pq.ParquetFile(content, pre_buffer=False, buffer_size=1 << 20)
    texts = text_columns(path, file.schema_arrow, limits)
    coded = pq.ParquetFile(content, pre_buffer=False, buffer_size=1 << 20, read_dictionary=texts)
    first = 1
    for batch in coded.iter_batches(batch_size=_rows_at_a_time(file.metadata), columns=names):
        lengths = np.zeros(len(batch), np.int64)
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in texts:
                lengths += _lengths(path, name, column, first, limits.text_bytes)
        if lengths.max(initial=0) > limits.row_bytes:
            number = first + int((lengths > limits.row_bytes).argmax())
            raise DataError(
                f"{path}: row {number}: its texts are longer than {limits.row_bytes >> 20} MB together; take it out"
            )
        first += len(batch)
        yield from _cut(batch, lengths, limits.batch_bytes)


def _rows_at_a_time(metadata: pq.FileMetaData) -> int:
    """So many that they are read in about `_READ_BYTES`."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    longest = max((one.total_byte_size / max(1, one.num_rows) for one in groups), default=1.0)
    large = sum(one.total_byte_size for one in groups) > _LARGE_BYTES
    return int(min(_FEW_ROWS if large else BATCH_ROWS, max(1, _READ_BYTES / max(1.0, longest))))


def _lengths(path: Path, name: str, column: pa.Array, first: int, most: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many bytes each text of a column has."""
    known = pc.binary_length(column.dictionary if pa.types.is_dictionary(column.type) else column)
    found = known.take(column.indices) if pa.types.is_dictionary(column.type) else known
    lengths = np.asarray(pc.fill_null(found, 0).to_numpy(zero_copy_only=False), np.int64)
    if lengths.max(initial=0) > most:
        raise DataError(
            f"{path}: row {first + int((lengths > most).argmax())}: column '{name[:60]}' holds a text longer than "
            f"{most >> 20} MB; take it out"
        )
    return lengths


def _cut(batch: pa.RecordBatch, lengths: np.ndarray[Any, Any], most: int) -> Iterator[pa.RecordBatch]:
    ends, begin = np.cumsum(lengths), 0
    while begin < len(batch):
        before = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield batch.slice(begin, end - begin)
        begin = end


def check_parquet(path: Path, name: str, limits: Limits, most_bytes: int, most_rows: int) -> None:
    """`DataError` for a file that holds more than is allowed, texts counted as often as they stand in it.

    Parameters
    ----------
    name : str
        How people know the file.
    most_bytes : int
        Of the unpacked file, in which a text that is repeated stands once.
    """
    try:
        metadata = pq.ParquetFile(path).metadata
        unpacked = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        if unpacked > most_bytes or metadata.num_rows > most_rows:
            raise DataError(
                f"{name}: unpacks to more than {most_bytes >> 30} GB or {most_rows:,} rows; split it, "
                "or use `aisle desk load`"
            )
        if not metadata.num_rows:
            raise DataError(f"{name}: the file holds no row")
        texts = text_columns(Path(name), pq.ParquetFile(path).schema_arrow, limits)
        if not texts:
            raise DataError(f"{name}: holds no column of texts")
        for _ in coded_parts(Path(name), path, limits, texts):
            pass
    except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
        raise DataError(f"{name}: cannot be read as Parquet ({one_line(error)[:200]}); get it again") from error
