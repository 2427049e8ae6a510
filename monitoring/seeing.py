"""What the monitor sees before it judges: the champion's rows of a window, and the figures of all four questions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.alarms.watching import Watch, watch_folder
from aisle.audit.estimates import estimate
from aisle.audit.expected import Expected, TrackRecord, expected_accuracy, track_record
from aisle.audit.loop import Signs, signs
from monitoring.accuracy import Accuracy, accuracy_of, sums_of
from monitoring.plots import spans
from monitoring.reference import Reference
from monitoring.settings import Settings
from monitoring.shifts import Shifts, shifts_of
from monitoring.window import Window

if TYPE_CHECKING:
    import pandas as pd

    from monitoring.describing import Vocabulary


@dataclass(frozen=True)
class Seen:
    """The figures of all parts.

    Attributes
    ----------
    window, reference
        What was read.
    rows : DataFrame
        Those rows of the window that the champion decided under its policy.
    population : DataFrame
        Those of `Window.population`.
    accuracy : Accuracy
    watch : Watch or None
        The alarm; None where the champion has decided nothing automatically that an audit could draw.
    expected : Expected
        The estimate without labels.
    record : TrackRecord
        How such estimates did, on spans of days with audits.
    shifts : Shifts
        Columns of products and predictions against the reference.
    signs : Signs
        Of the loop.
    by_span : DataFrame
        Audited accuracy of spans of days: `day` (the middle one), `accuracy, low, high, answered`.
    """

    window: Window
    reference: Reference
    rows: pd.DataFrame
    population: pd.DataFrame
    accuracy: Accuracy
    watch: Watch | None
    expected: Expected
    record: TrackRecord
    shifts: Shifts
    signs: Signs
    by_span: pd.DataFrame


def see(
    folder: Path | str,
    window: Window,
    reference: Reference,
    settings: Settings,
    vocabulary: Vocabulary | None = None,
) -> Seen:
    """Work all figures out; the window ends on the last day to be judged."""
    from aisle.catalogue.tables import read_table

    rows = _of_champion(window.rows, reference)
    population = _of_champion(window.population, reference)
    target = reference.target_accuracy
    accuracy = accuracy_of(population, target, settings.tolerance, _days_of(rows, window))
    by_span = _by_span(population, accuracy)
    labels = read_table(folder, "labels", products=set(rows["product_id"]))
    return Seen(
        window=window,
        reference=reference,
        rows=rows,
        population=population,
        accuracy=accuracy,
        watch=_watch(folder, population, reference, settings, window.last),
        expected=expected_accuracy(rows, reference.frame),
        record=_record(rows, reference, by_span),
        shifts=shifts_of(rows, reference, window.days, settings, vocabulary),
        signs=signs(rows, labels, target, reference.frame, reference.training),
        by_span=by_span,
    )


def _days_of(rows: pd.DataFrame, window: Window) -> int:
    """Days since the champion decides, in the window: the rate of audits is that of these."""
    return (window.last - rows["day"].min()).days + 1 if len(rows) else len(window.days)


def _of_champion(rows: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    mine = (rows["model_version"] == reference.model_version) & (rows["policy_id"] == reference.policy_id)
    return rows[mine.fillna(False).to_numpy(dtype=bool)].reset_index(drop=True)


def _watch(
    folder: Path | str, population: pd.DataFrame, reference: Reference, settings: Settings, last: dt.date
) -> Watch | None:
    if not (population["decision"] == "auto").any():
        return None
    return watch_folder(
        folder,
        1 - reference.target_accuracy,
        model_version=reference.model_version,
        policy_id=reference.policy_id,
        since=settings.alarm_since,
        as_of=last,
        grace_days=settings.grace_days,
        false_alarm=settings.false_alarm,
        horizon=settings.horizon,
    )


def _by_span(population: pd.DataFrame, accuracy: Accuracy) -> pd.DataFrame:
    """Audited accuracy of spans of days with enough audits each."""
    import pandas as pd

    columns = ["day", "days", "accuracy", "low", "high", "answered"]
    by_day = accuracy.by["day"].assign(day=[dt.date.fromisoformat(one) for one in accuracy.by["day"]["slice"]])
    found: list[dict[str, Any]] = []
    automatic = population[(population["decision"] == "auto").to_numpy(dtype=bool)]
    for days in spans(by_day):
        one = estimate(sums_of(automatic[automatic["day"].isin(days).to_numpy(dtype=bool)]))
        middle = days[len(days) // 2]
        found.append(dict(zip(columns, (middle, days, one.accuracy, one.low, one.high, one.answered), strict=True)))
    return pd.DataFrame(found, columns=pd.Index(columns))


def _record(rows: pd.DataFrame, reference: Reference, by_span: pd.DataFrame) -> TrackRecord:
    """Estimates without labels against the audits of the same days."""
    import pandas as pd

    found = []
    for days, audited, low, high in by_span[["days", "accuracy", "low", "high"]].to_numpy(dtype=object):
        within = rows[rows["day"].isin(days).to_numpy(dtype=bool)]
        found.append((expected_accuracy(within, reference.frame).value, audited, low, high))
    columns = ["estimated", "audited", "audited_low", "audited_high"]
    return track_record(pd.DataFrame(found, columns=pd.Index(columns), dtype=np.float64))
