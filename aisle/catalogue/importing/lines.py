"""Text files line by line, plain or gzip: what is wrong with one has its line and byte."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from aisle.errors import DataError

MAX_LINE_BYTES = 16 << 20


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


class Lines(Iterator[str]):
    """The lines of a text file, decoded one by one so that an error has its line and byte."""

    def __init__(self, path: Path, content: IO[bytes], encoding: str) -> None:
        self.path = path
        self.number = 0
        self.bytes = 0
        self._content = content
        self._encoding = encoding

    def __next__(self) -> str:
        with unzipping(self.path, f"after line {self.number}"):
            line = self._content.readline(MAX_LINE_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if self.number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # the byte order mark that some programs write
        try:
            if len(line) > MAX_LINE_BYTES:
                raise DataError(
                    f"{self.path}: line {self.number} is longer than {MAX_LINE_BYTES >> 20} MiB; is it text?"
                )
            text = line.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.path}: line {self.number}: not {self._encoding} text "
                f"(byte {self.bytes + error.start} of the file); "
                "save it as UTF-8, or name its encoding: file: {encoding: cp1252}"
            ) from error
        self.bytes += len(line)
        return text
