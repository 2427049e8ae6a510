"""Files that are either wholly there or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aisle.errors import DataError


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it over `path` when the block ends well.

    A reader sees the old content or the new one, never a part; after an error or a kill the
    old content stands. Folders above `path` are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path | str) -> Iterator[Path]:
    """Give an empty folder beside `path`; put it in the place of `path` when the block ends well.

    Where the system can exchange two names in one step (Linux), a kill at any moment leaves the
    old folder or the new one. Elsewhere two renames lie between them, and a kill between the two
    leaves both complete beside `path`. `clean_leftovers` mends and tidies what a kill left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    holder = _hold(temporary)
    try:
        yield temporary
        temporary.chmod(0o755)
        if not path.exists():
            temporary.replace(path)
        elif not _exchange(temporary, path):
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
            path.replace(old / path.name)
            temporary.replace(path)
            shutil.rmtree(old)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if holder is not None:
            os.close(holder)


def clean_leftovers(path: Path | str) -> None:
    """Tidy what killed runs of `replacing_folder(path)` left; what a living one works in stays.

    A folder that was taken away while its successor had not come yet is put back.
    """
    path = Path(path)
    pattern = f".{glob.escape(path.name)}.*"
    for old in sorted(path.parent.glob(f"{pattern}.old")):
        if (old / path.name).exists() and not path.exists():
            (old / path.name).replace(path)
        shutil.rmtree(old, ignore_errors=True)
    for part in sorted(path.parent.glob(f"{pattern}.part")):
        if part.is_dir() and (holder := _hold(part)) is not None:
            shutil.rmtree(part, ignore_errors=True)
            os.close(holder)


def _hold(folder: Path) -> int | None:
    """Lock `folder` for as long as the number given is open; None where another process holds it."""
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        return None
    except OSError:  # a file system without locks: nobody can hold anything
        return number
    return number


@contextlib.contextmanager
def holding(folder: Path | str) -> Iterator[None]:
    """Keep `folder` for this process while the block runs; `DataError` where another one has it."""
    holder = _hold(Path(folder))
    if holder is None:
        raise DataError(f"{folder}: another command is writing it now; wait until that one ends")
    try:
        yield
    finally:
        os.close(holder)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step; False where the system cannot."""
    import ctypes

    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    current_folder, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
    return (
        rename is not None
        and rename(current_folder, os.fsencode(one), current_folder, os.fsencode(other), exchange) == 0
    )


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk: only then is a file that was put there safe from a loss of power."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as readable JSON (sorted as given, no NaN), atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Read a JSON file; `DataError` names the line where it is broken."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start})") from error


def sha256_of_bytes(content: bytes) -> str:
    """The SHA-256 of `content`, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of(path: Path | str) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits; read in pieces."""
    with Path(path).open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
