"""When a day closes, and what its audits were then: who enters is fixed first, what is contradicted is waited for.

Whether an audit enters follows from when it was answered, never from what was said: with answers to all of its audits,
and `grace_days` later at the latest, the audits of a day that enter are fixed; what is skipped or open then leaves.
Errors are confirmed later than the rest, so a contradiction holds its day until it is settled: an alarm that took the
day as it is would never see the errors of people who confirm slowly. After `settle_days` it counts as no error,
for one person's word against a decision is none.

Waiting costs time, never validity. Days enter in their order, so that what the alarm has seen on any evening is a
beginning of one and the same series of audits, however long each part of it took and whatever that depends on; and
over the whole of a series it rings falsely no more often than it says.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aisle.audit.estimates import OPEN, PENDING, RIGHT, SKIPPED, WRONG, audit_state
from aisle.audit.verdicts import verdicts

if TYPE_CHECKING:
    import pandas as pd

GRACE_DAYS = 3
SETTLE_DAYS = 30
DAY = np.timedelta64(1, "D")


class Held(NamedTuple):
    """A day that holds up those after it: its grace is over, and contradictions of it are not settled.

    `pending` of its audits are contradicted; `behind` audits of later days are ready and wait for it; on `until` it
    closes whatever is settled by then.
    """

    day: dt.date
    pending: int
    behind: int
    until: dt.date


class Settled(NamedTuple):
    """Of n audits, in their order.

    Attributes
    ----------
    state : array of int, shape (n,)
        Places in `estimates.STATES`: when its day closed, or now where it has not.
    closed : array of truth values, shape (n,)
        Whether its day, and all before it, are closed.
    held : Held or None
    """

    state: NDArray[np.int64]
    closed: NDArray[np.bool_]
    held: Held | None


def close_days(
    audits: pd.DataFrame,
    labels: pd.DataFrame,
    answered_on: NDArray[np.datetime64],
    until: np.datetime64,
    grace_days: int = GRACE_DAYS,
    settle_days: int = SETTLE_DAYS,
) -> Settled:
    """Which days are closed by the end of `until`, and how.

    Parameters
    ----------
    audits : DataFrame
        In the order of the draw: `day`, `product_id`, `revision`, `category_id`.
    labels : DataFrame
        Answers to these audits alone.
    answered_on : array of days, shape of `labels`
    grace_days, settle_days : int ≥ 0
        See the module; the second counts from the day, too, and is no shorter than the first.
    """
    import pandas as pd

    day = audits["day"].to_numpy(dtype="datetime64[D]")
    days, place = np.unique(day, return_inverse=True)
    of_label = pd.Index(audits["product_id"]).get_indexer(labels["product_id"])
    waited = (answered_on - day[of_label]) / DAY
    state = np.full(len(audits), OPEN, dtype=np.int64)
    left = np.zeros(len(audits), dtype=bool)
    fixed, closed = np.zeros(len(days), dtype=bool), np.zeros(len(days), dtype=bool)

    def any_of(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.bincount(place[chosen], minlength=len(days)) > 0

    last = max(grace_days, settle_days)
    for wait in range(last + 1):
        due = ~closed & (days + wait * DAY <= until)
        if not due.any():
            break
        chosen = due[place]
        by_then = states(audits[chosen], labels[chosen[of_label] & (waited <= wait)])
        state[chosen] = np.where(left[chosen], state[chosen], by_then)
        fixes = due & ~fixed & (~any_of(state == OPEN) | (wait >= grace_days))
        left |= fixes[place] & np.isin(state, (SKIPPED, OPEN))
        fixed |= fixes
        closed |= due & fixed & (~any_of(state == PENDING) | (wait == last))
    entered = np.logical_and.accumulate(closed)
    held = None
    first = int(np.argmin(entered)) if not entered.all() else -1
    if first >= 0 and days[first] + grace_days * DAY <= until:
        behind = (place > first) & fixed[place] & ~left
        of_day = (place == first) & (state == PENDING)
        held = Held(as_date(days[first]), int(of_day.sum()), int(behind.sum()), as_date(days[first] + last * DAY))
    return Settled(state, entered[place], held)


def states(audits: pd.DataFrame, labels: pd.DataFrame) -> NDArray[np.int64]:
    """The state of each of `audits`, of automatic decisions, by these answers; shape (n,)."""
    if audits.empty:
        return np.empty(0, dtype=np.int64)
    said = verdicts(audits.reset_index(drop=True), labels.reset_index(drop=True))
    return audit_state(said["agree"], said["contradict"], said["settled"], said["skipped"], np.ones(len(said), bool))


def has_answer(state: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a person said right or wrong, whichever it was, settled or not."""
    return np.isin(state, (RIGHT, WRONG, PENDING))


def as_date(day: Any) -> dt.date:
    """A day of numpy as one of Python."""
    return dt.date.fromisoformat(str(day)[:10])
