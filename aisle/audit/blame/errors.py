"""Which slice explains the errors: a scan of all slices for an error rate above the one that was expected.

*Whether* a slice is blamed is a test: are there more errors than its expected rate explains? Where each audit has
an expected rate of its own, from all that its chance of being drawn depends on (confidence and branch), the draw tells
nothing more about its error, and the errors are counted as they are: the exact binomial test with the mean rate, which
the sum of unequal ones never exceeds in the tail (Hoeffding 1956). Where there is one rate for all, audits are
weighted, and the test is the one that belongs to their intervals (`aisle.audit.intervals`): a slice is found at p
exactly where the low end of its interval of level 1 − 2p lies at that rate.

False discoveries are held down over all slices by Benjamini & Hochberg (1995). Slices overlap, and that is allowed
here: audits err independently of each other, every p-value falls when any one error is added, and a count of
independent errors is log-concave, so that given one p-value the others rise with it (Efron 1965): the positive
dependence on which Benjamini & Yekutieli (2001) prove the procedure. Where weights differ, the proof does not reach;
simulations do (`tests/aisle/audit/test_blame_errors.py`).

Slices inside a time (`aisle.audit.blame.timing`) are a second family of the same procedure
(`aisle.audit.blame.families`): they are counts of errors of the same audits, so that all of this holds for them, too.

*Which* slice stands first is the likelihood: n · KL(rate ‖ expected rate), what the audits gain in likelihood when
this one slice is given its own rate (the expectation-based scan statistic: Kulldorff 1997, "A spatial scan statistic";
Neill 2009), weighted, with all weights on one scale so that a slice and a part of it compare. Of two slices with the
same excess the one with fewer other rows gains more, so that a day, a branch or "all" loses against the seller in it
who went wrong, and a part of that seller explains less. Each column is as likely as another and each of its values
with enough audits as another, so the logarithm of their number is taken off; a slice since a day has the number of
days to pay, too, so that it beats the slice as a whole only where the days before were good. Where a time stands first,
what is found inside it takes its place if together it explains more (`aisle.audit.blame.choosing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aisle.audit.blame.choosing import one_after_the_other
from aisle.audit.blame.families import discovered
from aisle.audit.blame.slices import LEVEL, PAIRS, SLICES, Blamed
from aisle.audit.blame.slices import slices_of as _slices_of
from aisle.audit.blame.telling import answers_instead, telling_errors
from aisle.audit.blame.timing import TIMES, Candidates
from aisle.audit.estimates import PENDING, RIGHT, WRONG
from aisle.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LEAST_AUDITS = 3  # a slice of fewer can show nothing; how many it has does not depend on their errors
LEAST_EVIDENCE = 1.0  # what is left after the slices before must gain so much in log-likelihood, its cost taken off
_LEAST_RATE = 1e-4
_NOTHING = 1e-300
_NODES = 32
_Floats = NDArray[np.float64]
_Truths = NDArray[np.bool_]


def blame_errors(
    audits: pd.DataFrame,
    expected: ArrayLike,
    columns: Sequence[str] = SLICES,
    pairs: Sequence[tuple[str, str]] = PAIRS,
    level: float = LEVEL,
    most: int = 10,
    reference_rows: float | None = None,
) -> list[Blamed]:
    """The slices whose errors exceed what was expected, the one that explains most of them first.

    Parameters
    ----------
    audits : DataFrame of n rows
        Answered audits of automatic decisions: `error` (confirmed wrong), `weight` (1 / audit_probability; 1
        where missing), `product_id`, `confidence`, perhaps `answered_category_id`, and the columns of the slices; those
        it lacks are passed over.
    expected : float, or array-like of shape (n,), in [0, 1]
        The error rate allowed, 1 − target; or better, of each audit the one that the champion's held-out frame leads to
        expect of its confidence and branch (`aisle.audit.expected.expected_errors`).
    columns, pairs : sequences
        Slices to look at. `day` brings the slices since a day, too.
    level : float in (0, 1)
        Share of false discoveries: slices with a q-value at most this are blamed.
    most : int
        How many slices at most.
    reference_rows : float, optional
        How many rows the expected rates rest on: they are then uncertain themselves, by a Beta law of so many.

    Returns
    -------
    list of Blamed
        In the order in which they are found, by evidence: one of few audits that nearly all went wrong may stand
        before one that brought more errors. Each explains what those before it leave, and `share_explained` is of
        that; together they are at most 1. Empty where no slice has more errors than chance brings.

    Raises
    ------
    DataError
        Where `error` is missing, or a weight is not positive.
    """
    if "error" not in audits:
        raise DataError(
            "blame of errors: the audits have no column 'error' (true where a decision was confirmed wrong)"
        )
    rows = audits.reset_index(drop=True)
    error = rows["error"].to_numpy(dtype=np.float64)
    weight = rows["weight"].to_numpy(dtype=np.float64) if "weight" in rows else np.ones(len(rows))
    if not len(rows):
        return []
    if not (weight > 0).all():
        raise DataError("blame of errors: a weight is not positive; it is 1 / audit_probability")
    rate = np.clip(np.broadcast_to(np.asarray(expected, dtype=np.float64), error.shape), _LEAST_RATE, 1 - _LEAST_RATE)
    slices = _slices_of(rows, [one for one in columns if one not in TIMES], pairs)
    candidates = Candidates(slices, rows, columns)
    even = weight if np.ndim(expected) == 0 else np.ones_like(weight)
    scan = _Scan(candidates, error, even, rate, reference_rows, level)
    steps = one_after_the_other(scan, most, LEAST_EVIDENCE)
    total, wrong = candidates.sums(weight), candidates.sums(weight * error)
    due = candidates.sums(weight * rate)
    shares = _shares_explained(scan, [number for number, _ in steps], weight, error)
    found = []
    for (number, evidence), share in zip(steps, shares, strict=True):
        column, value = candidates.slice(number)
        since, within = candidates.when(number)
        failed = rows[candidates.members(number) & (error > 0)]
        found.append(
            Blamed(
                column=column,
                value=value,
                rows=int(scan.count[number]),
                share_explained=share,
                rate=float(wrong[number] / total[number]),
                expected_rate=float(due[number] / total[number]),
                p_value=float(scan.p_value[scan.same[number]]),
                q_value=float(scan.q_value[scan.same[number]]),
                products=telling_errors(failed),
                evidence=evidence,
                same=candidates.others(number, scan.same),
                since=since,
                within=within,
                answers=answers_instead(failed),
            )
        )
    return found


def _shares_explained(scan: _Scan, chosen: Sequence[int], weight: _Floats, error: _Floats) -> list[float]:
    """Of all errors beyond the expected ones, the share that each slice adds to those before it; at most 1 together.

    All are those that the slices add and those that no slice explains. Where the other audits have fewer errors than
    was expected, that takes nothing away from what the slices brought.
    """
    added = [
        max(float((weight * (error - scan.given(chosen[:place])))[scan.candidates.members(number)].sum()), 0.0)
        for place, number in enumerate(chosen)
    ]
    rest = max(float((weight * (error - scan.given(chosen))).sum()), 0.0)
    return [one / max(sum(added) + rest, _NOTHING) for one in added]


def answered_audits(rows: pd.DataFrame) -> pd.DataFrame:
    """Answered audits of automatic decisions, as `blame_errors` takes them: with `error` and `weight`.

    Parameters
    ----------
    rows : DataFrame
        Predictions, audited or not: `decision`, `state` (a place in `aisle.audit.estimates.STATES`, −1 not drawn) and
        `audit_probability`. An error counts once it is confirmed: pending ones are none.
    """
    taken = rows["state"].isin([RIGHT, WRONG, PENDING]).to_numpy() & (rows["decision"] == "auto").to_numpy()
    audits = rows[taken].reset_index(drop=True)
    weight = 1 / audits["audit_probability"].to_numpy(dtype=np.float64)
    return audits.assign(error=(audits["state"] == WRONG).to_numpy(dtype=bool), weight=weight)


class _Scan:
    """Sums of all candidates, who is found, and the likelihood that each gains from a rate of its own."""

    def __init__(
        self,
        candidates: Candidates,
        error: _Floats,
        weight: _Floats,
        rate: _Floats,
        reference_rows: float | None,
        level: float,
    ):
        self.candidates, self.weight, self.at_first = candidates, weight, rate
        self.count, self.total = candidates.sums(np.ones_like(weight)), candidates.sums(weight)
        self.wrong = candidates.sums(weight * error)
        self.rate = self.wrong / np.maximum(self.total, _NOTHING)
        self.worth = self.total * weight.sum() / (weight**2).sum()  # rows of equal weight (Kish 1965), of all audits
        self.enough = self.count >= LEAST_AUDITS
        self.same = candidates.same_rows()
        self.tested = self.enough & (self.same == np.arange(len(candidates)))
        squares, squares_wrong = candidates.sums(weight**2), candidates.sums(weight**2 * error)
        expected = self.expected(rate)
        some = self.tested & (self.rate > expected)
        self.p_value = np.ones(len(candidates))
        self.p_value[some] = excess_p_value(
            self.count[some],
            self.total[some],
            self.wrong[some],
            squares[some],
            squares_wrong[some],
            weight.max(),
            expected[some],
            reference_rows,
        )
        self.q_value = discovered(self.p_value, self.tested, candidates.inside)
        self.found = self.q_value[self.same] <= level

    def expected(self, rate: _Floats) -> _Floats:
        return self.candidates.sums(self.weight * rate) / np.maximum(self.total, _NOTHING)

    def evidence(self, before: Sequence[int]) -> _Floats:
        """Gain in log-likelihood of each over the expected rate of its rows, less its cost."""
        expected = np.clip(self.expected(self.given(before)), _LEAST_RATE, 1 - _LEAST_RATE)
        gain = special.kl_div(self.rate, expected) + special.kl_div(1 - self.rate, 1 - expected)
        cost = self.candidates.cost(self.enough, before)
        return np.asarray(np.where(self.rate > expected, self.worth * gain, 0.0) - cost)

    def given(self, before: Sequence[int]) -> _Floats:
        """The expected rates once the slices `before` have their own."""
        rate = self.at_first
        for number in before:
            inside = self.candidates.members(number)
            now = float(np.average(rate[inside], weights=self.weight[inside]))
            share = (self.rate[number] - now) / (1 - now) if now < self.rate[number] else 0.0
            rate = np.where(inside, rate + share * (1 - rate), rate)  # so many of what was right went wrong
        return rate

    def allowed(self, before: Sequence[int]) -> _Truths:
        """One of those of the very same rows; or the one that is named by a time that is to blame already."""
        return np.asarray(self.found & (self.tested | self.candidates.at_times_of(before)))

    def parts(self, number: int) -> _Truths:
        """What is found inside a time."""
        return np.asarray(self.found & self.candidates.parts(number))

    def covered(self, number: int, parts: Sequence[int]) -> float:
        """Share of the audits of a time that are of its `parts`."""
        return self.candidates.covered(number, parts)


def excess_p_value(
    audits: ArrayLike,
    weight: ArrayLike,
    weight_wrong: ArrayLike,
    squares: ArrayLike,
    squares_wrong: ArrayLike,
    largest: ArrayLike,
    expected: ArrayLike,
    reference_rows: float | None = None,
) -> _Floats:
    """P-value of "the error rate is at most `expected`"; all arguments broadcast to one shape.

    The tail that belongs to the low end of `aisle.audit.intervals.share_interval` for the share of errors: with
    one imagined audit of the greatest weight, which is right. With equal weights P(Bin(audits, expected) ≥ errors).

    Parameters
    ----------
    audits, weight, weight_wrong, squares, squares_wrong, largest : array-like
        As `share_interval` has them: audits, Σ w, Σ w of errors, Σ w², Σ w² of errors, the greatest w.
    expected : array-like in (0, 1)
    reference_rows : float, optional
        The expected rate is only known from so many rows: the mean over Beta(rows · rate, rows · (1 − rate)).
    """
    count, total, hit, square, square_hit, most, limit = np.broadcast_arrays(
        *(
            np.asarray(one, dtype=np.float64)
            for one in (audits, weight, weight_wrong, squares, squares_wrong, largest, expected)
        )
    )
    total, square = total + most, square + most**2
    share = hit / total
    some = share > 1e-12
    held = np.where(some, share, 0.5)
    variance = (square_hit * (1 - 2 * held) + held**2 * square) / total**2
    rows = np.minimum(held * (1 - held) / np.where(some, variance, 1.0), count + 1)
    if reference_rows is None:
        tail = special.betainc(held * rows, (1 - held) * rows, limit)
    else:
        at = (np.arange(_NODES) + 0.5) / _NODES
        limits = special.betaincinv(
            limit * reference_rows, (1 - limit) * reference_rows, at.reshape(-1, *[1] * limit.ndim)
        )
        tail = special.betainc(held * rows, (1 - held) * rows, limits).mean(axis=0)
    return np.asarray(np.where(some, tail, 1.0), dtype=np.float64)
