"""A judged window on disk: the page, Evidently's page, the verdict and the alarm's state, all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aisle.audit.alarms.watching import write_state
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.files import clean_leftovers, replacing_folder, write_json, write_text
from monitoring.page import render
from monitoring.plots import draw
from monitoring.report import snapshot_of

if TYPE_CHECKING:
    from monitoring.judging import Judged
    from monitoring.metrics.parts import Snapshot

REPORTS = Path("work/monitoring")
PAGE, EVIDENTLY, VERDICT, ALARM = "index.html", "evidently.html", "verdict.json", "alarm.json"


def write(judged: Judged, catalogue: Path | str, folder: Path | str = REPORTS) -> tuple[Path, Snapshot]:
    """Write all files of a day into `folder`/YYYY-MM-DD, in the place of those of an earlier run."""
    into = Path(folder) / str(judged.verdict.day)
    clean_leftovers(into)
    table = judged.verdict.as_table()
    names = {one.category_id: one.name for one in read_taxonomy(Path(catalogue) / "taxonomy.csv").categories.values()}
    snapshot = snapshot_of(judged)
    with replacing_folder(into) as part:
        write_text(part / PAGE, render(table, draw(judged.pictured), names))
        write_text(part / EVIDENTLY, snapshot.get_html_str(as_iframe=False))
        write_json(part / VERDICT, table)
        if judged.seen.watch is not None:
            write_state(part / ALARM, judged.seen.watch)
    return into, snapshot
