"""Files of the prediction log: locked while they are written, closed under their final name.

A file is named `predictions-<UTC hour>-<host>-<process>-<number>.jsonl.part` while it is written, with
a lock (flock) on it, and loses the `.part` when it is closed. A `.part` that nobody locks belongs to a
process that is dead: what it wrote of a last, half line is cut off, and the file is closed for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

OPENING_SECONDS = 60.0  # an empty file that is younger may not be locked yet by the one who made it
_PART = ".part"


def hour_now() -> str:
    """This hour as it stands in the names of files: UTC, `20261121T06`."""
    return datetime.now(UTC).strftime("%Y%m%dT%H")


class PredictionFile:
    """A file being written; `size` counts the bytes of its whole lines."""

    def __init__(self, folder: Path) -> None:
        host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:64] or "host"
        self.hour = hour_now()
        number = time.time_ns() // 1000  # a container that starts again has its host name and process id again
        self.path = folder / f"predictions-{self.hour}-{host}-{os.getpid()}-{number}.jsonl{_PART}"
        self.number = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
        self.size = 0
        with contextlib.suppress(OSError):  # file systems without locks: then nobody else can take it either
            fcntl.flock(self.number, fcntl.LOCK_EX)  # waits, should somebody take it for a dead one's just now

    def there(self) -> bool:
        """Whether the file still has a name; what is written to one without is gone."""
        return os.fstat(self.number).st_nlink > 0

    def append(self, lines: memoryview) -> int:
        """Write whole lines; return the bytes of those that fitted. Nothing of a half line stays."""
        written = os.write(self.number, lines)
        whole = written if written == len(lines) else bytes(lines[:written]).rfind(b"\n") + 1
        if whole != written:
            os.ftruncate(self.number, self.size + whole)
        self.size += whole
        return whole

    def close(self) -> None:
        """Give the file its final name, or take it away when it is empty; errors leave a `.part` without a lock."""
        try:
            if self.there():
                os.ftruncate(self.number, self.size)
                os.fsync(self.number)
                _close_name(self.path, self.size)
        finally:
            os.close(self.number)


def _close_name(path: Path, size: int) -> None:
    if size:
        path.rename(path.with_name(path.name.removesuffix(_PART)))
    else:
        path.unlink()


def close_leftovers(folder: Path) -> int:
    """Close the files that dead processes left in `folder`; returns how many. Living ones' stay.

    Raises `OSError` where the folder cannot be read; a single file that resists is left for later.
    """
    closed = 0
    for path in sorted(folder.glob(f"predictions-*.jsonl{_PART}")):
        with contextlib.suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            about = os.fstat(file.fileno())
            opening = not about.st_size and time.time() - about.st_mtime < OPENING_SECONDS
            if os.path.samestat(about, path.stat()) and not opening:
                size = _whole_lines(file.fileno())
                file.truncate(size)
                _close_name(path, size)
                closed += 1
    return closed


def _whole_lines(number: int, step: int = 2**16) -> int:
    """How many bytes of an open file are whole lines; reads from the end."""
    end = os.fstat(number).st_size
    while end > 0:
        start = max(0, end - step)
        newline = os.pread(number, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
