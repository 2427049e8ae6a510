"""Files of the prediction log in their folder: what they are called, who still writes one, closing those of the dead.

A file is called `predictions-….jsonl.part` while it is written, with a lock (flock) on it, and loses the
`.part` when it is closed. A `.part` that nobody locks belongs to a process that is gone. The service and
the collector both stand on this module, so it needs nothing but Python itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

CLOSED, OPEN = ".jsonl", ".jsonl.part"
OPENING_SECONDS = 60.0  # an empty file that is younger may not be locked yet by the one who made it
_STEP = 2**16  # bytes read at once


def closed_files(folder: Path) -> list[Path]:
    """The files that are closed, by name."""
    return sorted(folder.glob(f"predictions-*{CLOSED}"))


def open_files(folder: Path) -> list[Path]:
    """The files that are written, or were when their writer died, by name."""
    return sorted(folder.glob(f"predictions-*{OPEN}"))


def is_at(number: int, path: Path) -> bool:
    """Whether the open file `number` is the one that `path` names now."""
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def dead(path: Path) -> Iterator[bool]:
    """Whether the writer of an open file is gone; it cannot come back while the block runs.

    False also where that cannot be found out, as of a file that we may not read.
    """
    with contextlib.ExitStack() as stack:
        try:
            number = _locked(path)
            stack.callback(os.close, number)
            about = os.fstat(number)
            opening = about.st_size == 0 and time.time() - about.st_mtime < OPENING_SECONDS
            is_dead = is_at(number, path) and not opening
        except OSError:  # held, closed by another process since we looked, or not ours to open
            is_dead = False
        yield is_dead


def _locked(path: Path) -> int:
    """`path`, opened and locked; `OSError` where its writer, or somebody else who looks at it, has it."""
    try:
        number, kind = os.open(path, os.O_RDWR), fcntl.LOCK_EX
    except OSError:  # another user's: over NFS an exclusive lock asks for the right to write, and a shared one will do
        number, kind = os.open(path, os.O_RDONLY), fcntl.LOCK_SH
    try:
        fcntl.flock(number, kind | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise
    return number


def give_closed_name(path: Path) -> Path:
    """Rename an open file as one that is closed; returns its new path."""
    closed = free_name(path.with_name(path.name.removesuffix(OPEN) + CLOSED))
    path.rename(closed)
    return closed


def free_name(path: Path) -> Path:
    """`path`, or where that is taken (a writer with the same number came after) one beside it."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name.removesuffix(CLOSED)}_{number}{CLOSED}")
    return free


def close_whole_lines(path: Path) -> None:
    """Close a file for its dead writer, while `dead` holds it: without its half line; an empty one goes."""
    size = _whole_lines(path)
    if size:
        os.truncate(path, size)
        give_closed_name(path)
    else:
        path.unlink()


def _whole_lines(path: Path) -> int:
    """How many bytes of a file are whole lines; reads from the end."""
    with path.open("rb") as content:
        end = content.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - _STEP)
            content.seek(start)
            newline = content.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0
