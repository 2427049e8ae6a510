"""What the monitor sees before it judges: the champion's rows of a window, and the figures of all four questions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aisle.audit.alarms.watching import Watch, watch_folder
from aisle.audit.estimates import estimate
from aisle.audit.expected import Expected, TrackRecord, expected_accuracy, track_record
from aisle.audit.loop import Signs, signs
from aisle.audit.verdicts import audit_labels
from aisle.errors import DataError
from monitoring.accuracy import Accuracy, accuracy_of, sums_of
from monitoring.answering import Answering, Contradiction, answering_of, contradicted_draws
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
        The alarm, of all days of the champion up to the window's last: it does not end where a window begins. None
        where the champion has decided nothing automatically, on days that are over, that an audit could draw.
    late_watch : Watch or None
        A second run, with answers and errors that the alarm does not know, or waits for: as they are by now, without
        waiting for contradictions. Only where the alarm is silent and this one is not.
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
    answering : Answering
        Whether audits still come in.
    contradiction : Contradiction or None
        Draws of automatic decisions that do not fit their probabilities.
    """

    window: Window
    reference: Reference
    rows: pd.DataFrame
    population: pd.DataFrame
    accuracy: Accuracy
    watch: Watch | None
    late_watch: Watch | None
    expected: Expected
    record: TrackRecord
    shifts: Shifts
    signs: Signs
    by_span: pd.DataFrame
    answering: Answering
    contradiction: Contradiction | None

    @property
    def alarmed(self) -> bool:
        """Whether the alarm rang, or would have with errors that were confirmed too late for it."""
        return self.late_watch is not None or (self.watch is not None and self.watch.alarm.alarmed)


def see(
    folder: Path | str,
    window: Window,
    reference: Reference,
    settings: Settings,
    vocabulary: Vocabulary | None = None,
    today: dt.date | None = None,
) -> Seen:
    """Work all figures out; the window ends on the last day to be judged, and `today` is that of the clock (UTC)."""
    from aisle.catalogue.tables import read_table

    rows = window.rows[of_champion(window.rows, reference)].reset_index(drop=True)
    everyone = window.population
    population = everyone[of_champion(everyone, reference)].reset_index(drop=True)
    target = reference.target_accuracy
    accuracy = accuracy_of(population, target, settings.tolerance, _days_of(rows, window))
    by_span = _by_span(population, accuracy)
    labels = read_table(folder, "labels", products=set(rows["product_id"]))
    watch, late_watch = watched(folder, reference, settings, window.last, today)
    rang = late_watch is not None or (watch is not None and watch.alarm.alarmed)
    automatic = population[(population["decision"] == "auto").to_numpy(dtype=bool)]
    return Seen(
        window=window,
        reference=reference,
        rows=rows,
        population=population,
        accuracy=accuracy,
        watch=watch,
        late_watch=late_watch,
        expected=expected_accuracy(rows, reference.frame),
        record=_record(rows, reference, by_span),
        shifts=shifts_of(rows, reference, window.days, settings, vocabulary),
        signs=signs(rows, labels, target, reference.frame, reference.training, alarmed=rang),
        by_span=by_span,
        answering=answering_of(rows, window.last, settings.grace_days),
        contradiction=contradicted_draws(automatic),
    )


def _days_of(rows: pd.DataFrame, window: Window) -> int:
    """Days since the champion decides, in the window: the rate of audits is that of these."""
    return (window.last - rows["day"].min()).days + 1 if len(rows) else len(window.days)


def of_champion(rows: pd.DataFrame, reference: Reference) -> NDArray[np.bool_]:
    """Which rows the champion decided under its policy."""
    mine = (rows["model_version"] == reference.model_version) & (rows["policy_id"] == reference.policy_id)
    found: NDArray[np.bool_] = mine.fillna(False).to_numpy(dtype=bool)
    return found


def watched(
    folder: Path | str, reference: Reference, settings: Settings, last: dt.date, today: dt.date | None
) -> tuple[Watch | None, Watch | None]:
    """The alarm until `last`, and what rings where it is silent or held; None where there is nothing to watch."""
    watch = _watch(folder, reference, settings, last, today)
    return watch, _late_watch(watch, folder, reference, settings, last, today)


def _watch(
    folder: Path | str,
    reference: Reference,
    settings: Settings,
    last: dt.date,
    today: dt.date | None,
    settle_days: int | None = None,
) -> Watch | None:
    """The alarm until `last`, or yesterday where that day is not over: what is still to come would change it."""
    try:
        return watch_folder(
            folder,
            1 - reference.target_accuracy,
            model_version=reference.model_version,
            policy_id=reference.policy_id,
            since=settings.alarm_since,
            as_of=last,
            grace_days=settings.grace_days,
            settle_days=settings.settle_days if settle_days is None else settle_days,
            false_alarm=settings.false_alarm,
            horizon=settings.horizon,
            today=today,
        )
    except DataError:  # nothing to watch; but times that are missing are to be mended
        if audit_labels(folder)["labelled_at"].isna().any():
            raise
        return None


def _late_watch(
    watch: Watch | None,
    folder: Path | str,
    reference: Reference,
    settings: Settings,
    last: dt.date,
    today: dt.date | None,
) -> Watch | None:
    """Of a silent alarm: what rings with late answers and errors, or, where a contradiction holds it, without waiting.

    What is not confirmed counts as no error here, too, so that it sees a part of the errors that the alarm will see
    when it goes on. `watch_folder` says what late answers guarantee.
    """
    if watch is None or watch.alarm.alarmed or watch.closed is None:
        return None
    if watch.alarmed_by_late_errors:
        return watch.with_late_errors
    if watch.closed.held is None:
        return None
    now = _watch(folder, reference, settings, last, today, settle_days=settings.grace_days)
    if now is not None and now.alarm.alarmed:
        return now
    return now.with_late_errors if now is not None and now.alarmed_by_late_errors else None


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
