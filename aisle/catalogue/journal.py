"""What a collection of predictions is about to do, written down before it does it, and what was collected ever."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from aisle.errors import DataError
from aisle.files import read_json, write_json

JOURNAL, LEDGER = ".collecting.json", ".collected.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Source(NamedTuple):
    """A log file: its name in the folder, and the hash of its content."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Journal:
    """Sources and the shards that they become.

    Attributes
    ----------
    into : Path
        The catalogue folder.
    delete : bool
        Whether sources are deleted at the end.
    written : bool
        Whether all shards are there.
    sources : list of Source
    shards : dict of str to int
        Rows by the shard's file name, the days in order.
    """

    into: Path
    delete: bool
    written: bool
    sources: list[Source]
    shards: dict[str, int]

    def path_of(self, shard: str) -> Path:
        """Where a shard lies, or will."""
        return self.into / "predictions" / shard

    def as_written(self) -> Journal:
        """The same, with the word that all shards are there."""
        return replace(self, written=True)

    def write(self, logs: Path) -> None:
        """Put it into the log folder, atomically."""
        record: dict[str, Any] = {**asdict(self), "into": str(self.into), "sources": dict(self.sources)}
        write_json(logs / JOURNAL, record)


def read_journal(logs: Path) -> Journal | None:
    """The journal of an interrupted collection; None where there is none."""
    path = logs / JOURNAL
    if not path.exists():
        return None
    found = read_json(path)
    try:
        return Journal(
            into=Path(found["into"]),
            delete=bool(found["delete"]),
            written=bool(found["written"]),
            sources=[Source(name, sha256) for name, sha256 in found["sources"].items()],
            shards={str(name): int(rows) for name, rows in found["shards"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: is no journal of `aisle predictions`; see what it is, and move it away") from error


def read_ledger(logs: Path) -> dict[str, str]:
    """The names of all files that were ever collected from the log folder, by the SHA-256 of their content."""
    path = logs / LEDGER
    if not path.exists():
        return {}
    found = read_json(path)
    if isinstance(found, dict) and all(_SHA256.fullmatch(one) and isinstance(found[one], str) for one in found):
        return found
    raise DataError(f"{path}: is no ledger of `aisle predictions`; see what it is, and move it away")


def enter(logs: Path, sources: Iterable[Source]) -> None:
    """Put sources into the ledger, atomically; those that stand there keep their names."""
    before = read_ledger(logs)
    write_json(logs / LEDGER, {source.sha256: source.name for source in sources} | before)
