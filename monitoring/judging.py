"""All parts together: what was seen becomes reasons, a colour, and a verdict."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.errors import ConfigurationError, ModelError, RegistryError
from monitoring.blaming import blamed_by
from monitoring.plots import Pictured
from monitoring.reasons import reasons_of, steps_of
from monitoring.reference import Reference, champion_model, read_reference
from monitoring.seeing import Seen, see
from monitoring.settings import Settings, as_table
from monitoring.summary import summary
from monitoring.verdict import Verdict
from monitoring.window import last_day, read_window

if TYPE_CHECKING:
    from monitoring.describing import Vocabulary


@dataclass(frozen=True)
class Judged:
    """The verdict, what it was made of, and what the plots show."""

    verdict: Verdict
    seen: Seen
    pictured: Pictured


def judge(
    folder: Path | str,
    settings: Settings,
    *,
    day: dt.date | None = None,
    reference: Reference | None = None,
    vocabulary: Vocabulary | None = None,
    now: dt.datetime | None = None,
) -> Judged:
    """Judge the window that ends on `day`, by default the last day with a prediction, today at the latest.

    Parameters
    ----------
    folder : path
        A catalogue folder.
    reference, vocabulary : optional
        Of the champion in the registry by default.
    now : datetime, optional
        The clock (UTC): how old the last prediction is, and what lies in the future.

    Raises
    ------
    DataError
        Where there is no catalogue, for tables that cannot be read, and a window without a prediction.
    RegistryError
        Where there is no champion, or its files are gone.
    ConfigurationError
        For a day that is too early for its window.
    """
    from aisle.catalogue.tables import require_catalogue

    folder, moment = require_catalogue(folder), now or dt.datetime.now(dt.UTC)
    if day is not None and (day - dt.date.min).days < settings.window_days:
        raise ConfigurationError(f"{day}: too early for a window of {settings.window_days} days")
    if reference is None:
        reference, vocabulary = read_reference(), vocabulary or _vocabulary()
    last = day or last_day(folder, moment.date())
    begin = max(_first_day(folder), settings.alarm_since or dt.date.min)
    first = max(last - dt.timedelta(days=settings.window_days - 1), min(begin, last))
    window = read_window(folder, first, last, known_models=reference.known_models, as_of=moment)
    seen = see(folder, window, reference, settings, vocabulary, moment.date())
    reasons = reasons_of(seen, settings, asked=day is not None, today=moment.date())
    automatic = bool((seen.population["decision"] == "auto").any())  # without any, the alarm is of earlier days
    blame = blamed_by(seen, [one for one in reasons if automatic or one.part not in ("accuracy", "loop")])
    verdict = Verdict(
        day=last,
        model_version=reference.model_version,
        policy_id=reference.policy_id,
        summary=summary(seen, reasons, blame),
        reasons=reasons,
        window=_window(seen),
        accuracy=_accuracy(seen),
        alarm=_alarm(seen),
        expected=_expected(seen),
        drift=seen.shifts.as_table(),
        loop=_loop(seen),
        blame=blame,
        gaps=[{"day": one.day, "code": one.code, "text": one.text, "count": one.count} for one in window.gaps],
        next_steps=steps_of(reasons),
        settings=as_table(settings),
    )
    return Judged(verdict, seen, _pictured(seen))


def _first_day(folder: Path | str) -> dt.date:
    """The first day with a prediction: days before it are no gap of a model that is young."""
    import pandas as pd

    from aisle.catalogue.tables import read_table

    times = pd.to_datetime(read_table(folder, "predictions", columns=["predicted_at"])["predicted_at"], utc=True)
    return times.min().date() if times.notna().any() else dt.date.min


def _vocabulary() -> Vocabulary | None:
    """The words that the champion knows; without its model file that one column is left out."""
    from monitoring.describing import vocabulary_of

    try:
        return vocabulary_of(champion_model())
    except (ModelError, RegistryError):
        return None


def _window(seen: Seen) -> dict[str, Any]:
    window, rows, frame = seen.window, seen.rows, seen.reference.frame
    automatic = int((rows["decision"] == "auto").sum())
    usual = _usual(seen)
    return {
        "first": window.first,
        "last": window.last,
        "days": len(window.days),
        "days_with_predictions": int(window.rows["day"].nunique()),
        "predictions": len(window.rows),
        "of_champion": len(rows),
        "automatic": automatic,
        "coverage": automatic / len(rows) if len(rows) else None,
        "reference_coverage": usual.get("coverage"),
        "reference_rows": len(frame),
    }


def _usual(seen: Seen) -> dict[str, float]:
    """Coverage and mean confidence of the held-out frame, by weight."""
    frame = seen.reference.frame
    weight = frame["weight"].to_numpy(dtype=float)
    automatic = (frame["decision"] == "auto").to_numpy(dtype=float)
    confidence = frame["confidence"].to_numpy(dtype=float)
    return {
        "coverage": float(automatic @ weight / weight.sum()),
        "confidence": float(confidence @ weight / weight.sum()),
    }


def _accuracy(seen: Seen) -> dict[str, Any]:
    """An alarm makes it known, too: known to be worse than promised, and no more audits are needed."""
    table = seen.accuracy.as_table()
    if seen.alarmed:
        table |= {"known": True, "audits_needed": 0, "audits_needed_is_least": False, "days_needed": 0}
    return table


def _alarm(seen: Seen) -> dict[str, Any] | None:
    if seen.watch is None:
        return None
    alarm, closed = seen.watch.alarm, seen.watch.closed
    names = ("count", "errors", "alarmed", "alarm_at", "which", "capital", "goal", "e_value", "false_alarm", "horizon")
    closed_counts = ("closed_until", "waiting", "pending", "skipped", "open", "late_answers", "late_errors")
    counts = (*closed_counts, "unsettled", "held_by", "behind", "early_answers")
    return (
        {name: getattr(alarm, name) for name in names}
        | {"late": alarm.late.value, "limit": alarm.limit, "alarm_day": seen.watch.alarm_day}
        | {"alarmed_by_late_errors": seen.late_watch is not None}
        | ({name: getattr(closed, name) for name in counts} if closed is not None else {})
    )


def _expected(seen: Seen) -> dict[str, Any]:
    found = seen.expected
    names = ("value", "low", "high", "rows", "reference_rows", "mix", "supported", "estimate", "basis")
    record = {"days": seen.record.days, "agreed": seen.record.agreed.value, "difference": seen.record.difference.value}
    text = seen.record.text if seen.record.days else ""
    return {name: getattr(found, name) for name in names} | {"record": text, "record_figures": record}


def _loop(seen: Seen) -> dict[str, Any]:
    found = seen.signs
    return {
        "colour": found.colour,
        "text": found.text,
        "apparent": {"value": found.apparent.value, "low": found.apparent.low, "high": found.apparent.high},
        "signs": [
            {
                "name": one.name,
                "colour": _sign_colour(found.colour, one.sign),
                **{name: getattr(one, name) for name in ("sign", "value", "low", "high", "p_value", "text")},
            }
            for one in found.signs
        ],
        "growing": [one._asdict() for one in found.growing if one.q_value <= 0.05],
    }


def _sign_colour(colour: str, sign: bool | None) -> str:
    if sign is None:
        return "unknown"
    return ("red" if colour == "red" else "yellow") if sign else "green"


def _pictured(seen: Seen) -> Pictured:
    rows = seen.rows
    by_day = rows.assign(automatic=rows["decision"] == "auto").groupby("day", sort=True)
    flow = by_day.agg(
        predictions=("automatic", "size"), coverage=("automatic", "mean"), confidence=("confidence", "mean")
    )
    gaps = [(one.day, one.code) for one in seen.window.gaps if one.day is not None]
    levels = seen.shifts.levels
    return Pictured(
        days=seen.window.days,
        gaps=gaps,
        target=seen.accuracy.target,
        limit=seen.accuracy.limit,
        accuracy=seen.by_span,
        flow=flow.reset_index(),
        usual=_usual(seen),
        path=None if seen.watch is None else seen.watch.path,
        goal=1.0 if seen.watch is None else seen.watch.alarm.goal,
        drift=levels if levels.notna().to_numpy().any() else None,
    )
