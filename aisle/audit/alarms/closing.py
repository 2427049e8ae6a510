"""Which audits the alarm may take, and in which order: those of closed days, as they were drawn.

Answers come late, and errors later than the rest, since a second person confirms them. A test that took answers as
they come would see the easy ones first. So a whole day enters at once, in an order that knows no answer:

- The day of an audit is the day of its draw: when the product was received, scored, and drawn, whichever is last.
- A day closes when each of its audits is settled or skipped, but `grace_days` later at the latest. What is
  pending then counts as no error, what is skipped or open leaves; a day enters after all days before it.
- A closed day never changes. Answers that come later are counted, not used.

All of this follows from the times that the labels carry and from `as_of`: the same tables give the same audits,
and a later `as_of` only adds to them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.draws import audited_population, read_draws
from aisle.audit.estimates import OPEN, PENDING, RIGHT, SKIPPED, WRONG, audit_state
from aisle.audit.verdicts import audit_labels, verdicts
from aisle.bounds import hash_order
from aisle.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pandas as pd

GRACE_DAYS = 3
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Closed:
    """The audits of closed days of one model version under one policy.

    Attributes
    ----------
    audits : DataFrame
        One row an audit that counts, in the order of the draw: `product_id, day, error, audit_probability,
        smallest_probability` (of any automatic decision up to that day, drawn or not).
    model_version, policy_id : str or None
    as_of : date
    closed_until : date or None
        The last day that entered; None where none did.
    waiting : int
        Audits of days that are not closed yet.
    pending, skipped, open : int
        Audits of closed days that were so when their day closed.
    late_answers, late_errors : int
        Audits of closed days whose answer would count otherwise today, and those of them that are errors now.
    """

    audits: pd.DataFrame
    model_version: str | None
    policy_id: str | None
    as_of: dt.date
    closed_until: dt.date | None
    waiting: int
    pending: int
    skipped: int
    open: int
    late_answers: int
    late_errors: int


def closed_audits(
    folder: Path | str,
    *,
    model_version: str | None = None,
    policy_id: str | None = None,
    since: dt.date | None = None,
    as_of: dt.date | None = None,
    grace_days: int = GRACE_DAYS,
) -> Closed:
    """The audits of automatic decisions that may enter by the end of `as_of` (UTC).

    Parameters
    ----------
    folder : path
        A catalogue folder.
    model_version, policy_id : str, optional
        Whose decisions; by default those of the newest automatic decision (of the version named).
    since : date, optional
        Days before it stay out: where an alarm begins anew.
    as_of : date, optional
        A day that is over. By default the last one (before today) on which anything was predicted or answered.
    grace_days : int ≥ 0

    Raises
    ------
    DataError
        Where no automatic decision has a draw yet, or a label has no time.
    """
    if grace_days < 0:
        raise ConfigurationError(f"alarm: grace_days is {grace_days}; it must be 0 or more")
    decided = _decisions(folder)
    labels = audit_labels(folder)
    answered_on = _label_days(labels, folder)
    until = np.datetime64(as_of, "D") if as_of is not None else _last_day(decided, answered_on)
    decided = _of_one(decided[(decided["day"] <= until).to_numpy()], f"{folder}, {until}", model_version, policy_id)
    version, policy = decided["model_version"].iloc[-1], decided["policy_id"].iloc[-1]
    if since is not None:
        decided = decided[(decided["day"] >= np.datetime64(since, "D")).to_numpy()]
    smallest = decided.groupby("day")["audit_probability"].min().cummin()
    audits = decided[decided["audit_drawn"].fillna(False).to_numpy(dtype=bool)].reset_index(drop=True)
    audits = audits.assign(smallest_probability=smallest.reindex(audits["day"]).to_numpy())
    known = (answered_on <= until) & labels["product_id"].isin(audits["product_id"]).to_numpy()
    state, closed = _close(audits, labels[known], answered_on[known], until, grace_days)
    now = _states(audits, labels[known])
    entered = closed & np.isin(state, (RIGHT, WRONG, PENDING))
    columns = ["product_id", "day", "audit_probability", "smallest_probability"]
    days = audits["day"][closed]
    counted, then = _counts(now), _counts(state)
    return Closed(
        audits=audits.loc[entered, columns].assign(error=state[entered] == WRONG).reset_index(drop=True),
        model_version=_plain(version),
        policy_id=_plain(policy),
        as_of=_date(until),
        closed_until=_date(days.max().to_datetime64()) if len(days) else None,
        waiting=int((~closed).sum()),
        pending=int((closed & (state == PENDING)).sum()),
        skipped=int((closed & (state == SKIPPED)).sum()),
        open=int((closed & (state == OPEN)).sum()),
        late_answers=int((closed & (counted != then)).sum()),
        late_errors=int((closed & (now == WRONG) & (state != WRONG)).sum()),
    )


def _decisions(folder: Path | str) -> pd.DataFrame:
    """Automatic decisions that have a draw, drawn or not, with their `day`, in the order of the draw."""
    import pandas as pd

    population = audited_population(folder)
    chosen = population["audit_probability"].notna() & (population["decision"] == "auto")
    decided = population[chosen.to_numpy()]
    if decided.empty:
        raise DataError(f"{folder}: no automatic decision has a draw yet; begin with `aisle audit draw`")
    scored = pd.to_datetime(decided["predicted_at"], utc=True).dt.tz_localize(None)
    draws = read_draws(folder).set_index("product_id")["shard"]
    drawn = pd.to_datetime(decided["product_id"].map(draws).astype(object).str[:10], errors="coerce")
    day = pd.concat([decided["received_on"], scored, drawn], axis=1).max(axis=1).dt.floor("D")
    decided = decided.assign(day=day.astype("datetime64[s]"))
    decided = decided.iloc[hash_order(decided["product_id"])]
    return decided.sort_values("day", kind="stable").reset_index(drop=True)


def _label_days(labels: pd.DataFrame, folder: Path | str) -> np.ndarray[Any, Any]:
    import pandas as pd

    times = pd.to_datetime(labels["labelled_at"], utc=True)
    if times.isna().any():
        shard = labels["shard"][times.isna()].iloc[0]
        raise DataError(
            f"{folder}/labels/{shard}: an audit has no labelled_at, so nobody can say when its day was closed; "
            "write when it was answered"
        )
    return times.dt.tz_localize(None).to_numpy(dtype="datetime64[D]")


def _last_day(decided: pd.DataFrame, answered_on: np.ndarray[Any, Any]) -> Any:
    """The last day of anything, but none that is not over: its labels would still change, and clocks jump."""
    yesterday = np.datetime64(dt.datetime.now(dt.UTC).date(), "D") - _DAY
    last = np.concatenate([decided["day"].to_numpy(dtype="datetime64[D]"), answered_on]).max()
    return last if last <= yesterday else yesterday


def _of_one(decided: pd.DataFrame, where: str, model_version: str | None, policy_id: str | None) -> pd.DataFrame:
    """The decisions of one model version under one policy, the newest by default."""
    for column, wanted in (("model_version", model_version), ("policy_id", policy_id)):
        names = decided[column].fillna("").astype(str)
        name = str(wanted) if wanted is not None else (names.iloc[-1] if len(names) else "")
        decided = decided[(names == name).to_numpy()]
        if decided.empty:
            raise DataError(f"{where}: no automatic decision with a draw until then has the {column} '{name}'")
    return decided


def _close(
    audits: pd.DataFrame, labels: pd.DataFrame, answered_on: np.ndarray[Any, Any], until: np.datetime64, grace_days: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The state of each audit when its day closed, and whether its day and all before it are closed; shape (n,).

    `labels` are of these audits alone.
    """
    import pandas as pd

    day = audits["day"].to_numpy(dtype="datetime64[D]")
    days, place = np.unique(day, return_inverse=True)
    state = np.full(len(audits), OPEN, dtype=np.int64)
    closed = np.zeros(len(days), dtype=bool)
    drawn_on = day[pd.Index(audits["product_id"]).get_indexer(labels["product_id"])]
    for wait in range(grace_days + 1):
        by_then = _states(audits, labels[answered_on <= drawn_on + wait * _DAY])
        unsettled = np.bincount(place, np.isin(by_then, (PENDING, OPEN)), minlength=len(days)) > 0
        closes = ~closed & (days + wait * _DAY <= until) & (~unsettled | (wait == grace_days))
        state = np.where(closes[place], by_then, state)
        closed |= closes
    return state, np.logical_and.accumulate(closed)[place]


def _states(audits: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray[Any, Any]:
    if audits.empty:
        return np.empty(0, dtype=np.int64)
    said = verdicts(audits, labels)
    return audit_state(said["agree"], said["contradict"], said["settled"], said["skipped"], np.ones(len(said), bool))


def _counts(state: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How an audit of each state counts: 1 as an error, 0 as none, -1 not at all."""
    return np.select([state == WRONG, np.isin(state, (RIGHT, PENDING))], [1, 0], -1)


def _plain(name: Any) -> str | None:
    import pandas as pd

    return None if pd.isna(name) else str(name)


def _date(day: np.datetime64) -> dt.date:
    return dt.date.fromisoformat(str(day)[:10])
