"""Files that come through the browser: kept, checked as a whole, then stored, without haste, by the worker."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from aisle.catalogue.importing.lines import Misread, Option
from aisle.catalogue.importing.mapping import ImportMapping
from aisle.catalogue.importing.parquet import check_parquet
from aisle.errors import AisleError, DataError, one_line
from desk.inbox.columns import LIMITS, guessed_options, mapping_of
from desk.inbox.files import Loaded, checking, loading
from desk.inbox.models import Upload, UploadState
from desk.people.models import Person

MOST_BYTES = 200 * 2**20  # of a file as it is sent …
MOST_UNPACKED = 2**30  # … and of what is in it
MOST_ROWS = 10_000_000  # of Parquet, whose rows can take no bytes
ABANDONED_AFTER = timedelta(days=1)  # a file whose columns nobody names
_LOOK_EVERY = 600.0  # seconds between two looks for such files
_PIECE = 1 << 20
_RUNNING = (UploadState.CHECKING, UploadState.STORING)
_ENDED = (UploadState.DONE, UploadState.FAILED)
_ENDINGS = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet",
}  # fmt: skip
_WHAT = "send CSV, JSON lines or Parquet, plain or as .gz"
_CHOICES: dict[Option, str] = {
    "encoding": "another encoding; files of Windows programs have cp1252",
    "quotes": "that quotation marks mean nothing",
    "decimal": "how the decimals of the price are written",
}
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet (.xlsx, .ods); save the sheet as CSV, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet of an old kind (.xls); save the sheet as CSV"),
    (b"%PDF", f"a PDF; {_WHAT}"),
    (b"BZh", f"packed with bzip2; {_WHAT}"),
    (b"\xfd7zXZ\x00", f"packed with xz; {_WHAT}"),
    (b"\x28\xb5\x2f\xfd", f"packed with zstd; {_WHAT}"),
    (b"7z\xbc\xaf", f"a 7-zip archive; {_WHAT}"),
    (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
)


def folder() -> Path:
    """Where files lie until they are stored."""
    path: Path = settings.CONFIGURATION.folder / "uploads"
    return path


def path_of(upload: Upload) -> Path:
    """Where a file lies; the name that its sender gave it is never a path."""
    return folder() / f"{upload.pk}.{upload.kind}"


def keep(name: str, pieces: Iterable[bytes], person: Person) -> Upload:
    """Keep a file that is sent, unpacked; `DataError` for one that is too large or of no kind that can be read."""
    name = Path(name.replace("\\", "/")).name[-200:] or "file"
    upload = Upload(name=name, kind="part", bytes=0, person=person, created_at=timezone.now())
    folder().mkdir(parents=True, exist_ok=True)
    path = path_of(upload)
    try:
        with path.open("wb") as file:
            upload.bytes = _copy(name, pieces, file)
        upload.kind = _kind(name, path)
        path = path.replace(path_of(upload))
        if upload.kind == "parquet":
            check_parquet(path, name, LIMITS, MOST_UNPACKED, MOST_ROWS)
        upload.mapping = guessed_options(upload.kind, path)
        upload.save()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return upload


def _copy(name: str, pieces: Iterable[bytes], file: IO[bytes]) -> int:
    """Write what is sent, unpacked where it is gzip; how many bytes it is then."""
    sent = size = 0
    unpacking = None
    for piece in pieces:
        if not sent and piece[:2] == b"\x1f\x8b":
            unpacking = zlib.decompressobj(wbits=31)
        sent += len(piece)
        if sent > MOST_BYTES:
            raise DataError(f"{name}: larger than {MOST_BYTES >> 20} MB; split it, or use `aisle desk load`")
        for part in [piece] if unpacking is None else _unpacked(name, unpacking, piece):
            size += len(part)
            if size > MOST_UNPACKED:
                raise DataError(
                    f"{name}: unpacks to more than {MOST_UNPACKED >> 30} GB; split it, or use `aisle desk load`"
                )
            file.write(part)
    if not sent:
        raise DataError(f"{name}: the file is empty")
    if unpacking is not None:
        size += file.write(unpacking.flush())
        if not unpacking.eof:
            raise DataError(f"{name}: the gzip file ends too early; it was cut off, get it again")
    return size


def _unpacked(name: str, unpacking: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """What a piece of a gzip file holds, a little at a time, however much that is."""
    more = piece if unpacking.eof else b""
    try:
        while piece and not unpacking.eof:
            yield unpacking.decompress(piece, _PIECE)
            piece = unpacking.unconsumed_tail
    except zlib.error as error:
        raise DataError(f"{name}: damaged gzip file; get it again") from error
    if (more or unpacking.unused_data).strip(b"\0"):
        raise DataError(f"{name}: holds more than one gzip file; send it unpacked")


def _kind(name: str, path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if not head:
        raise DataError(f"{name}: the file is empty")
    if head.startswith(b"PAR1"):
        return "parquet"
    for beginning, what in _OTHERS:
        if head.startswith(beginning):
            raise DataError(f"{name}: is {what}")
    if head.startswith(b"\x1f\x8b"):
        raise DataError(f"{name}: is packed twice; {_WHAT}")
    if b"\0" in head:
        raise DataError(f"{name}: is no text; {_WHAT}")
    ending = Path(name.lower().removesuffix(".gz")).suffix
    kind = _ENDINGS.get(ending, "")
    if kind == "parquet":
        raise DataError(f"{name}: is no Parquet file, whatever its name says; get it again")
    if not kind:
        kind = "jsonl" if head.lstrip().startswith(b"{") else "csv"
    return kind


def said(upload: Upload, error: BaseException) -> str:
    """What is wrong with a file, by the name that people know it by, and what to choose on its page."""
    text = one_line(error)
    if isinstance(error, Misread):
        first = "" if upload.state == UploadState.CHOSEN else "send the file again, and there "
        text = f"{error.what}. Mend the file, or {first}choose {_CHOICES[error.option]}."
    return text.replace(str(path_of(upload)), upload.name)[:1000]


def forget_abandoned() -> int:
    """Delete files whose columns nobody has named for a day, and what is left of sendings that broke off; how many."""
    before = timezone.now() - ABANDONED_AFTER
    deleted = 0
    for upload in Upload.objects.filter(state=UploadState.CHOSEN, created_at__lt=before):
        # Somebody may name the columns in this moment: then it is theirs.
        if Upload.objects.filter(pk=upload.pk, state=UploadState.CHOSEN).delete()[0]:
            path_of(upload).unlink(missing_ok=True)
            deleted += 1
    for path in folder().glob("*") if folder().is_dir() else ():
        try:
            old = path.stat().st_mtime < before.timestamp()
            if old and not Upload.objects.filter(pk=path.stem).exclude(state__in=_ENDED).exists():
                path.unlink(missing_ok=True)
                deleted += 1
        except (OSError, ValidationError):
            continue
    return deleted


@dataclass
class _Run:
    """The file that is being worked on."""

    upload: Upload
    steps: Iterator[None]


class Storing:
    """Stores uploaded files, a batch a step; forgets nothing that matters, so that it may end at any moment."""

    def __init__(self) -> None:
        self._run: _Run | None = None
        self._looked = float("-inf")

    def forget(self) -> None:
        """Begin the present file again: what is stored of it is known."""
        self._run = None

    def step(self) -> bool:
        """Do a little; whether there was anything to do."""
        if time.monotonic() - self._looked >= _LOOK_EVERY:
            self._looked = time.monotonic()
            forget_abandoned()
        if self._run is None:
            upload = Upload.objects.filter(state__in=_RUNNING).order_by("created_at").first()
            if upload is None:
                return False
            self._run = _Run(upload, _steps(upload))
        try:
            next(self._run.steps)
        except StopIteration:
            self._run = None
        except (AisleError, OSError) as error:
            upload, self._run = self._run.upload, None
            upload.problem = said(upload, error)
            _end(upload, UploadState.FAILED)
        return True


def _steps(upload: Upload) -> Iterator[None]:
    """Check the whole file, then store it; after each batch the row says how far it is."""
    path = path_of(upload)
    if not path.exists():
        raise DataError(f"{upload.name}: is no longer here; send it again")
    mapping = mapping_of(upload)
    if upload.state == UploadState.CHECKING:
        yield from _pass(upload, path, mapping, check=True)
        upload.state = UploadState.STORING
        upload.save(update_fields=["state"])
    yield from _pass(upload, path, mapping, check=False)
    _end(upload, UploadState.DONE)


def _pass(upload: Upload, path: Path, mapping: ImportMapping, *, check: bool) -> Iterator[None]:
    upload.read = 0

    def advance(more: int) -> None:
        upload.read += more

    loaded: Loaded
    for loaded in (checking if check else loading)(path, mapping, advance, LIMITS):
        if not check:
            upload.counts, upload.refused = dict(loaded.counts), loaded.refused
        upload.save(update_fields=["read", "counts", "refused"])
        yield


def _end(upload: Upload, state: UploadState) -> None:
    upload.state, upload.finished_at = state, timezone.now()
    upload.save()
    path_of(upload).unlink(missing_ok=True)
