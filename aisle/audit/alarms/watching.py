"""The alarm over a catalogue folder: replayed from its labels, and kept in a file that can be checked against them."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.audit.alarms.alarm import ErrorAlarm
from aisle.audit.alarms.closing import Closed, closed_audits
from aisle.audit.alarms.processes import FALSE_ALARM, HORIZON
from aisle.audit.alarms.settling import GRACE_DAYS, SETTLE_DAYS
from aisle.errors import DataError
from aisle.files import read_json, write_json

if TYPE_CHECKING:
    import pandas as pd

LATE_SHARE = 0.5  # of the false alarm, for the run with errors that came late: it is asked anew every evening
_FORMAT = 2
_PATH = ("day", "audits", "errors", "count", "capital", "e_value", "late", "alarmed")


@dataclass(frozen=True)
class Watching:
    """What is watched, and how; enough to watch it again.

    Attributes
    ----------
    limit : float in (0, 1)
        1 − the target accuracy of the policy.
    model_version, policy_id : str or None
        Each pair has an alarm of its own; None: of the newest automatic decision.
    since : date or None
        The first day, where the alarm began anew.
    as_of : date or None
        Labels count up to the end of this day (UTC).
    grace_days, settle_days : int
        See `closing`.
    smallest_probability : float in (0, 1] or None
        The floor of the rates; None: the smallest that any automatic decision had, up to each day.
    false_alarm, horizon
        See `ErrorAlarm`.
    """

    limit: float
    model_version: str | None = None
    policy_id: str | None = None
    since: dt.date | None = None
    as_of: dt.date | None = None
    grace_days: int = GRACE_DAYS
    smallest_probability: float | None = None
    false_alarm: float = FALSE_ALARM
    horizon: int = HORIZON
    settle_days: int = SETTLE_DAYS


@dataclass(frozen=True)
class Watch:
    """What the alarm saw.

    Attributes
    ----------
    alarm : ErrorAlarm
    path : DataFrame
        One row a day that entered, at its end: `day` (datetime64), `audits` and `errors` of the day, `count` of all so
        far, `capital` (the alarm rings at `alarm.goal`), its parts `e_value` and `late`, `alarmed`.
    alarm_day : date or None
        Of the audit that rang it, by the day of its draw.
    settings : Watching or None
        With `model_version`, `policy_id` and `as_of` as they were found.
    closed : Closed or None
        Which audits entered, and how many did not.
    with_late_errors : Watch or None
        A second run, over `Closed.audits_now`: audits that were answered after their day had closed are among them,
        each at its own place and with its own probability, and errors that were confirmed since count. None where
        neither brought an error. See `watch_folder` for what it guarantees.
    """

    alarm: ErrorAlarm
    path: pd.DataFrame
    alarm_day: dt.date | None
    settings: Watching | None = None
    closed: Closed | None = None
    with_late_errors: Watch | None = None

    @property
    def alarmed_by_late_errors(self) -> bool:
        """Whether the alarm is silent only because answers came, or errors were confirmed, after days had closed."""
        late = self.with_late_errors
        return not self.alarm.alarmed and late is not None and late.alarm.alarmed


def watch(audits: pd.DataFrame, alarm: ErrorAlarm) -> Watch:
    """Let `alarm` take audits day by day.

    Parameters
    ----------
    audits : DataFrame
        In the order of the draw: `error` (truth value), `audit_probability`, `day`, and perhaps
        `smallest_probability` (of any product up to that day).
    alarm : ErrorAlarm
        New, or one that took all days before.
    """
    import pandas as pd

    rows = []
    alarm_day = None
    for day, of_day in audits.groupby("day", sort=False):
        before = alarm.alarmed
        if "smallest_probability" in of_day:
            alarm.reckon_with(float(of_day["smallest_probability"].min()))
        error = of_day["error"].to_numpy(dtype=bool)
        alarm.update(error, of_day["audit_probability"].to_numpy(dtype=float))
        if alarm.alarmed and not before:
            alarm_day = pd.Timestamp(day).date()  # type: ignore[arg-type]
        figures = (alarm.count, alarm.capital, alarm.e_value, alarm.late.value, alarm.alarmed)
        rows.append((day, len(error), int(error.sum()), *figures))
    path = pd.DataFrame(rows, columns=pd.Index(_PATH)).astype({"day": "datetime64[s]", "alarmed": bool})
    return Watch(alarm, path, alarm_day)


def watch_folder(
    folder: Path | str,
    limit: float,
    *,
    model_version: str | None = None,
    policy_id: str | None = None,
    since: dt.date | None = None,
    as_of: dt.date | None = None,
    grace_days: int = GRACE_DAYS,
    smallest_probability: float | None = None,
    false_alarm: float = FALSE_ALARM,
    horizon: int = HORIZON,
    settle_days: int = SETTLE_DAYS,
    today: dt.date | None = None,
) -> Watch:
    """The alarm of one model version under one policy, replayed from the labels of a catalogue folder.

    Parameters as of `Watching`, and `today` of the clock (UTC): in place of an `as_of` that is not over, yesterday
    counts. The same tables and settings with a named `as_of` give the same to the last digit; a later `as_of` only
    adds days.

    `Watch.with_late_errors` is a single further run of the same e-process, over the closed days as they are known at
    the end of `as_of`, with `LATE_SHARE` of `false_alarm`. On any one evening its false alarms are as rare as that, by
    the same proof, as long as which audits are answered by then does not depend on whether the decisions are wrong;
    audits that are still open stay out. An error that is not confirmed yet only holds it back (but for rounding of
    stakes near the goal, which no simulation noticed). Asked every evening, it goes on as one series where only
    confirmations are late, or all answers take equally long. Answers of one day that come on many days join it in the
    middle: then false alarms of all evenings together are up to half as many again, in simulations, which no proof
    bounds; `LATE_SHARE` leaves room for them below `false_alarm`.

    Raises
    ------
    DataError
        Where no automatic decision has a draw yet, a label has no time, or a probability lies below the smallest.
    ConfigurationError
        For a setting out of its range.
    """

    def new(rarity: float) -> ErrorAlarm:
        return ErrorAlarm(limit, 1.0 if smallest_probability is None else smallest_probability, rarity, horizon)

    alarm = new(false_alarm)
    closed = closed_audits(
        folder,
        model_version=model_version,
        policy_id=policy_id,
        since=since,
        as_of=as_of,
        grace_days=grace_days,
        settle_days=settle_days,
        today=today,
    )
    given, now = (
        one if smallest_probability is None else one.drop(columns="smallest_probability")
        for one in (closed.audits, closed.audits_now)
    )
    seen = watch(given, alarm)
    again = watch(now, new(LATE_SHARE * false_alarm)) if closed.late_errors else None
    settings = Watching(
        limit,
        closed.model_version,
        closed.policy_id,
        since,
        closed.as_of,
        grace_days,
        smallest_probability,
        false_alarm,
        horizon,
        settle_days,
    )
    return Watch(alarm, seen.path, seen.alarm_day, settings, closed, again)


def write_state(path: Path | str, watched: Watch) -> None:
    """Write what the alarm saw of a catalogue folder (JSON), atomically; the same labels give the same bytes."""
    if watched.settings is None or watched.closed is None:
        raise ValueError("only what `watch_folder` returned can be replayed")
    counts = ("waiting", "pending", "skipped", "open", "late_answers", "late_errors", "unsettled", "early_answers")
    content = {
        "format": _FORMAT,
        "settings": {name: _text(value) for name, value in asdict(watched.settings).items()},
        "closed_until": _text(watched.closed.closed_until),
        "alarm_day": _text(watched.alarm_day),
        "counts": {name: getattr(watched.closed, name) for name in counts},
        "alarm": watched.alarm.state(),
    }
    write_json(path, content)


def read_state(path: Path | str) -> tuple[Watching, ErrorAlarm]:
    """What was watched, and the alarm as it stood.

    Raises
    ------
    DataError
        For a file that is not there, or not what `write_state` wrote.
    """
    content = _content(path)
    try:
        settings = dict(content["settings"])
        for name in ("since", "as_of"):
            settings[name] = None if settings[name] is None else dt.date.fromisoformat(settings[name])
        return Watching(**settings), ErrorAlarm.from_state(content["alarm"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not the state of an alarm ({error}); write it again from the labels") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def check_state(path: Path | str, folder: Path | str) -> Watch:
    """Replay the state of a file from the labels of `folder`, with the settings that it names.

    Raises
    ------
    DataError
        Where the replay gives anything else: a table was changed, not only added to.
    """
    settings, alarm = read_state(path)
    values = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    again = watch_folder(folder, **values)
    stored, replayed = alarm.state(), again.alarm.state()
    for name, value in stored.items():
        if not _same(value, replayed[name]):
            shown = "" if isinstance(value, list) else f" ({value} in the file, {replayed[name]} from the labels)"
            raise DataError(
                f"{path}: its replay from {folder} up to {settings.as_of} differs in {name}{shown}; "
                "labels, predictions or draws of closed days were changed, not only added to"
            )
    return again


def _content(path: Path | str) -> dict[str, Any]:
    if not Path(path).is_file():
        raise DataError(f"{path}: no such file; the first run of the alarm writes it")
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise DataError(f"{path}: not the state of an alarm of this release; write it again from the labels")
    return content


def _same(one: Any, other: Any) -> bool:
    """Whether two values of a state are the same; of floats, but for the last digits, which may differ by machine."""
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-9 * max(abs(one), abs(other))
    return bool(one == other)


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
