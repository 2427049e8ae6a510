"""What is finished of a file, kept beside the output until all of it is."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from aisle.errors import DataError
from aisle.files import holding, replacing, write_json

_FINGERPRINT = "fingerprint.json"
OUTPUT = pa.schema(
    [
        pa.field("product_id", pa.string()),
        pa.field("revision", pa.int32()),
        pa.field("category_id", pa.string()),
        pa.field("branch_id", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("branch_confidence", pa.float64()),
        pa.field("decision", pa.string()),
        pa.field("threshold", pa.float64()),
        pa.field("decided_id", pa.string()),
        pa.field("start_branch_id", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("model_version", pa.string()),
        pa.field("policy_id", pa.string()),
        pa.field("bento_tag", pa.string()),
        pa.field("error", pa.string()),
    ]
)


class Parts:
    """The finished parts of one output, in the hidden folder `.OUT.parts` beside it.

    Use `open_parts`, which holds the folder for this process.

    Attributes
    ----------
    changed : list of str
        What is not as it was when parts were made that lay there; these are gone.
    """

    def __init__(self, output: Path, fingerprint: Mapping[str, Any]) -> None:
        self.folder = folder_of(output)
        self.changed: list[str] = []
        self._prepare(dict(fingerprint))

    def _prepare(self, fingerprint: dict[str, Any]) -> None:
        path = self.folder / _FINGERPRINT
        before = _read(path)
        if before == fingerprint:
            return
        if any(self.folder.glob("*.parquet")):
            names = [name for name in fingerprint if before.get(name) != fingerprint[name]]
            self.changed = names or ["what was kept"]
        for old in self.folder.iterdir():  # before the new fingerprint is there: old parts must never pass for new
            if old.name != _FINGERPRINT:
                old.unlink()
        write_json(path, fingerprint)

    def path(self, number: int) -> Path:
        """Where a part lies, or will."""
        return self.folder / f"{number:07}.parquet"

    def has(self, number: int, rows: int) -> bool:
        """Whether a part is there, whole, with so many rows."""
        path = self.path(number)
        try:
            return path.exists() and int(pq.read_metadata(path).num_rows) == rows
        except (pa.ArrowException, OSError):
            return False

    def write(self, number: int, rows: Mapping[str, list[Any]]) -> None:
        """Keep a part: all columns of OUTPUT."""
        table = pa.table({field.name: pa.array(rows[field.name], field.type) for field in OUTPUT}, schema=OUTPUT)
        with replacing(self.path(number)) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def read(self, count: int) -> Iterator[pa.Table]:
        """The first `count` parts, one by one."""
        for number in range(count):
            try:
                yield pq.ParquetFile(self.path(number)).read()
            except (pa.ArrowException, OSError) as error:
                raise DataError(
                    f"{self.path(number)}: cannot be read; delete it and run the same command again"
                ) from error

    def remove(self) -> None:
        """Take the folder away; its work is done."""
        shutil.rmtree(self.folder)


def folder_of(output: Path) -> Path:
    """The folder of the parts of `output`."""
    return output.parent / f".{output.name}.parts"


@contextlib.contextmanager
def open_parts(output: Path, fingerprint: Mapping[str, Any]) -> Iterator[Parts]:
    """The parts of `output` as far as `fingerprint` is still true of them; one process at a time has them."""
    folder = folder_of(output)
    folder.mkdir(parents=True, exist_ok=True)
    with holding(folder):
        yield Parts(output, fingerprint)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
