"""Are planted changes found in time, and do quiet days stay quiet? On the sample's stream, decided by the champion.

    python -m benchmarks.monitoring --only drift [--quick]

A copy of the sample gets 30 quiet days, which the registry's champion decides and made-up people audit; then, in copies
of that, each of the planted changes. The monitor stands at alarm where the shift of a column of the products or of
the predictions lasts (3 of the last 5 days, the latest among them, one by one or, where days are small, together), or
the alarm on audited errors has rung, with the answers that were there by the end of the day. The same at the sample's
usual number of products a day, of which less is to be expected: what two weeks do not show is counted there.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aisle.catalogue.sample.plants import KINDS
from benchmarks.results import Result
from monitoring.describing import vocabulary_of
from monitoring.drift import Drift
from monitoring.reference import Reference, read_reference
from monitoring.rehearsal import Decider, champion_decider, rehearse_apart
from monitoring.seeing import watched
from monitoring.settings import Settings
from monitoring.together import state, together
from monitoring.window import read_window

SAMPLE = Path("data")
QUIET_DAYS = 30
PER_DAY, IN_TIME = 300, 5  # a change is to be found within so many days
USUAL, AT_LENGTH = 67, 14
STREAMS = 3  # each begins later, and so has other products
PLANTS = tuple(kind for kind in KINDS if kind != "quiet")


class Stood(NamedTuple):
    """How the monitor stood at the end of each day of a stream.

    Attributes
    ----------
    alarms : dict of day to what stood at alarm: columns, and "accuracy"
    looks : int
        Days on which any column drifted.
    """

    alarms: dict[dt.date, list[str]]
    looks: int


def measured(quick: bool) -> list[Result]:
    """The rows `drift.*`."""
    reference, decider = read_reference(), champion_decider()
    drift = Drift(reference.frame, vocabulary_of(decider.model))
    rows = []
    streams = 1 if quick else STREAMS
    for per_day, within in ((PER_DAY, IN_TIME), (USUAL, AT_LENGTH)):
        false_days, looks, waits = [], [], {}
        for number in range(streams):
            for kind, stood, planted in _streams(decider, drift, reference, per_day, within, number):
                if kind == "quiet":
                    false_days.append(len(stood.alarms))
                    looks.append(stood.looks)
                else:
                    waits[kind, number] = _waited(stood, planted)
        rows += _rows(per_day, within, streams, false_days, looks, waits)
    return rows


def _rows(
    per_day: int,
    within: int,
    streams: int,
    false_days: list[int],
    looks: list[int],
    waits: dict[tuple[str, int], int | None],
) -> list[Result]:
    missed = [kind for (kind, _), wait in waits.items() if wait is None]
    found = [wait for wait in waits.values() if wait is not None]
    judged, end = per_day == PER_DAY, "" if per_day == PER_DAY else f"_{per_day}"
    flow = f"{per_day} products a day"
    which = f" ({', '.join(sorted(set(missed)))})" if missed else ""
    of = "" if streams == 1 else f", worst of {streams} streams"
    found_what = f"days from the change to the alarm, the longest of {len(found)} found, {flow}"
    return [
        Result(
            f"drift.missed{end}",
            f"of {len(waits)} planted changes not found within {within} days{which}, {flow}",
            len(missed),
            "changes",
            "≤ 0" if judged else None,
        ),
        Result(
            f"drift.false_days{end}",
            f"alarms on {QUIET_DAYS} quiet days{of}, {flow}",
            max(false_days),
            "days",
            "≤ 1" if judged else None,
        ),
        Result(f"drift.looks{end}", f"quiet days of {QUIET_DAYS} with a look{of}, {flow}", max(looks), "days"),
        *([Result(f"drift.days_to_alarm{end}", found_what, max(found), "days")] if found else []),
    ]


def _streams(
    decider: Decider, drift: Drift, reference: Reference, per_day: int, within: int, number: int
) -> Iterator[tuple[str, Stood, list[dt.date]]]:
    """The quiet days of a stream, then each planted change after them, and how the monitor stood."""
    with tempfile.TemporaryDirectory(prefix="aisle-drift-") as made:
        quiet = Path(made) / "quiet"
        start = dt.date(2025, 6, 30) + dt.timedelta(days=number * (QUIET_DAYS + within))
        options = {"per_day": per_day, "seed": number, "decider": decider}
        days = _days(rehearse_apart(SAMPLE, quiet, days=QUIET_DAYS, start=start, **options).shards)
        yield "quiet", _stood(quiet, drift, reference, days, days), days
        for kind in PLANTS:
            folder = Path(made) / kind
            planted = _days(rehearse_apart(quiet, folder, days=within, plant=kind, **options).shards)
            yield kind, _stood(folder, drift, reference, [*days[-10:], *planted], planted), planted


def _stood(folder: Path, drift: Drift, reference: Reference, days: list[dt.date], judged: list[dt.date]) -> Stood:
    rows = read_window(folder, days[0], days[-1]).rows
    table = drift.by_day(rows, days)
    table = table.assign(lasts=together(drift, rows, table))
    known = {column: (one["drifted"].tolist(), one["lasts"].tolist()) for column, one in table.groupby("column")}
    alarms: dict[dt.date, list[str]] = {}
    rung = _rung(
        folder, reference, judged[-1]
    )  # a later day only adds audits: without an alarm at the end there was none
    for day in judged:
        until = days.index(day) + 1
        found = [column for column, (flags, lasts) in known.items() if state(flags[:until], lasts[:until]) == "alarm"]
        if rung and _rung(folder, reference, day):
            found.append("accuracy")
        if found:
            alarms[day] = found
    return Stood(alarms, table[table["drifted"].eq(True) & table["day"].isin(judged)]["day"].nunique())


def _rung(folder: Path, reference: Reference, day: dt.date) -> bool:
    """Whether the alarm on audited errors had rung by the end of a day."""
    watch, late = watched(folder, reference, Settings(), day, None)
    return late is not None or (watch is not None and watch.alarm.alarmed)


def _waited(stood: Stood, planted: list[dt.date]) -> int | None:
    """Days from the change to the end of the first day at alarm; None where there was none."""
    return next((place + 1 for place, day in enumerate(planted) if day in stood.alarms), None)


def _days(shards: list[str]) -> list[dt.date]:
    return [dt.date.fromisoformat(name) for name in shards]
