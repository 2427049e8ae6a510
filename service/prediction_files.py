"""Files of the prediction log: locked while they are written, closed under their final name.

A file is named `predictions-<UTC hour>-<host>-<process>-<number>.jsonl.part` while it is written, and loses
the `.part` when it is closed. Those of processes that are dead (`aisle.catalogue.log_files` says which) are
closed for them, without the half line at their end.
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

from aisle.catalogue.log_files import OPEN, close_whole_lines, dead, give_closed_name, is_at, open_files


def hour_now() -> str:
    """This hour as it stands in the names of files: UTC, `20261121T06`."""
    return datetime.now(UTC).strftime("%Y%m%dT%H")


class PredictionFile:
    """A file being written; `size` counts the bytes of its whole lines."""

    def __init__(self, folder: Path) -> None:
        host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:64] or "host"
        self.hour = hour_now()
        number = time.time_ns() // 1000  # a container that starts again has its host name and process id again
        self.path = folder / f"predictions-{self.hour}-{host}-{os.getpid()}-{number}{OPEN}"
        self.number = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
        self.size = 0
        with contextlib.suppress(OSError):  # file systems without locks: then nobody else can take it either
            fcntl.flock(self.number, fcntl.LOCK_EX)  # waits, should somebody take it for a dead one's just now

    def there(self) -> bool:
        """Whether the file is still the one under its name; what is written to another is gone, or comes too late.

        Where hosts do not see each other's locks, one of them may have taken this file for a dead one's.
        """
        return is_at(self.number, self.path)

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
                if self.size:
                    give_closed_name(self.path)
                else:
                    self.path.unlink()
        finally:
            os.close(self.number)


def close_leftovers(folder: Path) -> int:
    """Close the files that dead processes left in `folder`; returns how many. Living ones' stay.

    Raises `OSError` where the folder cannot be read; a single file that resists is left for later.
    """
    closed = 0
    for path in open_files(folder):
        with contextlib.suppress(OSError), dead(path) as is_dead:
            if is_dead:
                close_whole_lines(path)
                closed += 1
    return closed
