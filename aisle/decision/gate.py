"""May the challenger replace the champion? A paired comparison on the same test rows.

Three checks, each with an interval at `LEVEL`:

promise
    The challenger's accuracy among the products that it decides automatically must not be
    refuted: the upper end of its interval reaches the target accuracy.
accuracy_all
    Share of all products put right, challenger − champion, against −`accuracy_margin`.
coverage
    Share of all products decided automatically, each with its own threshold, challenger −
    champion, against −`coverage_margin`.

A difference wholly below its limit fails, one wholly at or above it passes, anything between is
undecided: the test rows are too few to tell. A truly worse challenger (by the margin or more)
passes with a probability of at most (1 − `LEVEL`) / 2, about.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from aisle.bounds import weighted_interval
from aisle.config import Gate
from aisle.errors import DataError

LEVEL = 0.95

Result = Literal["passed", "failed", "undecided", "no_champion"]
Outcome = Literal["passed", "failed", "undecided"]


@dataclass(frozen=True)
class Check:
    """One comparison: an estimate with its interval, the limit that it is held against, and what follows."""

    name: str
    outcome: Outcome
    reason: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What the gate says, and why; `rows` is the number of test rows looked at."""

    result: Result
    rows: int
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """One sentence a check and a note, for people."""
        return [check.reason for check in self.checks] + list(self.notes)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: result, rows, reasons, checks."""
        checks = [asdict(check) for check in self.checks]
        return {"result": self.result, "rows": self.rows, "reasons": self.reasons, "checks": checks}


def compare(
    challenger: pd.DataFrame,
    champion: pd.DataFrame | None,
    truth: pd.DataFrame,
    target_accuracy: float | None,
    margins: Gate,
    known_to_champion: set[str] | None = None,
) -> Verdict:
    """Hold the challenger's answers for the test rows against the promise and the champion's answers.

    Parameters
    ----------
    challenger, champion : DataFrame of n rows
        Columns `product_id`, `category_id` (the top category) and `decision` ("auto" or
        "review"), row by row the products of `truth`. No champion: None.
    truth : DataFrame of n rows
        The test rows: `product_id`, `category_id` (the label); where present
        `weight` (of a row among the others, see `prepare`) and `group` (rows of one
        group count as one observation).
    target_accuracy : float in (0, 1) or None
        What the challenger's policy promises; None when it promises nothing.
    margins : aisle.config.Gate
    known_to_champion : set of str, optional
        Category ids of the champion's own tree. Labels outside of it are wrong for the
        champion, and a note says how many there are.

    Raises
    ------
    DataError
        When a frame does not hold the products of `truth` in their order, or there are none.
    """
    for name, frame in (("challenger", challenger), ("champion", champion)):
        if frame is not None and frame["product_id"].tolist() != truth["product_id"].tolist():
            raise DataError(f"gate: the {name}'s answers are not those of the test rows; run `dvc repro` again")
    if truth.empty:
        raise DataError("gate: there are no test rows to compare on; raise split.test in params.yaml")
    weight = _weights(truth)
    right, automatic = _right(challenger, truth), _automatic(challenger)
    promise = _promise(right[automatic], weight[automatic], target_accuracy)
    if champion is None:
        result: Result = "failed" if promise.outcome == "failed" else "no_champion"
        return Verdict(result, len(truth), (promise,), ("there is no champion yet to compare with",))
    group = truth["group"].to_numpy() if "group" in truth else np.arange(len(truth))
    checks = (
        promise,
        _difference("accuracy_all", right, _right(champion, truth), weight, group, margins.accuracy_margin),
        _difference("coverage", automatic, _automatic(champion), weight, group, margins.coverage_margin),
    )
    return Verdict(_overall(checks), len(truth), checks, _notes(truth, known_to_champion))


def _weights(truth: pd.DataFrame) -> NDArray[np.float64]:
    return truth["weight"].to_numpy(dtype=np.float64) if "weight" in truth else np.ones(len(truth))


def _right(answers: pd.DataFrame, truth: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(
        answers["category_id"].to_numpy(dtype=object) == truth["category_id"].to_numpy(dtype=object), bool
    )


def _automatic(answers: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(answers["decision"].to_numpy(dtype=object) == "auto", bool)


def _overall(checks: tuple[Check, ...]) -> Outcome:
    outcomes = {check.outcome for check in checks}
    if "failed" in outcomes:
        return "failed"
    return "undecided" if "undecided" in outcomes else "passed"


def _notes(truth: pd.DataFrame, known: set[str] | None) -> tuple[str, ...]:
    if known is None:
        return ()
    unknown = truth.loc[~truth["category_id"].isin(list(known)), "category_id"]
    if unknown.empty:
        return ()
    return (
        f"the champion's tree is another one: {len(unknown):,} of {len(truth):,} test rows belong to "
        f"{unknown.nunique()} categories that it does not know, and count as wrong for it",
    )


def _promise(right: NDArray[np.bool_], weight: NDArray[np.float64], target: float | None) -> Check:
    if target is None:
        return Check("promise", "passed", "accuracy: the policy promises none")
    if not right.size:
        return Check("promise", "passed", "accuracy: nothing is decided automatically, so no promise can be broken")
    estimate, low, high = weighted_interval(right, weight, LEVEL)
    said = f"accuracy {estimate:.1%} [{low:.1%}, {high:.1%}] among {right.size:,} decided automatically"
    if high < target:
        reason = f"{said}: the target accuracy of {target:.1%} is refuted"
        return Check("promise", "failed", reason, estimate, low, high, target)
    return Check("promise", "passed", f"{said}: the target of {target:.1%} is not refuted", estimate, low, high, target)


_NAMES = {"accuracy_all": "accuracy over all products", "coverage": "coverage"}


def _difference(
    name: str,
    challenger: NDArray[np.bool_],
    champion: NDArray[np.bool_],
    weight: NDArray[np.float64],
    group: NDArray[Any],
    margin: float,
) -> Check:
    estimate, low, high = paired_difference(challenger, champion, weight, group, LEVEL)
    outcome: Outcome = "failed" if high < -margin else "passed" if low >= -margin else "undecided"
    shares = [float(np.average(side, weights=weight)) for side in (challenger, champion)]
    said = (
        f"{_NAMES[name]} {shares[0]:.1%} against the champion's {shares[1]:.1%}: "
        f"{_points(estimate)} points [{_points(low)}, {_points(high)}]"
    )
    follows = {
        "failed": f"worse by more than the {100 * margin:.1f} allowed",
        "passed": f"not worse by more than {100 * margin:.1f}",
        "undecided": f"too few test rows to exclude a loss of more than {100 * margin:.1f}",
    }
    return Check(name, outcome, f"{said}: {follows[outcome]}", estimate, low, high, -margin)


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    weight: ArrayLike | None = None,
    group: ArrayLike | None = None,
    level: float = LEVEL,
) -> tuple[float, float, float]:
    """Difference of two shares seen on the same rows, first − second, with an interval.

    The estimate is Σ w·(first − second) / Σ w. The interval is Tango's (1998) for as many rows as
    the sample is worth: the smaller of Kish's effective size with each group taken as one row
    (Kish 1965, "Survey sampling"), and the size that the linearised variance speaks for (Korn &
    Graubard 1998, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data"). With equal weights and groups of one it is Tango's own.

    Parameters
    ----------
    first, second : array-like of shape (n,), of truth values; n ≥ 1
    weight : array-like of shape (n,), positive, optional
    group : array-like of shape (n,), optional
        Rows with the same value are one observation.
    level : float in (0, 1)

    Returns
    -------
    estimate, low, high : float in [−1, 1]
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    mass = np.ones_like(one) if weight is None else np.asarray(weight, dtype=np.float64)
    gains, losses = (float(np.average(one > two, weights=mass)), float(np.average(one < two, weights=mass)))
    member = np.arange(one.size) if group is None else np.unique(np.asarray(group), return_inverse=True)[1]
    rows = _effective_rows(one - two, mass, member, gains + losses - (gains - losses) ** 2)
    low, high = tango_interval(gains * rows, losses * rows, rows, level)
    estimate = gains - losses
    return estimate, min(low, estimate), max(high, estimate)


def _effective_rows(
    difference: NDArray[np.float64], mass: NDArray[np.float64], member: NDArray[np.intp], variance: float
) -> float:
    """How many independent rows of equal weight say as much; `variance` is that of one such row."""
    total = mass.sum()
    kish = float(total**2 / np.sum(np.bincount(member, mass) ** 2))
    residual = np.bincount(member, mass * (difference - np.average(difference, weights=mass)))
    groups = int(member.max()) + 1
    of_the_mean = float(np.sum(residual**2) / total**2) * groups / max(groups - 1, 1)
    return min(kish, variance / of_the_mean) if of_the_mean > 0 and variance > 0 else kish


def tango_interval(gains: float, losses: float, rows: float, level: float = LEVEL) -> tuple[float, float]:
    """Score interval of the difference (gains − losses) / rows of two paired shares.

    Tango 1998, "Equivalence test and confidence interval for the difference in proportions for
    the paired-sample design". Good from a handful of rows on, and never of width zero: without
    any gain or loss the ends are ± z² / (rows + z²).

    Parameters
    ----------
    gains, losses : float ≥ 0
        Rows where only the first, only the second is right; need not be whole.
    rows : float ≥ gains + losses, positive
    level : float in (0, 1)
    """
    z = float(norm.ppf((1 + level) / 2))

    def distance(delta: float, quantile: float) -> float:
        a, c = 2 * rows, -losses * delta * (1 - delta)
        b = -gains - losses + (2 * rows - gains + losses) * delta
        lost = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)  # likeliest share of losses, given delta
        spread = math.sqrt(max(rows * (2 * lost + delta * (1 - delta)), 0.0))
        return gains - losses - rows * delta - quantile * spread

    observed = (gains - losses) / rows
    edge, hair = 1 - 1e-12, 1e-9  # a hair off the estimate: without gains and losses the spread there is 0
    below, above = max(observed - hair, -edge), min(observed + hair, edge)
    low = float(brentq(distance, -edge, below, args=(z,))) if distance(-edge, z) > 0 > distance(below, z) else -1.0
    high = float(brentq(distance, above, edge, args=(-z,))) if distance(above, -z) > 0 > distance(edge, -z) else 1.0
    return low, high
