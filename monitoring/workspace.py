"""The Evidently workspace: one snapshot a day, and the panels that show their history (`make dashboard`).

Evidently sets the days that it has side by side, however far apart they are, and joins them by rounded lines. So days
between two that were judged get a snapshot without figures: they keep their place, and no line is drawn over them.
What follows one another in numbers that stand alone is shown as bars; the rounding itself cannot be turned off.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.files import read_json, write_text

if TYPE_CHECKING:
    from monitoring.metrics.parts import Snapshot

WORKSPACE = Path("work/monitoring/workspace")
PROJECT = "Aisle"
DESCRIPTION = "Accuracy, shifts and the loop, day by day"
_NAMES = uuid.UUID("6f0f6f3e-6f0d-5c0b-9f1c-a15e00000006")  # of project and snapshots: the same day is the same file
_MOST_DAYS = 366  # between two days that were judged
NOT_JUDGED = "not judged"


def add_snapshot(snapshot: Snapshot, day: dt.date, folder: Path | str = WORKSPACE) -> Path:
    """Put the snapshot of a day into the workspace, in the place of one of the same day; its file.

    Each file is written as a whole: Evidently refuses to start on a workspace that holds half of one.
    """
    from monitoring.metrics.parts import NumpyEncoder

    project = project_folder(folder)
    for name, content in _project_files().items():
        path = project / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            write_text(path, content)
    content = json.dumps(snapshot.dump_dict(), cls=NumpyEncoder)
    for gap in _days_between(day, project):
        write_text(_file(gap, project), json.dumps(_without_figures(json.loads(content), gap)))
    write_text(_file(day, project), content)
    return _file(day, project)


def _file(day: dt.date, project: Path) -> Path:
    return project / "snapshots" / f"{uuid.uuid5(_NAMES, str(day))}.json"


def _days_between(day: dt.date, project: Path) -> list[dt.date]:
    """The days without a snapshot between `day` and the nearest ones that have one, before and after it."""
    found: list[dt.date] = []
    for step in (-1, 1):
        days = [day + dt.timedelta(days=step * number) for number in range(1, _MOST_DAYS)]
        there = next((place for place, one in enumerate(days) if _file(one, project).exists()), 0)
        found += days[:there]
    return sorted(found)


def _without_figures(content: dict[str, Any], day: dt.date) -> dict[str, Any]:
    """A snapshot as it is stored, made one of a day that was not judged: its metrics are there, without a value."""
    for result in content["metric_results"].values():
        result |= {"value": float("nan"), "widget": [], "tests": []}
    told = {"name": f"{day}: {NOT_JUDGED}", "timestamp": f"{day}T00:00:00", "tags": [NOT_JUDGED]}
    return content | told | {"metadata": {"day": str(day)}, "widgets": [], "tests_widgets": []}


def days_judged(folder: Path | str = WORKSPACE) -> int:
    """How many days of the workspace were judged, without those that only keep their place."""
    files = (project_folder(folder) / "snapshots").glob("*.json")
    return sum(NOT_JUDGED not in read_json(path).get("tags", ()) for path in files)


def project_folder(folder: Path | str = WORKSPACE) -> Path:
    """Where the project of the monitor lies in the workspace; the same in every one, so that there is but one."""
    return Path(folder) / str(uuid.uuid5(_NAMES, PROJECT))


def _project_files() -> dict[str, str]:
    """The project and its dashboard, as Evidently's own workspace would write them, by file name."""
    from monitoring.metrics.parts import DashboardModel, DashboardTabModel, NumpyEncoder, ProjectModel

    project = ProjectModel(id=uuid.uuid5(_NAMES, PROJECT), name=PROJECT, description=DESCRIPTION)
    panels = {tab: [_panel(tab, **panel) for panel in listed] for tab, listed in PANELS.items()}
    tabs = [
        DashboardTabModel(id=uuid.uuid5(_NAMES, tab), title=tab, panels=[one.id for one in made])
        for tab, made in panels.items()
    ]
    dashboard = DashboardModel(tabs=tabs, panels=[one for made in panels.values() for one in made])
    models = {"metadata.json": project, "dashboard.json": dashboard}
    return {name: json.dumps(model.dict(), cls=NumpyEncoder, indent=1) for name, model in models.items()}


def _panel(tab: str, title: str, lines: list[tuple[str, str, dict[str, str]]], **options: Any) -> Any:
    from monitoring.metrics.parts import PanelMetric, bar_plot_panel, line_plot_panel

    values = [PanelMetric(legend=legend, metric=metric, metric_labels=labels) for legend, metric, labels in lines]
    panel = (bar_plot_panel if len(lines) == 1 and lines[0][0] else line_plot_panel)(title, values, **options)
    panel.id = uuid.uuid5(_NAMES, f"{tab}: {title}")
    return panel


def _figure(legend: str, name: str) -> tuple[str, str, dict[str, str]]:
    return legend, "MonitorFigure", {"name": name}


PANELS: dict[str, list[dict[str, Any]]] = {  # a metric is named alone: with its module, a panel stays empty
    "Accuracy": [
        {
            "title": "Right among automatic decisions",
            "description": "Audited, with the ends of its 95 % interval, beside what was promised and what is expected",
            "lines": [
                ("audited", "AuditedAccuracy", {"end": "estimate"}),
                ("low end", "AuditedAccuracy", {"end": "low"}),
                ("high end", "AuditedAccuracy", {"end": "high"}),
                _figure("promised", "target"),
                _figure("expected, an estimate", "expected"),
            ],
        },
        {
            "title": "Evidence against the promise",
            "description": "At 1 the alarm rings",
            "lines": [_figure("evidence", "alarm")],
            "size": "half",
        },
        {
            "title": "Decided automatically",
            "description": "Coverage of the last day judged",
            "lines": [("coverage", "AutomaticShare", {})],
            "size": "half",
        },
    ],
    "Shifts": [
        {
            "title": "Columns of products and predictions",
            "description": "Above 1 a column is shifted",
            "lines": [("", "ColumnShift", {})],
        },
        {"title": "Lasting shifts", "lines": [_figure("columns", "lasting")], "size": "half"},
        {
            "title": "Titles told from the reference's",
            "description": "Area under the curve of a classifier; 0.5: not at all",
            "lines": [_figure("area", "text")],
            "size": "half",
        },
    ],
    "The loop": [
        {"title": "Signs of a model that feeds on itself", "lines": [_figure("signs", "loop")]},
    ],
}
