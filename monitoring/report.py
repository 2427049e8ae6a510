"""The Evidently report of a judged window: the last day's distributions, and our own figures with their tests."""

from __future__ import annotations

import datetime as dt
import html
import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from monitoring.drift import TEXT
from monitoring.printing import printable

if TYPE_CHECKING:
    import pandas as pd

    from monitoring.judging import Judged
    from monitoring.metrics.parts import Snapshot

_FIGURES = ["name", "value", "text"]
_COLUMNS = ["column", "method", "limit", "level", "text"]


def snapshot_of(judged: Judged) -> Snapshot:
    """Run the report; its page is `snapshot.get_html_str(as_iframe=False)`, one file that opens without network.

    The rows are those of the last day that could be judged, beside the champion's held-out frame, both as they were
    compared; what needs more comes as further datasets: `population` (the window's audits), `figures` and `columns`.
    """
    os.environ.setdefault("DO_NOT_TRACK", "true")  # before the import: Evidently reports its use otherwise
    from monitoring.metrics.accuracy import POPULATION
    from monitoring.metrics.parts import DataDefinition, Dataset, Report
    from monitoring.metrics.recorded import FIGURES
    from monitoring.metrics.shift import COLUMNS

    rows, reference = _frames(judged)
    numbers = [name for name in rows if rows[name].dtype.kind == "f"]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[name for name in rows if name not in numbers]
    )
    more = {FIGURES: figures_of(judged), COLUMNS: columns_of(judged), POPULATION: _audited(judged)}
    verdict = judged.verdict
    with warnings.catch_warnings():
        # Evidently divides by the number of values of each column: one that is empty all day is 0 / 0. It is
        # judged as missing elsewhere, and shown so; nothing that Evidently works out of it is used.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"evidently\.")
        return Report(metrics_of(judged)).run(
            *(Dataset.from_pandas(one, data_definition=definition) for one in (rows, reference)),
            additional_data={
                name: Dataset.from_pandas(frame, data_definition=DataDefinition()) for name, frame in more.items()
            },
            timestamp=dt.datetime.combine(verdict.day, dt.time()),
            metadata={
                "day": str(verdict.day),
                "colour": verdict.colour,
                "model_version": str(verdict.model_version),
                "policy_id": str(verdict.policy_id),
            },
            tags=[verdict.colour],
            name=f"{verdict.day}: {verdict.colour}",
        )


def page_of(snapshot: Snapshot, title: str) -> str:
    """Evidently's page of a snapshot, one file that opens without network; with a title, for it has none."""
    text: str = snapshot.get_html_str(as_iframe=False)
    return text.replace("<head>", f"<head>\n<title>{html.escape(title)}</title>", 1)


def figures_of(judged: Judged) -> pd.DataFrame:
    """What the monitor has worked out, for the metrics that show it: `name, value, text`."""
    import pandas as pd

    seen, shifts = judged.seen, judged.seen.shifts
    lasting = [one.name for one in shifts.columns if one.state == "alarm"]
    signs = [one.name for one in seen.signs.signs if one.sign]
    found: list[tuple[str, float, str]] = [
        ("target", seen.accuracy.target, "of the champion's policy"),
        ("lasting", float(len(lasting)), ", ".join(lasting) or "none"),
        ("loop", float(len(signs)), ", ".join(signs) or "none"),
    ]
    if seen.watch is not None:
        alarm = seen.watch.alarm
        found.append(("alarm", alarm.capital / alarm.goal, f"after {alarm.count:,} audits"))
    if np.isfinite(seen.expected.value):
        found.append(("expected", seen.expected.value, f"of {seen.expected.rows:,} automatic decisions"))
    last = _last_day(judged)
    text = last[(last["column"] == TEXT).to_numpy() & last["statistic"].notna().to_numpy()]
    found += [("text", float(value), str(told)) for value, told in zip(text["statistic"], text["change"], strict=True)]
    return pd.DataFrame([(*one, printable(text)) for *one, text in found], columns=pd.Index(_FIGURES))


def metrics_of(judged: Judged) -> list[Any]:
    """The metrics of the report, with tests that repeat the verdict's reasons: what is a look only warns."""
    from monitoring.metrics.accuracy import AuditedAccuracy, AutomaticShare
    from monitoring.metrics.parts import gte, lt, lte
    from monitoring.metrics.recorded import MonitorFigure
    from monitoring.metrics.shift import ColumnShift

    seen = judged.seen
    there = set(figures_of(judged)["name"])
    found: list[Any] = []
    if seen.accuracy.estimate.answered:
        found += [
            AuditedAccuracy(end="estimate", tests=[gte(seen.accuracy.target, is_critical=False)]),
            AuditedAccuracy(end="low", tests=[gte(round(seen.accuracy.limit, 9), is_critical=False)]),
            AuditedAccuracy(end="high"),
        ]
    tests = {
        "alarm": [lt(1)],
        "lasting": [lte(0)],
        "loop": [lte(0, is_critical=seen.signs.colour == "red")],
    }
    found += [
        MonitorFigure(name=name, tests=tests.get(name))
        for name in ("alarm", "lasting", "loop", "text", "expected", "target")
        if name in there
    ]
    if seen.shifts.last_day is not None:
        found.append(AutomaticShare())
    states = {one.column: one.state for one in seen.shifts.columns}
    found += [
        ColumnShift(column=name, tests=[lte(1, is_critical=states[name] == "alarm")])
        for name in columns_of(judged)["column"]
    ]
    return found


def columns_of(judged: Judged) -> pd.DataFrame:
    """What was judged of each column on the last day: `column, method, limit, level, text`, the most shifted first."""
    import pandas as pd

    rows = _last_day(judged)
    rows = rows[rows["drifted"].notna().to_numpy(dtype=bool)].rename(columns={"change": "text"})
    order = {one.column: number for number, one in enumerate(judged.seen.shifts.columns)}
    rows = rows.assign(text=[printable(str(one)) for one in rows["text"]])
    found: pd.DataFrame = rows.sort_values("column", key=lambda names: names.map(order))[_COLUMNS]
    return found.reset_index(drop=True) if len(found) else pd.DataFrame(columns=pd.Index(_COLUMNS))


def _last_day(judged: Judged) -> pd.DataFrame:
    """What was judged of the last day that could be."""
    shifts = judged.seen.shifts
    return shifts.by_day[(shifts.by_day["day"] == shifts.last_day).to_numpy(dtype=bool)]


def _frames(judged: Judged) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the last day judged and of the reference, as they were compared; a row of nothing where there is none."""
    import pandas as pd

    shifts, rows = judged.seen.shifts, judged.seen.rows
    if shifts.drift is None or shifts.last_day is None:
        nothing = pd.DataFrame({"nothing": ["nothing was judged"]})
        return nothing, nothing
    return shifts.drift.compared(rows[(rows["day"] == shifts.last_day).to_numpy(dtype=bool)].reset_index(drop=True))


def _audited(judged: Judged) -> pd.DataFrame:
    """The window's population, with what estimates need; a row that nobody could draw where there is none."""
    import pandas as pd

    rows = judged.seen.population[["decision", "audit_probability", "state"]]
    return rows if len(rows) else pd.DataFrame({"decision": ["review"], "audit_probability": [1.0], "state": [-1]})
