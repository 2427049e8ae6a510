"""Which audits the alarm may take, and in which order: those of closed days, as they were drawn.

Answers come late, and errors later than the rest, since a second person confirms them. A test that took answers as
they come would see the easy ones first. So a whole day enters at once, in an order that knows no answer:

- The day of an audit is the day of its draw: when the product was received, scored, and drawn, whichever is last.
- A day closes when each of its audits is settled or skipped. `grace_days` later what is skipped or open leaves, and
  only contradictions are waited for, until `settle_days` after the day; what is pending then counts as no error.
- A day enters after all days before it: one that waits for a contradiction holds up those behind it.
- A closed day never changes. Answers that come later stand beside the alarm, see `Closed.audits_now`.
- An answer dated before its prediction speaks of something else, and is left out.

See `settling` for why this is valid. All of this follows from the times that the labels carry and from `as_of`: the
same tables give the same audits, and a later `as_of` only adds to them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aisle.audit.alarms.settling import DAY, GRACE_DAYS, SETTLE_DAYS, Held, as_date, close_days, has_answer, states
from aisle.audit.draws import audited_population, read_draws
from aisle.audit.estimates import OPEN, PENDING, RIGHT, SKIPPED, WRONG, Estimate, audit_sums, estimate
from aisle.audit.verdicts import audit_labels
from aisle.bounds import hash_order
from aisle.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pandas as pd


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
        Audits of closed days that were so when their day closed. The pending ones were not settled in `settle_days` and
        count as no error: where there are many of them, a silent alarm says little.
    late_answers, late_errors : int
        Audits of closed days whose answer would count otherwise today, and those of them that are errors now.
    answered_late : int
        Those of them that had left as skipped or open, and are answered now.
    unsettled : int
        Contradicted audits of the days that wait.
    held : Held or None
        The day that holds up those behind it, where a contradiction is not settled although the grace is over.
    early_answers : int
        Answers dated before their prediction, left out.
    accuracy_now : Estimate
        Of closed days by all answers until `as_of`, those that came too late for the alarm included; the high end
        has what is pending as right. Its level is that of one look: see `Watch.with_late_errors` for every day.
    audits_now : DataFrame
        `audits` and those of closed days that were answered since, each at its place in the order of the draw; `error`
        as it was, or confirmed since. What is skipped or open until now stays out.
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
    answered_late: int
    unsettled: int
    held: Held | None
    early_answers: int
    accuracy_now: Estimate
    audits_now: pd.DataFrame

    @property
    def held_by(self) -> dt.date | None:
        """The day that holds up those behind it, if any."""
        return None if self.held is None else self.held.day

    @property
    def behind(self) -> int:
        """Audits that are ready and wait for `held_by`."""
        return 0 if self.held is None else self.held.behind


def closed_audits(
    folder: Path | str,
    *,
    model_version: str | None = None,
    policy_id: str | None = None,
    since: dt.date | None = None,
    as_of: dt.date | None = None,
    grace_days: int = GRACE_DAYS,
    settle_days: int = SETTLE_DAYS,
    today: dt.date | None = None,
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
        A day that is over; instead of one that is not, yesterday, for what is still to come today would change a
        closed day. By default the last one (before today) on which anything was predicted or answered.
    grace_days : int ≥ 0
        How long answers are waited for.
    settle_days : int ≥ 0
        How long contradictions are, counted from the same day; `grace_days` at least.
    today : date, optional
        Of the clock (UTC).

    Raises
    ------
    DataError
        Where no automatic decision has a draw yet, or a label has no time.
    """
    for name, value in (("grace_days", grace_days), ("settle_days", settle_days)):
        if value < 0:
            raise ConfigurationError(f"alarm: {name} is {value}; it must be 0 or more")
    decided = _decisions(folder)
    labels = audit_labels(folder)
    answered_on = _label_days(labels, folder)
    until = _until(decided, answered_on, as_of, today or dt.datetime.now(dt.UTC).date())
    decided = _of_one(decided[(decided["day"] <= until).to_numpy()], f"{folder}, {until}", model_version, policy_id)
    version, policy = decided["model_version"].iloc[-1], decided["policy_id"].iloc[-1]
    if since is not None:
        decided = decided[(decided["day"] >= np.datetime64(since, "D")).to_numpy()]
    smallest = decided.groupby("day")["audit_probability"].min().cummin()
    audits = decided[decided["audit_drawn"].fillna(False).to_numpy(dtype=bool)].reset_index(drop=True)
    audits = audits.assign(smallest_probability=smallest.reindex(audits["day"]).to_numpy())
    early = _before_prediction(labels, audits)
    known = (answered_on <= until) & labels["product_id"].isin(audits["product_id"]).to_numpy() & ~early
    labels = labels[known]
    state, closed, held = close_days(audits, labels, answered_on[known], until, grace_days, settle_days)
    now = states(audits, labels)
    entered = closed & has_answer(state)
    known_now = entered | (closed & has_answer(now))
    wrong = state == WRONG
    days = audits["day"][closed]
    counted, then = _counts(now), _counts(state)
    return Closed(
        audits=_chosen(audits, entered, wrong),
        model_version=_plain(version),
        policy_id=_plain(policy),
        as_of=as_date(until),
        closed_until=as_date(days.max().to_datetime64()) if len(days) else None,
        waiting=int((~closed).sum()),
        pending=int((closed & (state == PENDING)).sum()),
        skipped=int((closed & (state == SKIPPED)).sum()),
        open=int((closed & (state == OPEN)).sum()),
        late_answers=int((closed & (counted != then)).sum()),
        late_errors=int((closed & (now == WRONG) & ~wrong).sum()),
        answered_late=int((known_now & ~entered).sum()),
        unsettled=int((~closed & (state == PENDING)).sum()),
        held=held,
        early_answers=int(early.sum()),
        accuracy_now=_accuracy(audits[closed], now[closed]),
        audits_now=_chosen(audits, known_now, wrong | (now == WRONG)),
    )


def _chosen(audits: pd.DataFrame, chosen: NDArray[np.bool_], error: NDArray[np.bool_]) -> pd.DataFrame:
    columns = ["product_id", "day", "audit_probability", "smallest_probability"]
    return audits.loc[chosen, columns].assign(error=error[chosen]).reset_index(drop=True)


def _accuracy(audits: pd.DataFrame, state: NDArray[np.int64]) -> Estimate:
    smallest = float(audits["smallest_probability"].min()) if len(audits) else 1.0
    return estimate(audit_sums(state, audits["audit_probability"].to_numpy(dtype=np.float64), smallest))


def _before_prediction(labels: pd.DataFrame, audits: pd.DataFrame) -> NDArray[np.bool_]:
    """Which answers to these audits are dated before the prediction that they are to judge."""
    import pandas as pd

    predicted_at = pd.to_datetime(audits.set_index("product_id")["predicted_at"], utc=True)
    said_at = pd.to_datetime(labels["labelled_at"], utc=True)
    return np.asarray(said_at < labels["product_id"].map(predicted_at), dtype=bool)


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


def _until(decided: pd.DataFrame, answered_on: np.ndarray[Any, Any], as_of: dt.date | None, today: dt.date) -> Any:
    """The last day of anything, or the one named, but none that is not over: its labels change, and clocks jump."""
    yesterday = np.datetime64(today, "D") - DAY
    if as_of is not None:
        return min(np.datetime64(as_of, "D"), yesterday)
    last = np.concatenate([decided["day"].to_numpy(dtype="datetime64[D]"), answered_on]).max()
    return min(last, yesterday)


def _of_one(decided: pd.DataFrame, where: str, model_version: str | None, policy_id: str | None) -> pd.DataFrame:
    """The decisions of one model version under one policy, the newest by default."""
    for column, wanted in (("model_version", model_version), ("policy_id", policy_id)):
        names = decided[column].fillna("").astype(str)
        name = str(wanted) if wanted is not None else (names.iloc[-1] if len(names) else "")
        decided = decided[(names == name).to_numpy()]
        if decided.empty:
            raise DataError(f"{where}: no automatic decision with a draw until then has the {column} '{name}'")
    return decided


def _counts(state: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How an audit of each state counts: 1 as an error, 0 as none, -1 not at all."""
    return np.select([state == WRONG, np.isin(state, (RIGHT, PENDING))], [1, 0], -1)


def _plain(name: Any) -> str | None:
    import pandas as pd

    return None if pd.isna(name) else str(name)
