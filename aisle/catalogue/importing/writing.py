"""The import itself: all files into one folder, put in place in one step."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aisle.catalogue.importing.intake import Intake
from aisle.catalogue.importing.mapping import ImportMapping
from aisle.catalogue.tables import SCHEMAS, shards_of
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy, write_taxonomy
from aisle.errors import ConfigurationError, DataError
from aisle.files import clean_leftovers, holding, replacing_folder

Mode = Literal["new", "append", "replace"]
_OURS = {"taxonomy.csv", "draws", *SCHEMAS}


@dataclass(frozen=True)
class ImportSummary:
    """What an import did.

    Attributes
    ----------
    shard : str or None
        The name of the new shards; None where nothing was new and the folder is as it was.
    rows, new, revised, unchanged : int
        Rows with a title, and what became of their products.
    labels : int
        Labels written.
    categories, leaves, branches, new_categories : int
        Of the whole tree.
    sellers : int
        Distinct ones among the rows.
    splits : dict of str to int
        Rows an official split; empty without.
    warnings : tuple of str
    """

    shard: str | None
    rows: int
    new: int
    revised: int
    unchanged: int
    labels: int
    categories: int
    leaves: int
    branches: int
    new_categories: int
    sellers: int
    splits: dict[str, int]
    warnings: tuple[str, ...]


class _NothingNew(Exception):
    """Leaves the block that would put the new folder in place."""


def import_files(
    mapping: ImportMapping,
    files: Sequence[Path],
    into: Path,
    *,
    mode: Mode = "new",
    day: dt.date | None = None,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> ImportSummary:
    """Import `files` into the catalogue folder `into`: wholly, or not at all.

    Parameters
    ----------
    mapping : ImportMapping
    files : sequence of Path
        Read in this order, which is the order of arrival.
    into : Path
        The catalogue folder. The new content is prepared beside it and takes its place at the end.
    mode : str
        `new` wants no catalogue there, `append` adds a shard to it, `replace` takes its place.
    day : date, optional
        The day that the shard's name begins with; today in UTC by default.
    on_bytes : callable
        Is told how many more bytes of the files were read.

    Raises
    ------
    ConfigurationError, DataError
        One line that says what is wrong and where. `into` is then as it was before.
    """
    roles = _check_files(mapping, files)
    if mapping.category is None and mode != "append":
        raise ConfigurationError(f"{mapping.source}: category is missing; a new catalogue needs labels to learn from")
    target = into.resolve()  # a link to a folder elsewhere stays a link
    clean_leftovers(target)
    with contextlib.ExitStack() as stack:
        if target.is_dir():
            stack.enter_context(holding(target))
        _check_target(into, mode)
        base = read_taxonomy(target / "taxonomy.csv") if mode == "append" else None
        shard = shard_name(target if mode == "append" else None, day or dt.datetime.now(dt.UTC).date())
        try:
            with replacing_folder(target) as staging:
                if base is not None:
                    _carry_over(target, staging)
                summary = _fill(staging, mapping, list(zip(files, roles, strict=True)), base, shard, on_bytes)
                if summary.shard is None and base is not None:
                    raise _NothingNew
        except _NothingNew:
            pass
    return summary


def _fill(
    staging: Path,
    mapping: ImportMapping,
    files: Sequence[tuple[Path, str | None]],
    base: Taxonomy | None,
    shard: str,
    on_bytes: Callable[[int], None],
) -> ImportSummary:
    with Intake(staging, mapping, base, shard) as intake:
        for path, role in files:
            intake.read(path, role, on_bytes)
        result = intake.finish()
    taxonomy = result.taxonomy
    changed = base is None or taxonomy.categories != base.categories
    if changed:
        write_taxonomy(taxonomy, staging / "taxonomy.csv")
    counts = intake.counts
    something = counts["new"] or counts["revised"] or result.labels or changed
    return ImportSummary(
        shard=shard if something else None,
        rows=counts["rows"],
        new=counts["new"],
        revised=counts["revised"],
        unchanged=counts["unchanged"],
        labels=result.labels,
        categories=len(taxonomy),
        leaves=len(taxonomy.leaves),
        branches=len(taxonomy.branches),
        new_categories=len(taxonomy) - len(base or ()),
        sellers=len(intake.sellers),
        splits=dict(intake.splits),
        warnings=result.warnings,
    )


def _check_files(mapping: ImportMapping, files: Sequence[Path]) -> list[str | None]:
    """The official role of each file; `DataError` for one that is not there or given twice."""
    seen: dict[tuple[int, int], Path] = {}
    for path in files:
        if path.is_dir():
            raise DataError(f"{path}: this is a folder; name the files in it")
        if not path.exists():
            raise DataError(f"{path}: no such file; check the path")
        status = path.stat()
        place = (status.st_dev, status.st_ino)
        if place in seen:
            first = seen[place]
            raise DataError(f"{path}: the same file is given twice" + (f" (as {first})" if first != path else ""))
        seen[place] = path
    return [mapping.role_of(path) for path in files]


def _check_target(into: Path, mode: Mode) -> None:
    """`DataError` where `mode` does not fit what lies in the folder."""
    if into.exists() and not into.is_dir():
        raise DataError(f"{into}: this is a file; --into names a folder")
    content = {one.name for one in into.iterdir()} if into.exists() else set()
    holds_catalogue = "taxonomy.csv" in content and bool(shards_of(into, "products"))
    if mode == "append":
        if not holds_catalogue:
            raise DataError(
                f"{into}: holds no catalogue to append to; get it with `dvc pull`, or leave out --append to make one"
            )
        return
    foreign = sorted(content - _OURS)
    if foreign:
        raise DataError(
            f"{into}: holds '{foreign[0]}', which is no part of a catalogue and would be lost; "
            "choose a folder of its own for the catalogue, or move it away"
        )
    if content and mode == "new":
        raise DataError(
            f"{into}: holds a catalogue already; "
            "add --append to add to it, or --replace to put the new one in its place"
        )


def shard_name(folder: Path | None, day: dt.date) -> str:
    """A name for new shards of `folder` that sorts after all that are there, so that the order of arrival stands.

    `2024-05-01-import`, and where that day has shards already the next of `2024-05-01-import_02`, …
    that sorts after them. `DataError` where a later day has shards.
    """
    there = [] if folder is None else [path for table in ("products", "labels") for path in shards_of(folder, table)]
    last_file = max((path.name for path in there), default="")
    last_stem = max((path.stem for path in there), default="")
    for name in _names(day):
        if name > last_stem and f"{name}.parquet" > last_file:
            return name
    raise DataError(
        f"{folder}: its last shard is {last_file}, and shards arrive in the order of their names; "
        f"a shard of {day} would come before it: give a later day, --day YYYY-MM-DD"
    )


def _names(day: dt.date) -> Iterator[str]:
    # "_" sorts after "." and "-", so with or without ending these come in this order, and the second
    # kind comes after every shard of the day whose name goes on with "-" or ends there.
    for kind in (f"{day}-import", f"{day}_import"):
        yield kind
        yield from (f"{kind}_{number:02}" for number in range(2, 100))


def _carry_over(source: Path, target: Path) -> None:
    """Everything in `source` stands in `target` too, without a copy where the system can (hard links)."""
    for folder, _, names in os.walk(source, followlinks=True):
        there = target / Path(folder).relative_to(source)
        there.mkdir(exist_ok=True)
        for name in names:
            _link(Path(folder) / name, there / name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another kind of file system: a copy
        shutil.copy2(source, target, follow_symlinks=False)
