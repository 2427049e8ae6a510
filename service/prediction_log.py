"""One JSON line a prediction, written beside the requests: a log that fails never stops an answer.

Requests put their columns into a queue; one thread turns them into lines and writes what has come
about ten times a second, whole lines in one write. A file is closed at a new hour, at a size, or at
the end; `service.prediction_files` says what they are called and how they are closed for the dead.

Where a write fails (full disk, lost permission, folder taken away), rows wait in the queue, and a
new file is tried every second; what no longer fits into the queue is counted as lost.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from service.prediction_files import PredictionFile, close_leftovers, hour_now

FIELDS = (
    "product_id",
    "revision",
    "predicted_at",
    "category_id",
    "branch_id",
    "confidence",
    "threshold",
    "decision",
    "audit_probability",
    "audit_drawn",
    "blind",
    "model_version",
    "policy_id",
    "bento_tag",
)
WRITE_SECONDS = 0.1
RETRY_SECONDS = 1.0
MOST_QUEUED = 50_000  # rows, some 30 MB
MOST_QUEUED_WITH_PRODUCTS = 5_000  # rows of up to 25 kB
_ENCODER = msgspec.json.Encoder()  # used by one thread
_ROW = msgspec.defstruct("_Row", FIELDS, gc=False)
_ROW_WITH_PRODUCT = msgspec.defstruct("_RowWithProduct", (*FIELDS, "product"), gc=False)
_log = logging.getLogger("aisle.prediction_log")


def now_text() -> str:
    """This moment as the log writes it: UTC, microseconds, `2026-11-21T06:44:01.000000Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class _Batch(NamedTuple):
    rows: int
    columns: Mapping[str, object]
    products: Sequence[Any] | None


def _lines(batch: _Batch) -> bytes:
    """The batch as JSON lines; a column that is no list is one value for all rows."""
    names, row = (FIELDS, _ROW) if batch.products is None else ((*FIELDS, "product"), _ROW_WITH_PRODUCT)
    given = {**batch.columns, "product": batch.products}
    columns = [
        given[name] if isinstance(given.get(name), (list, tuple)) else itertools.repeat(given.get(name), batch.rows)
        for name in names
    ]
    return _ENCODER.encode_lines([row(*values) for values in zip(*columns, strict=True)])


class PredictionLog:
    """Writes predictions into files of `folder`, off the request's path.

    Parameters
    ----------
    folder : Path
        Made when it is not there, also later. Nothing is raised when that fails: see `state`.
    rotate_bytes : int
        Size at which a file is closed and the next begun; a line is never cut.
    with_products : bool
        Whether lines hold what was sent of the product, texts included.
    """

    def __init__(self, folder: Path, rotate_bytes: int, with_products: bool = False) -> None:
        self._folder, self._rotate_bytes, self._with_products = Path(folder).absolute(), rotate_bytes, with_products
        self._most_queued = MOST_QUEUED_WITH_PRODUCTS if with_products else MOST_QUEUED
        self._lock = threading.Lock()
        self._queue: deque[_Batch] = deque()
        self._queued = self._lost = self._written = 0  # rows
        self._since: str | None = None  # when it began to fail
        self._pending = memoryview(b"")  # lines that are made and not written
        self._file: PredictionFile | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, columns: Mapping[str, object], products: Sequence[Any] | None = None) -> None:
        """Have n rows written; returns at once, whatever state the disk is in.

        `columns` holds a list of n plain values, or one value for all rows, by name of `FIELDS`;
        `product_id` must be a list, what is missing is null, and `predicted_at` is now. `products`
        are n values that JSON can hold, kept only when the log is to hold them.
        """
        rows = len(columns["product_id"])  # type: ignore[arg-type]
        batch = _Batch(rows, {"predicted_at": now_text(), **columns}, products if self._with_products else None)
        with self._lock:
            if self._queued + rows > self._most_queued or self._stop.is_set():
                self._lost += rows
            else:
                self._queued += rows
                self._queue.append(batch)

    def state(self) -> dict[str, Any]:
        """Whether writing fails now and since when, and how many rows were written, wait, or are lost."""
        with self._lock:
            return {
                "failing": self._since is not None,
                "since": self._since,
                "lost": self._lost,
                "written": self._written,
                "queued": self._queued,
            }

    def close(self, timeout: float) -> None:
        """Write what waits and close the file; after `timeout` seconds what still waits is lost."""
        self._stop.set()
        self._thread.join(timeout)
        with self._lock:
            left, self._queued = self._queued, 0
            self._lost += left
        if left:
            _log.error("%s: %d predictions could not be written before the end, and are lost", self._folder, left)

    def _run(self) -> None:
        self._attempt(self._prepare)
        while not self._stop.wait(WRITE_SECONDS if self._since is None else RETRY_SECONDS):
            self._attempt(self._write)
        self._attempt(self._write)
        self._attempt(self._close_file)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Do `step`; where it fails, say so once, and leave the rest to the next time."""
        try:
            step()
        except Exception as error:
            with contextlib.suppress(OSError):
                self._close_file()
            if self._since is None:
                self._since = now_text()
                number = error.errno if isinstance(error, OSError) else None
                reason = os.strerror(number) if number else type(error).__name__
                _log.error("%s: predictions cannot be logged (%s); the service goes on", self._folder, reason)

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "no permission to write", str(self._folder))
        close_leftovers(self._folder)

    def _write(self) -> None:
        if self._since is not None:
            self._prepare()
        while self._take():
            self._append()
        if self._file is not None and self._file.hour != hour_now():
            self._close_file()
        if self._since is not None:
            _log.warning("%s: predictions are logged again; %d were lost", self._folder, self._lost)
            self._since = None

    def _take(self) -> bool:
        """Make lines of all that waits; False when nothing does."""
        if not self._pending:
            with self._lock:
                batches = list(self._queue)
                self._queue.clear()
            self._pending = memoryview(b"".join(map(self._lines_or_lost, batches)))
        return bool(self._pending)

    def _lines_or_lost(self, batch: _Batch) -> bytes:
        try:
            return _lines(batch)
        except Exception as error:
            with self._lock:
                self._lost += batch.rows
                self._queued -= batch.rows
            _log.error("%d predictions cannot be put into lines (%s), and are lost", batch.rows, type(error).__name__)
            return b""

    def _append(self) -> None:
        """Write of the pending lines what fits into the current file, beginning another one where due."""
        file = self._file
        if file is not None and (file.size >= self._rotate_bytes or file.hour != hour_now() or not file.there()):
            self._close_file()
        if self._file is None:
            self._file = PredictionFile(self._folder)
        piece = self._pending
        room = max(self._rotate_bytes - self._file.size, 0)
        if len(piece) > room:
            cut = bytes(piece[:room]).rfind(b"\n") + 1
            if not cut and self._file.size:
                self._close_file()
                return
            piece = piece[: cut or bytes(piece).find(b"\n") + 1]
        whole = self._file.append(piece)
        rows = bytes(piece[:whole]).count(b"\n")
        self._pending = self._pending[whole:]
        with self._lock:
            self._written += rows
            self._queued -= rows
        if whole < len(piece):
            raise OSError(errno.ENOSPC, "not everything could be written", str(self._file.path))

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
