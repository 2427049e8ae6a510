"""Exact tests of a chain of nested thresholds that may look ahead past a failure.

Thresholds are tested in order of rising coverage. A walk that ends at the first failure may test
each at the full level (Bauer 1991, "Multiple testing in clinical trials"), but of that level a
binomial test spends only what whole numbers of errors let it: at .98 and 200 rows, .018 of .05.
Here the rest is spent on the thresholds after the failure.

**What holds.** Let T be the thresholds at which the error rate of the flow is at least `limit`,
and E(t), G(t) the wrong and right ones among the n calibration rows accepted at t. For a set C of
pairs (E, G) that with each pair holds those with fewer errors, the chance that some t of T has
(E(t), G(t)) in C is at most the chance that a walk whose steps are errors, independently, with
probability `limit` enters C within n steps. For every law of the flow, with ties, and for all
thresholds at once, whether or not accuracy falls with coverage.

*Proof.* Date a right row of score s by P(right, score ≥ s) and a wrong one by P(wrong, score ≥ s)
(1 − limit) / limit; right and wrong rows are uniform on their dates, ties spread at random. At t
in T the wrong ones dated up to g = P(right, score ≥ t) have scores ≥ t: there are E* ≤ E(t) of
them beside the G(t) right ones. Up to the last such g, the rows dated so far are independent,
uniform in time and wrong with probability `limit`, whatever their date. So (E*, G) is that walk,
seen at times that know nothing of its steps, and (E(t), G(t)) in C implies (E*, G(t)) in C. ∎

**The procedure.** For starts a₀ < a₁ < … let C₀, C₁, … be such sets: "at most j errors among a
rows, where a ≥ first[k, j]", nested (Cₖ holds what Cᵢ, i < k, says of a ≥ aₖ), and each entered
by the walk at aₖ or later with a chance of at most `level`. A threshold is rejected (certified)
when it passes at its own count, or lies in Cₖ, where k is the largest for which aₖ is at most the
smallest count at which the first threshold not yet rejected, having its G right rows, could have
failed. Were that threshold the first of T, the dated walk there either passes, or has a count of
at least aₖ and so cannot enter Cₖ without entering the set of its own count, later than which it
is entered with a chance of at most `level`. Rejecting more only ever enlarges k, so this is a
sequentially rejective procedure (Goeman & Solari 2010, "The sequential rejection principle of
familywise error control"): the chance that any of T is rejected is at most `level`.

Each Cₖ is filled greedily: as many errors at aₖ as `level` allows, then each further error at the
first count at which the chance spent so far stays within `level`. Cₖ at its own start is the
binomial test, so the walk goes at least as far as one that stops at the first failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Counts = NDArray[np.int64]

# With more errors than this, whole numbers leave next to nothing to spend: the plain walk serves.
_MOST_ERRORS = 250
# Errors beyond those allowed at a start that are looked ahead for.
_AHEAD = 40
# Starts: at least every change of the plain test, more in between where such changes are rare.
_STARTS = 240
_MOST_BETWEEN = 20
_NEVER = np.iinfo(np.int64).max
# Chances that are not followed, all together: those of `_far` more errors than expected.
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class LookAhead:
    """The sets Cₖ of the module's text, for samples of up to n rows.

    Attributes
    ----------
    plain : array of shape (m,)
        The count from which on the binomial test passes with 0, 1, …, m − 2 errors; the last
        entry, for m − 1 errors or more, is never reached.
    starts : array of shape (k,)
        Where the sets begin, rising; empty where even n rows without an error are too few.
    first : array of shape (k, e)
        The count from which on e errors lie in each set; its last column is never reached.
    end : int
        The sets hold no counts from here on; only the plain test passes there.
    bucket : array of shape (n + 1,)
        The set in force when the first threshold not yet rejected has so many right rows.
    """

    plain: Counts
    starts: Counts
    first: Counts
    end: int
    bucket: Counts

    def reached(self, accepted: Counts, errors: Counts) -> tuple[Counts, NDArray[np.bool_]]:
        """How far the walk gets over thresholds of rising coverage, in d samples at once.

        Parameters
        ----------
        accepted, errors : arrays of shape (d, t)
            Counts at each of t thresholds, in the order of the walk.

        Returns
        -------
        last : array of shape (d,)
            Index of the last threshold certified, −1 for none.
        all : array of shape (d,), of truth values
            Whether every threshold was.
        """
        plainly = accepted >= self.plain[np.minimum(errors, self.plain.size - 1)]
        if not self.starts.size:
            return np.full(accepted.shape[0], -1), np.zeros(accepted.shape[0], dtype=bool)
        bucket = self.bucket[accepted - errors]
        passes = plainly | self._ahead(bucket, accepted, errors)
        every = np.asarray(passes.all(axis=1))
        stop = np.where(every, accepted.shape[1] - 1, np.argmin(passes, axis=1))
        in_force = bucket[np.arange(stop.size), stop]
        later = np.arange(accepted.shape[1]) >= stop[:, None]
        rescued = later & self._ahead(in_force[:, None], accepted, errors)
        last = np.where(rescued.any(axis=1), accepted.shape[1] - 1 - np.argmax(rescued[:, ::-1], axis=1), stop - 1)
        return np.where(every, stop, last), every

    def _ahead(self, bucket: Counts, accepted: Counts, errors: Counts) -> NDArray[np.bool_]:
        inside = accepted >= self.first[bucket, np.minimum(errors, self.first.shape[1] - 1)]
        return np.asarray(inside & (accepted < self.end))


def look_ahead(rows: int, limit: float, level: float) -> LookAhead:
    """The sets for `rows` rows, or a few more, an error rate of `limit` and a chance of `level`, both in (0, 1)."""
    return _look_ahead(int(np.ceil(2 ** (np.ceil(8 * np.log2(max(rows, 8))) / 8))), limit, level)


@lru_cache(maxsize=64)
def _look_ahead(rows: int, limit: float, level: float) -> LookAhead:
    plain = _plain(rows, limit, level)
    known = plain[:-1]
    if not known.size:
        return LookAhead(plain, known, np.empty((0, 1), dtype=np.int64), 0, np.zeros(rows + 1, dtype=np.int64))
    end = int(known[_MOST_ERRORS]) if known.size > _MOST_ERRORS else rows + 1
    starts = _starts(known[known < end], end)
    first = np.full((starts.size, min(known.size, _MOST_ERRORS) + 1), _NEVER, dtype=np.int64)
    for k in range(starts.size - 1, -1, -1):
        after, begin = (first[k + 1], int(starts[k + 1])) if k + 1 < starts.size else (None, end)
        _fill(first[k], int(starts[k]), after, begin, end, limit, level)
    # At a rows the plain test fails with more than `most` errors, so with fewer than a − most right ones.
    counts = np.arange(rows + 1)
    most = np.searchsorted(known, counts, side="right") - 1
    smallest = np.searchsorted(np.maximum.accumulate(counts - most - 1), counts)
    bucket = np.maximum(np.searchsorted(starts, smallest, side="right") - 1, 0)
    return LookAhead(plain, starts, first, end, bucket)


def _plain(rows: int, limit: float, level: float) -> Counts:
    """The smallest count at which the binomial test passes with 0, 1, 2, … errors, up to `rows`, then never."""
    errors = np.arange(int(rows * limit) + 2, dtype=np.float64)
    low, high = np.zeros(errors.size, dtype=np.int64), np.full(errors.size, rows + 1, dtype=np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        passes = (special.bdtr(errors, middle, limit) <= level) & (middle > 0)
        high, low = np.where(passes, middle, high), np.where(passes, low, middle)
    return np.append(high[high <= rows], _NEVER)


def _starts(known: Counts, end: int) -> Counts:
    """Each change of the plain test, and points between where there are few changes."""
    between = int(np.clip(_STARTS // known.size, 1, _MOST_BETWEEN))
    edges = np.append(known, end)
    shares = np.arange(between) / between
    points = known[:, None] + np.diff(edges)[:, None] * shares
    return np.unique(np.rint(points).astype(np.int64))


def _fill(first: Counts, start: int, after: Counts | None, begin: int, end: int, limit: float, level: float) -> None:
    """Fill one row of `first`, so that the walk enters at `start` or later with a chance of at most `level`.

    `after` is the next set, which begins at `begin`; this one stays within it from there on.
    """
    counted = np.arange(min(start, _far(start, limit)) + 1, dtype=np.float64)
    cumulative = special.bdtr(counted, start, limit)
    allowed = int(np.searchsorted(cumulative, level, side="right"))  # errors 0 … allowed − 1 pass at the start
    if after is not None:
        allowed = min(allowed, int(np.count_nonzero(after <= begin)))
    first[:allowed] = start
    spent = float(cumulative[allowed - 1]) if allowed else 0.0
    # Of `allowed`, `allowed` + 1, … errors, not entered yet; more than are looked ahead for never matter.
    chance = np.zeros(_AHEAD)
    followed = np.diff(cumulative, prepend=0.0)[allowed : allowed + _AHEAD]
    chance[: followed.size] = followed
    count = start
    survival = np.log1p(-limit)
    for errors in range(allowed, min(allowed + _AHEAD, first.size - 1)):
        # It is entered with so many errors only if no error comes between here and the next count.
        room = level - spent - _NEGLIGIBLE
        if room <= 0:
            return
        waits = int(np.ceil(np.log(min(room / chance[0], 1.0)) / survival)) if chance[0] > 0 else 0
        following = count + max(waits, 0)
        if after is not None and after[errors] > begin:
            following = max(following, int(after[errors]))
        if following >= end:
            return
        first[errors] = following
        chance = _moved(chance, following - count, limit)
        spent += float(chance[0])
        chance, count = chance[1:], following


def _moved(chance: NDArray[np.float64], rows: int, limit: float) -> NDArray[np.float64]:
    """The chances of the same counts of errors, `rows` rows later."""
    if rows == 0:
        return chance
    steps = np.arange(min(rows, _far(rows, limit)) + 1, dtype=np.float64)
    one = np.diff(special.bdtr(steps, rows, limit), prepend=0.0)
    moved: NDArray[np.float64] = np.convolve(chance, one)[: chance.size]
    return moved


def _far(rows: int, limit: float) -> int:
    """So many errors that more have a negligible probability."""
    return int(rows * limit + 10 * np.sqrt(rows * limit) + 30)
