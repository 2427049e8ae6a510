"""Where a rehearsal may be written, and the copy of a catalogue that it begins with."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from aisle.errors import DataError
from aisle.files import replacing_folder, write_text

MARK = "REHEARSED"
_MARK_TEXT = """\
Days of this catalogue are made up (`aisle rehearse`): `aisle monitor` tells no desk of them, and keeps reports apart.
"""


def copy_catalogue(source: Path | str, into: Path | str) -> Path:
    """A copy of a catalogue to rehearse in; `DataError` where there is none, or something stands there already."""
    from aisle.catalogue.tables import require_catalogue

    source, into = require_catalogue(source), Path(into)
    check_place(source, into, replace=False)
    with replacing_folder(into) as part:
        fill(source, part)
    return into


def check_place(source: Path, into: Path, *, replace: bool) -> None:
    """`DataError` where a rehearsal must not be written.

    That is in a folder that DVC tracks, over or inside the catalogue, or over anything but an earlier rehearsal.
    """
    refuse_tracked(into)
    one, other = source.resolve(), into.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise DataError(f"{into}: is {source} itself, or one lies in the other; name another folder")
    if not into.exists():
        return
    if not into.is_dir():
        raise DataError(f"{into}: is a file; name a folder")
    if any(into.iterdir()) and not (replace and truth_of(into).is_file() and (into / "taxonomy.csv").is_file()):
        hint = "add --replace, or name another folder" if truth_of(into).is_file() else "name another folder"
        raise DataError(f"{into}: is not empty, and a rehearsal wants a folder of its own; {hint}")


def mark(folder: Path) -> None:
    """Say in the folder itself that days of it are made up."""
    write_text(folder / MARK, _MARK_TEXT)


@contextlib.contextmanager
def marked(folder: Path) -> Iterator[None]:
    """Mark a catalogue before its first made-up row; where the block fails and has added none, take the mark off."""
    before = None if is_rehearsed(folder) else sorted(folder.glob("products/*.parquet"))
    mark(folder)
    try:
        yield
    except BaseException:
        if before is not None and before == sorted(folder.glob("products/*.parquet")):
            (folder / MARK).unlink(missing_ok=True)
        raise


def is_rehearsed(folder: Path | str) -> bool:
    """Whether days of a catalogue are made up."""
    return (Path(folder) / MARK).exists()


def truth_of(folder: Path) -> Path:
    """Where the truth of a rehearsal lies: beside its folder."""
    return folder.with_name(f"{folder.name}-truth.parquet")


def fill(source: Path, part: Path) -> None:
    """Copy a catalogue's tree and tables into an empty folder."""
    shutil.copy(source / "taxonomy.csv", part)
    if is_rehearsed(source):
        mark(part)
    for table in ("products", "predictions", "labels", "draws"):
        if (source / table).is_dir():
            shutil.copytree(source / table, part / table, ignore=lambda _, names: [n for n in names if n[0] == "."])


def refuse_tracked(folder: Path) -> None:
    """`DataError` for a folder that DVC tracks: made-up days do not belong into a data version."""
    for one in {*_with_parents(folder.absolute()), *_with_parents(folder.resolve())}:
        if (one.parent / f"{one.name}.dvc").is_file():
            raise DataError(
                f"{folder}: DVC tracks {one.name}, and made-up days must not get into it; name another folder"
            )


def _with_parents(folder: Path) -> list[Path]:
    return [folder, *folder.parents]
