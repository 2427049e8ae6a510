"""How accurate the champion's automatic decisions really are, by audits; and how many more it takes to know."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.estimates import RIGHT, AuditSums, Estimate, audit_sums, estimate
from aisle.audit.verdicts import accuracy_by

if TYPE_CHECKING:
    import pandas as pd

MOST_AUDITS = 1_000_000  # more are no advice


@dataclass(frozen=True)
class Accuracy:
    """Audited accuracy among the automatic decisions of one model version.

    Attributes
    ----------
    estimate : Estimate
        Of the whole window.
    target, tolerance : float
        What was promised, and how far below it the low end may lie for accuracy to be known.
    products : int
        Automatic decisions that an audit could have drawn.
    audits_needed : int or None
        How many more answered audits of automatic decisions bring the low end there; 0 when it is known, None
        where no number is enough.
    at_least : bool
        Whether `audits_needed` takes every one of them to be right, because the reading lies too low now.
    audits_a_day : float
        Answered audits of automatic decisions, for each day since the version decides.
    by : dict of DataFrames
        `day`, `branch` and `seller`, as `accuracy_by` gives them.
    """

    estimate: Estimate
    target: float
    tolerance: float
    products: int
    audits_needed: int | None
    at_least: bool
    audits_a_day: float
    by: dict[str, pd.DataFrame]

    @property
    def limit(self) -> float:
        """Where the low end of the interval must lie."""
        return self.target - self.tolerance

    @property
    def known(self) -> bool:
        """Whether the low end of the interval lies at the limit or above."""
        return bool(self.estimate.answered > 0 and self.estimate.low >= self.limit)

    @property
    def days_needed(self) -> int | None:
        """Days that the missing audits take at the present rate; None where that cannot be said."""
        if self.audits_needed is None or (self.audits_needed and not self.audits_a_day):
            return None
        return math.ceil(self.audits_needed / self.audits_a_day) if self.audits_needed else 0

    def as_table(self) -> dict[str, Any]:
        """Plain data for the verdict."""
        found = self.estimate
        return {
            "of": "automatic decisions of this model version",
            "target": self.target,
            "tolerance": self.tolerance,
            "known": self.known,
            "accuracy": found.accuracy,
            "low": found.low,
            "high": found.high,
            "level": found.level,
            "if_pending_wrong": found.if_pending_wrong,
            "products": self.products,
            "answered": found.answered,
            "wrong": found.wrong,
            "pending": found.pending,
            "skipped": found.skipped,
            "open": found.open,
            "response_rate": found.response_rate,
            "audits_needed": self.audits_needed,
            "audits_needed_is_least": self.at_least,
            "audits_a_day": round(self.audits_a_day, 3),
            "days_needed": self.days_needed,
            "by_branch": self._rows("branch"),
            "by_seller": self._rows("seller"),
        }

    def _rows(self, name: str, most: int = 20) -> list[dict[str, Any]]:
        """The slices with most answers, as plain data."""
        table = self.by[name]
        chosen = table[table["answered"] > 0].sort_values(["answered", "slice"], ascending=[False, True]).head(most)
        columns = ["slice", "products", "answered", "wrong", "accuracy", "low", "high"]
        return [{str(name): value for name, value in row.items()} for row in chosen[columns].to_dict("records")]


def accuracy_of(population: pd.DataFrame, target: float, tolerance: float, days: int) -> Accuracy:
    """The accuracy of the automatic decisions among `population`: the champion's rows of `Window.population`.

    Parameters
    ----------
    population : DataFrame
        First predictions with a draw: `day`, `branch_id`, `seller`, `decision`, `audit_probability`, `state`.
    days : int
        Of the window, for the rate at which answers come.
    """
    import pandas as pd

    rows = population[(population["decision"] == "auto").to_numpy(dtype=bool)]
    rows = rows.assign(received_on=pd.to_datetime(rows["day"]))  # reports show an answer at the day of its prediction
    sums = sums_of(rows)
    found = estimate(sums)
    needed, at_least = audits_needed(sums, target, tolerance)
    by = {name: _by(rows, name) for name in ("day", "branch", "seller")}
    return Accuracy(found, target, tolerance, len(rows), needed, at_least, found.answered / max(days, 1), by)


def sums_of(rows: pd.DataFrame) -> AuditSums:
    """What estimates need of the audits of `rows`, all of them automatic decisions with a draw."""
    probability = rows["audit_probability"].to_numpy(dtype=np.float64)
    state = rows["state"].to_numpy(dtype=np.int64)
    smallest = float(probability.min()) if probability.size else 1.0
    return audit_sums(state[state >= 0], probability[state >= 0], smallest)


def _by(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """`accuracy_by`, of automatic decisions; without rows an empty table of the same columns."""
    import pandas as pd

    if rows.empty:
        columns = ["slice", "of", "products", "accuracy", "low", "high", "answered", "wrong", "pending"]
        return pd.DataFrame(columns=columns).astype({"answered": int, "wrong": int, "pending": int, "products": int})
    table = accuracy_by(rows, name)
    return table[(table["of"] == "auto").to_numpy()].reset_index(drop=True)


def audits_needed(sums: AuditSums, target: float, tolerance: float) -> tuple[int | None, bool]:
    """How many more answered audits bring the low end of the interval to `target` − `tolerance`.

    Where the reading lies above that, more of the same kind are imagined, in the proportions and with the weights of
    those that are there; without any, audits of equal weight of which a share of `target` is right. Where it lies
    below, further audits that are all right: a least number, which the second value says.
    """
    limit = target - tolerance
    found = estimate(sums)
    if found.answered > 0 and found.low >= limit:
        return 0, False
    if found.answered == 0:
        right = np.array([target, 1 - target, 0.0, 0.0, 0.0])
        return _least(lambda number: AuditSums(right * number, right * number, right * number, np.asarray(1.0)), limit)
    if found.if_pending_wrong > limit:
        share = 1 / found.answered
        grown = _least(lambda number: _scaled(sums, 1 + number * share), limit)
        if grown[0] is not None:
            return grown
    typical = sums.weight[:3].sum() / sums.count[:3].sum()
    one = np.eye(5)[RIGHT]
    more, _ = _least(
        lambda number: (
            sums + AuditSums(one * number, one * number * typical, one * number * typical**2, np.asarray(sums.largest))
        ),
        limit,
    )
    return more, True


def _scaled(sums: AuditSums, factor: float) -> AuditSums:
    return AuditSums(sums.count * factor, sums.weight * factor, sums.squares * factor, sums.largest)


def _least(of: Callable[[float], AuditSums], limit: float) -> tuple[int | None, bool]:
    """The least number of audits whose interval begins at `limit` or above; None where a million are too few."""

    def enough(number: int) -> bool:
        return bool(estimate(of(float(number))).low >= limit)

    high = 1
    while not enough(high):
        high *= 2
        if high > MOST_AUDITS:
            return None, False
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high, False
