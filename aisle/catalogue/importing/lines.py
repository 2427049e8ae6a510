"""Text files line by line, plain or gzip: what is wrong with one has its line and byte."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from aisle.errors import DataError

MAX_LINE_BYTES = 16 << 20
Option = Literal["encoding", "quotes", "decimal"]


@dataclass(frozen=True)
class Limits:
    """What a file that somebody sends may hold, so that reading it takes bounded memory; more is refused.

    Attributes
    ----------
    columns : int
        Of JSON lines: names of one batch.
    text_bytes : int
        Of each text of Parquet.
    row_bytes : int
        Of a row as it stands in the file; of Parquet, of its texts.
    batch_bytes : int
        After which a batch ends; one row is the least.
    """

    columns: int
    text_bytes: int
    row_bytes: int
    batch_bytes: int


@contextlib.contextmanager
def unzipping(path: Path, where: str) -> Iterator[None]:
    """Say of a gzip file that is broken where it is; `where` is a place in it."""
    try:
        yield
    except EOFError as error:
        raise DataError(f"{path}: the gzip file ends too early ({where}); it was cut off, get it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({where}); get it again") from error


def unzipped_head(content: IO[bytes], path: Path) -> bytes:
    """The first four bytes of what a gzip file holds."""
    with unzipping(path, "at its beginning"):
        head = content.read(4)
        content.seek(0)
    if not head:
        raise DataError(f"{path}: the file is empty")
    return head


class Misread(DataError):
    """A file that is written in another way than it is read.

    Parameters
    ----------
    what : str
        What is wrong, and where.
    option : "encoding", "quotes" or "decimal"
        What to say otherwise.
    mend : str
        How a mapping says it; who has no mapping says `option` in words of their own.
    """

    def __init__(self, what: str, option: Option, mend: str) -> None:
        super().__init__(f"{what}; {mend}")
        self.what, self.option = what, option


class Lines(Iterator[str]):
    """The lines of a text file, decoded one by one so that an error has its line and byte."""

    def __init__(self, path: Path, content: IO[bytes], encoding: str, limits: Limits | None = None) -> None:
        self.path = path
        self.number = 0
        self.bytes = 0
        self.limits = limits
        self._content = content
        self._encoding = encoding
        self._row = (1, 0)  # the line and the byte where the row begins that is being read

    def begin_row(self) -> None:
        """What comes next is a new row."""
        self._row = (self.number + 1, self.bytes)

    def __next__(self) -> str:
        with unzipping(self.path, f"after line {self.number}"):
            line = self._content.readline(MAX_LINE_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if self.limits is not None and self.bytes + len(line) - self._row[1] > self.limits.row_bytes:
            raise DataError(
                f"{self.path}: line {self._row[0]}: a row of more than {self.limits.row_bytes >> 20} MB; "
                "take it out, or close its quotation marks"
            )
        if self.number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # the byte order mark that some programs write
        try:
            if len(line) > MAX_LINE_BYTES:
                raise DataError(
                    f"{self.path}: line {self.number} is longer than {MAX_LINE_BYTES >> 20} MiB; is it text?"
                )
            text = line.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise Misread(
                f"{self.path}: line {self.number}: not {self._encoding} text "
                f"(byte {self.bytes + error.start} of the file)",
                "encoding",
                "save it as UTF-8, or name its encoding: file: {encoding: cp1252}",
            ) from error
        self.bytes += len(line)
        return text
