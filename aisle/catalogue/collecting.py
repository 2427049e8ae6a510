"""Closed files of the prediction log become shards of a catalogue, each row once, whenever it is interrupted.

A journal in the log folder names sources and shards before the first shard is written, and says
when all of them are: who finds a journal carries it out again. Shards are named after their content,
so that writing one twice changes nothing, and a source leaves its place only when its rows are safe. A
ledger beside the journal keeps the hashes of all sources, so that a copy of one is known whatever its name.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from aisle.catalogue.journal import JOURNAL, LEDGER, Journal, Source, enter, read_journal, read_ledger
from aisle.catalogue.log_files import closed_files, dead, free_name, give_closed_name, open_files
from aisle.catalogue.predictions import LogFile, by_day, read_log
from aisle.catalogue.tables import write_shard
from aisle.errors import DataError, one_line
from aisle.files import holding, sha256_of, sync_folder

COLLECTED = "collected"
GROUP_BYTES = 64 << 20  # of log files that become shards together: bounds the memory
_LEFT_OVER = re.compile(r"\.(\d{4}-\d\d-\d\d-[0-9a-f]{12}\.parquet|\.collect(ing|ed)\.json)\..*\.part")


@dataclass
class Collected:
    """What a collection did, or would do.

    Attributes
    ----------
    rows : Counter of date to int
        Rows a day.
    shards : list of Path
    files : int
        Log files whose rows are in the shards now.
    open_files : int
        Log files that are still being written, as far as can be seen.
    truncated : list of str
        Files whose last line was cut off, and left out.
    refused : list of str
        A line for each file that was left where it is, and why.
    resumed : bool
        Whether an interrupted collection was completed first.
    """

    rows: Counter[dt.date] = field(default_factory=Counter)
    shards: list[Path] = field(default_factory=list)
    files: int = 0
    open_files: int = 0
    truncated: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    resumed: bool = False


def collect(
    logs: Path,
    into: Path,
    *,
    delete: bool = False,
    dry_run: bool = False,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Collected:
    """Turn the closed files of the log folder `logs` into shards below `into`/predictions.

    Parameters
    ----------
    logs : Path
        The folder that services write their prediction log to.
    into : Path
        The catalogue folder.
    delete : bool
        Delete files that are collected; by default they go to `logs`/collected.
    dry_run : bool
        Change nothing, and say what would be done.
    on_bytes : callable
        Is told how many more bytes were read.

    Raises
    ------
    DataError
        Where `logs` is no folder, or another command works in one of the two. A file with a bad
        line is no error: it is left where it is, and named in the result.
    """
    if not logs.is_dir():
        raise DataError(f"{logs}: no such folder; name the one that AISLE_LOG_FOLDER of the service names")
    if into.exists() and not into.is_dir():
        raise DataError(f"{into}: this is a file; --into names a folder")
    with contextlib.ExitStack() as stack:
        stack.enter_context(holding(logs))
        if not dry_run:
            into.mkdir(parents=True, exist_ok=True)
        if into.is_dir() and not into.samefile(logs):
            stack.enter_context(holding(into.resolve()))  # an import would put another folder in its place
        return _Collection(logs, into.resolve(), delete, dry_run, on_bytes).run()


class _Collection:
    """One run of `collect`, while both folders are held."""

    def __init__(self, logs: Path, into: Path, delete: bool, dry_run: bool, on_bytes: Callable[[int], None]) -> None:
        self._logs = logs
        self._into = into
        self._delete = delete
        self._dry_run = dry_run
        self._on_bytes = on_bytes
        self._done = Collected()
        self._known: dict[str, str] = {}  # names of files whose rows are collected, by hash

    def run(self) -> Collected:
        read_ledger(self._logs)  # before anything is done: a damaged one ends it here
        waiting = self._completed()
        self._known |= read_ledger(self._logs)
        if not self._dry_run:
            _clean(self._logs)
            _clean(self._into / "predictions")
        sources = [path for path in self._closed_files() if path.name not in waiting]
        for group in self._groups(sources):
            self._collect(group)
        return self._done

    def _completed(self) -> set[str]:
        """Complete what an earlier run began; in a dry run give the names of the files that it would take."""
        journal = read_journal(self._logs)
        if journal is None:
            return set()
        self._done.resumed = True
        names = {source.name for source in journal.sources}
        if self._dry_run:
            self._known = {source.sha256: source.name for source in journal.sources}
            if not journal.written:
                self._count(journal)
            return names
        with contextlib.ExitStack() as stack:
            if journal.into.is_dir() and journal.into != self._into:
                stack.enter_context(holding(journal.into))
            self._redo(journal)
        return set()

    def _redo(self, journal: Journal) -> None:
        if journal.written:
            self._tidy(journal)
        elif all(_is(self._logs / source.name, source) for source in journal.sources):
            logs = [read_log(self._logs / source.name) for source in journal.sources]
            self._write(journal, pa.concat_tables([log.rows for log in logs]))
            self._tidy(journal)
        else:  # somebody took a file away before its rows were safe: as if it had never begun
            for shard in journal.shards:
                journal.path_of(shard).unlink(missing_ok=True)
            (self._logs / JOURNAL).unlink()
            return
        self._count(journal)

    def _closed_files(self) -> list[Path]:
        """The files that nobody writes any more, by name; those of dead writers are closed first."""
        files = closed_files(self._logs)
        for path in open_files(self._logs):
            with dead(path) as is_dead:
                if not is_dead:
                    self._done.open_files += 1
                elif self._dry_run:
                    files.append(path)
                else:
                    files.append(give_closed_name(path))
        return sorted(files)

    def _groups(self, sources: Sequence[Path]) -> Iterator[list[tuple[Path, LogFile]]]:
        """The files that can be read, as many at a time as memory should hold."""
        group: list[tuple[Path, LogFile]] = []
        for path in sources:
            try:
                log = read_log(path, self._on_bytes)
                self._refuse_twice(path, log)
            except (DataError, OSError) as error:
                self._done.refused.append(one_line(error))
                continue
            if log.truncated:
                self._done.truncated.append(path.name)
            group.append((path, log))
            if sum(one.size for _, one in group) >= GROUP_BYTES:
                yield group
                group = []
        if group:
            yield group

    def _refuse_twice(self, path: Path, log: LogFile) -> None:
        before = self._known.get(log.sha256) if log.size else None
        if before is not None:
            raise DataError(
                f"{path}: holds the same as {before}, whose rows are collected; delete it, or where the catalogue "
                f"has lost these rows, take the line {log.sha256[:12]}… out of {self._logs / LEDGER}"
            )
        self._known[log.sha256] = path.name

    def _collect(self, group: Sequence[tuple[Path, LogFile]]) -> None:
        rows = pa.concat_tables([log.rows for _, log in group])
        sources = [Source(path.name, log.sha256) for path, log in group]
        digest = hashlib.sha256("".join(sorted(source.sha256 for source in sources)).encode()).hexdigest()[:12]
        shards = {f"{day}-{digest}.parquet": len(some) for day, some in by_day(rows).items()}
        journal = Journal(self._into, self._delete, False, sources, shards)
        self._count(journal)
        if not self._dry_run:
            journal.write(self._logs)
            self._write(journal, rows)
            self._tidy(journal)

    def _write(self, journal: Journal, rows: pa.Table) -> None:
        """All shards, then the word that they are there."""
        for (_, some), shard in zip(by_day(rows).items(), journal.shards, strict=True):
            write_shard(some, "predictions", journal.path_of(shard))
        if journal.shards:
            sync_folder(journal.into / "predictions")
        journal.as_written().write(self._logs)

    def _tidy(self, journal: Journal) -> None:
        """Sources come into the ledger and leave the folder, then the journal does.

        A new file that took a source's name stays.
        """
        enter(self._logs, journal.sources)
        for source in journal.sources:
            path = self._logs / source.name
            if not _is(path, source):
                continue
            if journal.delete:
                path.unlink()
            else:
                (self._logs / COLLECTED).mkdir(exist_ok=True)
                path.rename(free_name(self._logs / COLLECTED / path.name))
        (self._logs / JOURNAL).unlink()

    def _count(self, journal: Journal) -> None:
        self._done.files += len(journal.sources)
        for shard, n in journal.shards.items():
            self._done.rows[dt.date.fromisoformat(shard[:10])] += n
            self._done.shards.append(journal.path_of(shard))


def _is(path: Path, source: Source) -> bool:
    return path.is_file() and sha256_of(path) == source.sha256


def _clean(folder: Path) -> None:
    """Take away what killed runs of ours left half-written."""
    for path in folder.glob(".*.part"):
        if _LEFT_OVER.fullmatch(path.name):
            path.unlink(missing_ok=True)
