"""Closed days go out to the catalogue folder: each once, whole, and with the same bytes whenever it is written again.

A day is planned in the ledger, its shards are made in a hidden folder and moved to their places, products first,
and then the ledger says that they are there, with their hashes. Killed at any moment, the next run goes
on where this one stood. Shards that are not there any more are made again.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from aisle.errors import DataError
from aisle.files import holding, sha256_of, sync_folder
from desk.export.labels import labels
from desk.export.numbering import renumber
from desk.export.plan import Plan, last_closed, plan_days, plan_of
from desk.export.rows import TABLES
from desk.export.waiting import WaitingDay, waiting_days
from desk.ledger.models import Export

if TYPE_CHECKING:
    import pyarrow as pa

_TABLES: dict[str, Callable[[Plan], pa.Table]] = {**TABLES, "labels": labels}  # in the order in which they go out
_STAGE = ".desk-export."


@dataclass
class Exported:
    """What an export did.

    Attributes
    ----------
    into : Path
        The catalogue folder.
    closed : list of date
        Days that were planned and written now; a day on which nothing happened has no shards.
    rows : dict of str to int
        Rows of each shard that was written now, by its name below `into`.
    again : list of str
        Those among them that had been written before and were not there any more.
    blind_only : list of date
        Days among `closed` whose audits with a suggestion are kept out of calibration.
    until : date
        The last day that is closed.
    waiting : list of WaitingDay
        What is not written yet.
    may_early : bool
        Whether today may be closed before it is over.
    """

    into: Path
    until: dt.date
    closed: list[dt.date] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)
    blind_only: list[dt.date] = field(default_factory=list)
    waiting: list[WaitingDay] = field(default_factory=list)
    may_early: bool = False

    def text(self, now: dt.datetime | None = None) -> str:
        """For people: what came into the folder, what waits, and what comes next."""
        moment = now or timezone.now()
        waiting = [f"  {one.text(moment, self.may_early)}" for one in self.waiting]
        waiting = ["Not written yet, for its day is not closed:", *waiting] if waiting else []
        if not self.rows:
            return "\n".join([f"Nothing new: {self.into} holds all closed days, up to {self.until}.", *waiting])
        days = f"{len(self.closed)} {'day' if len(self.closed) == 1 else 'days'}"
        shards = f"{len(self.rows)} {'shard' if len(self.rows) == 1 else 'shards'}"
        lines = [f"Exported into {self.into}: {days} closed up to {self.until}, {shards}"]
        for name in _TABLES:
            lines.append(f"  {name:<11} {sum(rows for one, rows in self.rows.items() if one.startswith(name)):,}")
        if self.again:
            lines.append(f"  {len(self.again)} of the shards were not there any more and were written again")
        if self.blind_only:
            lines.append(
                "  calibration  people agree more where they see the suggestion: of "
                f"{self.blind_only[0]} to {self.blind_only[-1]} only blind audits are for calibration and test"
            )
        return "\n".join([*lines, *waiting, "", "Next: dvc add data && dvc repro"])


def run(
    into: Path | str, upto: dt.date | None = None, now: dt.datetime | None = None, *, early: bool = False
) -> Exported:
    """Write all closed days that are not in `into` yet.

    Parameters
    ----------
    into : Path
        The catalogue folder; it holds the category tree.
    upto : date, optional
        The last day; without it the day before yesterday (UTC), so that its reviews had a day to be answered.
    early : bool
        Close today too, as far as it has come and its answers cannot be taken back any more. What comes later
        today goes out with the next day that is closed.

    Raises
    ------
    DataError
        For a folder without a tree, a day that is not over, a shard that somebody else wrote or changed,
        or where another command works in the folder.
    """
    folder, moment = Path(into).resolve(), now or timezone.now()
    if not (folder / "taxonomy.csv").is_file():
        raise DataError(f"{into}: holds no taxonomy.csv; name the catalogue folder of the desk with --into")
    done = Exported(Path(into), last_closed(upto, moment, early))
    with holding(folder):
        _clean(folder)
        for export in plan_days(done.until, _last_shards(folder), moment):
            done.closed.append(export.day)
            if plan_of(export).blind_only:
                done.blind_only.append(export.day)
        for export in Export.objects.order_by("day"):
            _write(export, folder, done)
    latest = Export.objects.order_by("-day").first()
    done.until = max(done.until, latest.day) if latest else done.until
    done.waiting = waiting_days(moment)
    return done


def _last_shards(folder: Path) -> dict[str, str]:
    from aisle.catalogue.tables import shards_of

    return {name: shards[-1].stem for name in _TABLES if (shards := shards_of(folder, name))}


def _write(export: Export, folder: Path, done: Exported) -> None:
    """Put the shards of a day into the folder, those that are not there."""
    names = _missing(export, folder)
    if not names:
        return
    plan = plan_of(export)
    if export.written_at is None:
        renumber(plan, folder)
    stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=folder))
    try:
        made = _made(plan, names, stage)
        _compare(export, made, folder)
        for name in made:
            (folder / name).parent.mkdir(exist_ok=True)
            os.replace(stage / name, folder / name)  # noqa: PTH105, beside the rest of the protocol
            sync_folder((folder / name).parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    for name, facts in made.items():
        done.rows[name] = facts["rows"]
        if name in export.files:
            done.again.append(name)
    Export.objects.filter(pk=export.pk).update(
        files={**export.files, **made}, written_at=export.written_at or timezone.now()
    )


def _missing(export: Export, folder: Path) -> list[str]:
    """The tables whose shard of this day is not there."""
    if export.written_at is None:
        return list(_TABLES)
    missing = []
    for name, facts in export.files.items():
        path = folder / name
        if not path.exists():
            missing.append(name.split("/")[0])
        elif path.stat().st_size != facts["bytes"]:
            raise DataError(f"{path}: is not what the desk wrote; move it away, and it is written again")
    return missing


def _made(plan: Plan, names: Sequence[str], stage: Path) -> dict[str, dict[str, Any]]:
    """Write the shards that have rows below `stage`; what they are, by name."""
    import pyarrow as pa

    from aisle.catalogue.tables import write_shard

    made: dict[str, dict[str, Any]] = {}
    for table in (one for one in _TABLES if one in names):
        rows = _TABLES[table](plan)
        if not len(rows):
            continue
        name = f"{table}/{plan.name}.parquet"
        write_shard(rows, table, stage / name)
        made[name] = {
            "rows": len(rows),
            "sha256": sha256_of(stage / name),
            "bytes": (stage / name).stat().st_size,
            "pyarrow": pa.__version__,
        }
    return made


def _compare(export: Export, made: dict[str, dict[str, Any]], folder: Path) -> None:
    """Refuse shards that differ from what was written before, or would take the place of another's."""
    for name, facts in made.items():
        before = export.files.get(name)
        if before and before["sha256"] != facts["sha256"] and before["pyarrow"] == facts["pyarrow"]:
            raise DataError(
                f"{folder / name}: the ledger does not give the rows any more that were written on "
                f"{export.written_at:%Y-%m-%d}; was a backup of the database put back? Bring the shard with `dvc pull`"
            )
        if (folder / name).exists() and sha256_of(folder / name) != facts["sha256"]:
            raise DataError(f"{folder / name}: is there already, from somebody else; move it away, then export again")


def _clean(folder: Path) -> None:
    """Take away what killed runs left in the folder."""
    for left in folder.glob(f"{_STAGE}*"):
        shutil.rmtree(left, ignore_errors=True)
