"""A judged window on disk: the page, Evidently's page, the verdict and the alarm's state, all or nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.audit.alarms.watching import write_state
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.errors import ConfigurationError
from aisle.files import clean_leftovers, replacing_folder, write_json, write_text
from monitoring.copying import is_rehearsed
from monitoring.page import render
from monitoring.plots import draw
from monitoring.report import page_of, snapshot_of
from monitoring.settled import settled

if TYPE_CHECKING:
    from monitoring.judging import Judged
    from monitoring.metrics.parts import Snapshot

REPORTS = Path("work/monitoring")
REHEARSED = "rehearsed"  # in a verdict of made-up days
PAGE, EVIDENTLY, VERDICT, ALARM = "index.html", "evidently.html", "verdict.json", "alarm.json"


def reports_of(catalogue: Path, asked: Path | None) -> Path:
    """Where reports on a catalogue go: as asked, beside it where its days are rehearsed, else `REPORTS`.

    Raises
    ------
    ConfigurationError
        Where a file stands in the way.
    """
    beside = catalogue.absolute().with_name(f"{catalogue.absolute().name}-reports")
    folder = asked or (_short(beside) if is_rehearsed(catalogue) else REPORTS)
    for one in (folder, *folder.parents):
        if one.exists() and not one.is_dir():
            raise ConfigurationError(f"--reports {folder}: {one} is a file; name a folder")
    return folder


def _short(path: Path) -> Path:
    """The path from where we are, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def write(judged: Judged, catalogue: Path | str, folder: Path | str = REPORTS) -> tuple[Path, Snapshot]:
    """Write all files of a day into `folder`/YYYY-MM-DD, in the place of those of an earlier run."""
    into = Path(folder) / str(judged.verdict.day)
    clean_leftovers(into)
    table = judged.verdict.as_table()
    if is_rehearsed(catalogue):
        table[REHEARSED] = True
    names = {one.category_id: one.name for one in read_taxonomy(Path(catalogue) / "taxonomy.csv").categories.values()}
    snapshot = snapshot_of(judged)
    pictured = dataclasses.replace(judged.pictured, accuracy=settled(judged.seen))
    with replacing_folder(into) as part:
        write_text(part / PAGE, render(table, draw(pictured), names))
        write_text(part / EVIDENTLY, page_of(snapshot, f"Distributions on {judged.verdict.day}"))
        write_json(part / VERDICT, table)
        if judged.seen.watch is not None:
            write_state(part / ALARM, judged.seen.watch)
    return into, snapshot
