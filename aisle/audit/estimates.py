"""How many decisions are right: estimates of audits, by slice, with what is not known yet beside them.

What an audit says of a decision is its *state*:

    right      the person found the decision right, or a second person cleared it
    wrong      a person contradicted the decision, and a second one confirmed that it is wrong (see `audit_state`
               for products under review, where a machine has decided nothing)
    pending    contradicted by one person, not settled yet
    skipped    drawn, shown, and the person could not say
    open       drawn, no answer yet

An error counts once it is confirmed. Skipped and open audits leave both sums of the estimate, which assumes
that leaving does not depend on being right; what they could do at worst is printed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.audit.intervals import share_interval, standard_error

if TYPE_CHECKING:
    import pandas as pd

STATES = ("right", "wrong", "pending", "skipped", "open")
RIGHT, WRONG, PENDING, SKIPPED, OPEN = range(5)
LEVEL = 0.95
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AuditSums:
    """All that an estimate needs, of one slice (0-dimensional) or of many (shape (g,)); sums of sums are sums.

    Attributes
    ----------
    count, weight, squares : arrays of shape (5, …)
        Of each of `STATES`: audits, Σ w and Σ w², with w = 1 / audit_probability.
    largest : array of shape (…)
        1 / the least audit_probability of any product of the slice, drawn or not.
    """

    count: _Floats
    weight: _Floats
    squares: _Floats
    largest: _Floats

    def slice(self, number: int) -> AuditSums:
        """The sums of one of many slices."""
        return AuditSums(self.count[:, number], self.weight[:, number], self.squares[:, number], self.largest[number])

    def __add__(self, other: AuditSums) -> AuditSums:
        largest = np.maximum(self.largest, other.largest)
        return AuditSums(self.count + other.count, self.weight + other.weight, self.squares + other.squares, largest)


def audit_sums(
    state: ArrayLike,
    audit_probability: ArrayLike,
    smallest_probability: ArrayLike,
    group: ArrayLike | None = None,
    groups: int | None = None,
) -> AuditSums:
    """The sums of n audits, of all together or of each group.

    Parameters
    ----------
    state : array-like of int, shape (n,)
        Places in `STATES`.
    audit_probability : array-like of float in (0, 1], shape (n,)
    smallest_probability : float, or array-like of shape (groups,)
        The least audit_probability of any product that belongs to the slice, drawn or not. The floor
        of the rates is always safe.
    group : array-like of int, shape (n,), optional
        From 0; without it there is one slice.
    groups : int, optional
        How many there are, where the last ones may have no audit.

    Raises
    ------
    ValueError
        For a probability outside (0, 1], or below the smallest one.
    """
    states = np.asarray(state, dtype=np.int64)
    probability = np.asarray(audit_probability, dtype=np.float64)
    place = np.zeros(states.size, dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    many = groups if groups is not None else int(place.max(initial=0)) + 1
    smallest = np.broadcast_to(np.asarray(smallest_probability, dtype=np.float64), many)
    if probability.size and not (probability.min() > 0 and probability.max() <= 1):
        raise ValueError("an audit_probability must lie in (0, 1]")
    if (probability < smallest[place] * (1 - 1e-9)).any():
        raise ValueError("an audit_probability lies below the smallest one of its slice")
    weight = 1 / probability
    where = states * many + place
    count, total, squares = (
        np.asarray(np.bincount(where, weights=one, minlength=len(STATES) * many), dtype=np.float64).reshape(-1, many)
        for one in (np.ones(states.size), weight, weight**2)
    )
    sums = AuditSums(count, total, squares, 1 / smallest)
    return sums if group is not None else sums.slice(0)


@dataclass(frozen=True)
class Estimate:
    """Share of decisions that are right, of one slice (numbers) or of many (arrays of shape (g,)).

    Attributes
    ----------
    accuracy : float in [0, 1]
        Hájek's estimate Σ w · right / Σ w (Hájek 1971), with pending audits as right: an error counts
        once it is confirmed. nan without audits.
    low, high : float
        Interval that holds the truth with probability ≥ `level`, whatever second people will say of
        the pending ones: the low end has them wrong, the high end right. (0, 1) without audits.
    if_pending_wrong : float
        The estimate with all pending ones wrong.
    worst, best : float
        The estimate with all skipped and open audits wrong (and the pending ones), or right.
    worst_low, best_high : float
        The ends of the interval then: it holds whatever the reason for which audits have no answer.
    standard_error : float
        See `intervals.standard_error`.
    answered, wrong, pending, skipped, open : int
        Audits.
    response_rate : float
        Share of the drawn ones that were answered; nan without any.
    """

    accuracy: Any
    low: Any
    high: Any
    if_pending_wrong: Any
    worst: Any
    best: Any
    worst_low: Any
    best_high: Any
    standard_error: Any
    answered: Any
    wrong: Any
    pending: Any
    skipped: Any
    open: Any
    response_rate: Any
    level: float = LEVEL

    def table(self, names: Sequence[Any], title: str = "slice") -> pd.DataFrame:
        """One row a slice, named by `names` in a column `title`; for printing and for CSV."""
        import pandas as pd

        columns = {one.name: np.atleast_1d(getattr(self, one.name)) for one in fields(self) if one.name != "level"}
        return pd.DataFrame({title: list(names)} | columns)


def estimate(sums: AuditSums, level: float = LEVEL) -> Estimate:
    """Accuracy of each slice of `sums`, with intervals of probability ≥ `level` in (0, 1)."""
    answered, missing = [RIGHT, WRONG, PENDING], [SKIPPED, OPEN]

    def share(among: list[int], wrong: list[int]) -> tuple[Any, Any, Any]:
        """Error share and its ends, with these states as wrong."""
        weight, hit, squares, squares_hit = _parts(sums, among, wrong)
        count = sums.count[among].sum(axis=0)
        return share_interval(count, weight, hit, squares, squares_hit, sums.largest, level)

    error, error_low, _ = share(answered, [WRONG])
    error_pending, _, error_high = share(answered, [WRONG, PENDING])
    worst, _, worst_high = share(answered + missing, [WRONG, PENDING, *missing])
    best, best_low, _ = share(answered + missing, [WRONG])
    count = np.rint(sums.count).astype(np.int64)
    drawn, done = count.sum(axis=0), count[answered].sum(axis=0)
    rate = np.divide(done, drawn, out=np.full(np.shape(drawn), np.nan), where=drawn > 0)
    values = {
        "accuracy": 1 - error,
        "low": 1 - error_high,
        "high": 1 - error_low,
        "if_pending_wrong": 1 - error_pending,
        "worst": 1 - worst,
        "best": 1 - best,
        "worst_low": 1 - worst_high,
        "best_high": 1 - best_low,
        "standard_error": standard_error(*_parts(sums, answered, [WRONG])),
        "answered": done,
        "wrong": count[WRONG],
        "pending": count[PENDING],
        "skipped": count[SKIPPED],
        "open": count[OPEN],
        "response_rate": rate,
    }
    return Estimate(**{name: _plain(one) for name, one in values.items()}, level=level)


def _parts(sums: AuditSums, among: list[int], hit: list[int]) -> tuple[Any, Any, Any, Any]:
    """Σ w of states and of those that count, Σ w² likewise."""
    return (
        sums.weight[among].sum(axis=0),
        sums.weight[hit].sum(axis=0),
        sums.squares[among].sum(axis=0),
        sums.squares[hit].sum(axis=0),
    )


def _plain(values: Any) -> Any:
    """A Python number where there is one slice."""
    return values.item() if np.ndim(values) == 0 else values


def audit_state(
    agree: ArrayLike, contradict: ArrayLike, settled: ArrayLike, skipped: ArrayLike, automatic: ArrayLike
) -> NDArray[np.int64]:
    """The state of each audit from the answers to it, shape (n,).

    Parameters
    ----------
    agree, contradict : array-like of int
        How many different people found the category right or wrong.
    settled : array-like of int
        What an adjudication said: 1 right, 0 wrong, -1 there is none.
    skipped : array-like of int
        How many could not say.
    automatic : array-like of truth values
        Whether a machine had decided: only then is there a decision to contradict, and one person's word
        against it is pending until another one says the same. Under review the answer is the decision;
        it counts at once against the category that the model had on top.

    Where as many people agree as contradict, a third one or an adjudication has to settle it.
    """
    yes, no, final, unsure = (np.asarray(one, dtype=np.int64) for one in (agree, contradict, settled, skipped))
    enough = np.where(np.asarray(automatic, dtype=bool), 2, 1)
    conditions = [final == 1, final == 0, yes > no, (no > yes) & (no >= enough), no > 0, unsure > 0]
    return np.select(conditions, [RIGHT, WRONG, RIGHT, WRONG, PENDING, SKIPPED], OPEN).astype(np.int64)
