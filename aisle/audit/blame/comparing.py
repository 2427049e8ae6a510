"""Two samples of rows compared slice by slice: in the share of each slice, and in what its rows are like.

Since a day, the rows from then on are compared with the reference and the rows before together, so that it is always
the same rows that a change explains, and the likelihoods of two days compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aisle.audit.blame.slices import SINCE, UNKNOWN
from aisle.audit.blame.timing import Candidates

if TYPE_CHECKING:
    import pandas as pd

LEAST_ROWS = 8  # of a slice in each sample for what its rows are like, in both together for its share
LEAST_DAYS = 2  # that a change since a day lasts
MOST_VALUES = 10  # of a column of text
_NOTHING = 1e-300
_ROUNDING = 1e-9  # of differences of sums of weights
_Floats = NDArray[np.float64]
_Truths = NDArray[np.bool_]


class Changes(NamedTuple):
    """All that may have changed: each of m candidates in its share, then in each mark; arrays of shape (1 + marks, m).

    `tested` where there are rows enough; `evidence` is -inf and `p_value` 1 elsewhere.
    """

    tested: _Truths
    evidence: _Floats
    p_value: _Floats
    share_explained: _Floats


@dataclass(frozen=True)
class Left:
    """Rows that no change explains so far, shape (n,): for shares, and for marks; and whether all rows have changed."""

    rows: _Truths
    marked: _Truths
    beyond: bool = False

    def without(self, mark: int, members: _Truths) -> Left:
        """Once a change of `mark`, −1 for the share, explains its `members`."""
        if members.all():  # from here on only what changed more than all did
            return Left(self.rows, self.marked, beyond=True)
        rows = self.rows & ~members if mark < 0 else self.rows
        return Left(rows, self.marked & ~members, self.beyond)


class Comparison:
    """Reference and window, one below the other, n rows in all.

    Parameters
    ----------
    candidates : Candidates of the n rows
        The reference's have no day.
    both : DataFrame of n rows
    is_window : array of bool, shape (n,)
    columns : sequence of str
        Of `both`: numbers become ranks in [0, 1], text one mark of 0 or 1 a common value.
    """

    def __init__(self, candidates: Candidates, both: pd.DataFrame, is_window: _Truths, columns: Sequence[str]):
        self.candidates, self.both, self.is_window = candidates, both, is_window
        given = both["weight"].to_numpy(dtype=np.float64) if "weight" in both else np.ones(len(both))
        self.weight = np.where(np.isnan(given), 1.0, given)
        self.marks: list[tuple[str, str, _Floats]] = [one for name in columns for one in self._marks_of(name)]
        self.is_since = candidates.kind == SINCE
        self.lasts = self._lasts()
        self.by_share = (candidates.base > 0) & ((candidates.time == 0) | self.lasts)
        self.spread = self._spread()[candidates.base]
        self._before: Sequence[int] = ()  # whose times are paid for

    def _lasts(self) -> _Truths:
        """Since which days a change is looked for: some days of the window come before, and it lasts."""
        days = np.unique([] if self.candidates.day is None else self.candidates.day[self.is_window])
        since = self.candidates.since_code
        return np.asarray(self.is_since & np.isin(since, days[1 : len(days) - LEAST_DAYS + 1]))

    def _marks_of(self, column: str) -> Iterator[tuple[str, str, _Floats]]:
        """Name for people, column, and values in [0, 1] or nan, of each mark of a column."""
        import pandas as pd

        values = self.both[column]
        if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
            text = values.astype(object).where(values.notna(), UNKNOWN).astype(str)
            for value in text.value_counts().index[:MOST_VALUES]:
                yield f"{column} = {value}", column, (text == value).to_numpy(dtype=np.float64)
        else:
            yield column, column, self._ridits(values.to_numpy(dtype=np.float64, na_value=np.nan))

    def _ridits(self, values: _Floats) -> _Floats:
        """Share of all rows below each value, half of those equal to it; each sample weighs as much as the other."""
        known = ~np.isnan(values)
        mass = np.where(known, self.weight, 0.0)
        for sample in (self.is_window, ~self.is_window):
            mass[sample] /= max(mass[sample].sum(), _NOTHING)
        _, place = np.unique(values[known], return_inverse=True)
        held = np.bincount(place, weights=mass[known])
        ridit = np.full(values.shape, np.nan)
        ridit[known] = ((np.cumsum(held) - held / 2) / max(held.sum(), _NOTHING))[place]
        return ridit

    def _spread(self) -> _Floats:
        """How much more counts vary from day to day than independent ones, of each slice's column; at least 1."""
        slices, day = self.candidates.slices, self.candidates.day
        result = np.ones(len(slices))
        if day is None:
            return result
        day = np.unique(day[self.is_window], return_inverse=True)[1]
        many = int(day.max(initial=0)) + 1
        for codes in slices.codes[1:] if many > 2 else []:
            low, own = int(codes.min()), codes[self.is_window] - codes.min()
            size = int(codes.max()) - low + 1
            table = np.bincount(own * many + day, minlength=size * many).reshape(size, many).astype(np.float64)
            expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
            common = expected.mean(axis=1) >= 1
            if common.any() and size > 1:
                pearson = ((table - expected)[common] ** 2 / expected[common]).sum(axis=1) / (many - 1)
                result[low : low + size] = max(float(np.median(pearson)), 1.0)
        return result

    def changes(self, left: Left | None = None, before: Sequence[int] = ()) -> Changes:
        """All that may have changed, among the rows that are `left` by the candidates `before`, with its evidence."""
        every = np.ones(len(self.both), dtype=bool)
        now = Left(every, every) if left is None else left
        self._before = before
        found = [self._shares(now.rows), *(self._marked(mark, now) for mark in range(len(self.marks)))]
        return Changes(*(np.stack(one) for one in zip(*found, strict=True)))

    def _sums(self, mass: _Floats) -> tuple[_Floats, _Floats]:
        """Σ of `mass` over the window's rows of each candidate, and over those that it is compared with; (m,) each."""
        inside = self.candidates.sums(np.where(self.is_window, mass, 0.0))
        reference = self.candidates.sums(np.where(self.is_window, 0.0, mass))
        slice_alone = self.candidates.whole  # a day and a new model have no rows of their own in the reference
        before = np.where(self.is_since, inside[slice_alone] - inside, 0.0)
        before[before < _ROUNDING] = 0.0
        return inside, reference[slice_alone] + before

    def _even(self, some: _Truths) -> _Floats:
        """Weights of `some` rows on the scale of rows of equal weight (Kish 1965), 0 of the others; (n,)."""
        mass = np.where(some, self.weight, 0.0)
        for sample in (self.is_window, ~self.is_window):
            mass[sample] *= mass[sample].sum() / max(float((mass[sample] ** 2).sum()), _NOTHING)
        return mass

    def _shares(self, left: _Truths) -> Changes:
        candidates = self.candidates
        at = candidates.every  # all rows at the same time
        hits = [one / self.spread for one in self._sums(self._even(left))]
        sizes = [one[at] * self.spread[at] / self.spread for one in hits]
        shares = [one / np.maximum(size, _NOTHING) for one, size in zip(hits, sizes, strict=True)]
        total, all_rows = hits[0] + hits[1], sizes[0] + sizes[1]
        common = np.clip(total / np.maximum(all_rows, _NOTHING), 1e-12, 1 - 1e-12)
        gain = sum(
            size * (special.kl_div(share, common) + special.kl_div(np.maximum(1 - share, 0), 1 - common))
            for size, share in zip(sizes, shares, strict=True)
        )
        part = np.clip(sizes[0] / np.maximum(all_rows, _NOTHING), 0, 1)
        first, second = (np.maximum(one, 0.0) for one in hits)
        at_least = np.where(first > _ROUNDING, special.betainc(np.maximum(first, 1e-12), second + 1, part), 1.0)
        at_most = np.where(second > _ROUNDING, special.betainc(np.maximum(second, 1e-12), first + 1, 1 - part), 1.0)
        p_value = np.minimum(2 * np.minimum(at_least, at_most), 1.0)
        moved = np.abs(shares[0] - shares[1])
        group = candidates.column * len(candidates.times) + candidates.time
        whole = np.bincount(group, weights=np.where(self.by_share, moved, 0.0))[group] / 2
        some = self.by_share & (total >= LEAST_ROWS)
        return self._changes(some, gain, p_value, moved / np.maximum(whole, _NOTHING), 0.0)

    def _marked(self, mark: int, left: Left) -> Changes:
        values = self.marks[mark][2]
        known = left.marked & ~np.isnan(values)
        value, mass = np.where(known, values, 0.0), self._even(known)
        mean, variance, worth = [], [], []
        sums = (self._sums(one) for one in (mass, mass**2, mass * value, mass * value**2))
        for total, squares, first, second in zip(*sums, strict=True):
            size = np.maximum(total, _NOTHING)
            mean.append(first / size)
            worth.append(np.maximum(total, 0.0) ** 2 / np.maximum(squares, _NOTHING))
            held = np.maximum(worth[-1], 2.0)
            variance.append(np.maximum(second / size - mean[-1] ** 2, 0.25 / held) * held / (held - 1))
        moved = mean[0] - mean[1]
        at = self.candidates.every
        if left.beyond:
            moved = moved - moved[at]
        score, p_value = _two_means(moved, variance, [np.maximum(one, 2.0) for one in worth])
        part = self._sums(mass)[0] * moved
        own, whole = np.abs(part), part[at] * np.sign(part)
        some = (worth[0] >= LEAST_ROWS) & (worth[1] >= LEAST_ROWS) & (~self.is_since | self.lasts)
        many = np.maximum(worth[0] + worth[1], 1.0)
        gain = many / 2 * np.log1p(score**2 / many)  # the likelihood ratio of Student's t
        explained = own / np.maximum(np.maximum(own, whole), _NOTHING)
        return self._changes(some, gain, p_value, explained, float(np.log(len(self.marks))))

    def _changes(self, some: _Truths, gain: _Floats, p_value: _Floats, explained: _Floats, cost: float) -> Changes:
        candidates = self.candidates
        times = (candidates.base == 0) & (~self.is_since | self.lasts)
        evidence = np.where(some, gain - candidates.cost(some | times, self._before) - cost, -np.inf)
        return Changes(some, evidence, np.where(some, p_value, 1.0), np.clip(explained, 0, 1))

    def what(self, mark: int) -> str:
        """What changed, for people: `share`, a column, or a value of one as `language = de`."""
        return "share" if mark < 0 else self.marks[mark][0]

    def rates(self, number: int, mark: int) -> tuple[float, float]:
        """What to show of a candidate's change, in the window and in the reference: shares, or medians of a number."""
        candidates = self.candidates
        time, of_slice = (candidates.members(int(one[number])) for one in (candidates.every, candidates.whole))
        found = []
        for sample in (self.is_window & time, ~self.is_window):
            if mark < 0:
                found.append(float(self.weight[sample & of_slice].sum() / max(self.weight[sample].sum(), _NOTHING)))
                continue
            what, column, values = self.marks[mark]
            rows = sample & of_slice & ~np.isnan(values)
            if not rows.any():
                found.append(float("nan"))
                continue
            shown = values if what != column else self.both[column].to_numpy(dtype=np.float64, na_value=np.nan)
            weight = self.weight[rows]
            found.append(
                float(np.average(shown[rows], weights=weight)) if what != column else _median(shown[rows], weight)
            )
        return found[0], found[1]

    def places(self, mark: int) -> _Floats:
        """Where rows stand in what changed, or in all columns for a share; shape (n, d)."""
        marks = [one for _, _, one in self.marks] if mark < 0 else [self.marks[mark][2]]
        return np.column_stack(marks) if marks else np.zeros((len(self.both), 1))


def _two_means(moved: _Floats, variance: list[_Floats], rows: list[_Floats]) -> tuple[_Floats, _Floats]:
    """Scores and p-values of differences of means: of Student's and Welch's tests the one that finds less.

    Welch's trusts the spread of a few rows that happen to be alike; Student's that of the many, where the few differ
    more. Far out in the tails, where many slices are looked at, each is wrong where the other is not.
    """
    own = [one / many for one, many in zip(variance, rows, strict=True)]
    freedom = (own[0] + own[1]) ** 2 / sum(
        one**2 / np.maximum(many - 1, 1) for one, many in zip(own, rows, strict=True)
    )
    both = (variance[0] * rows[0] + variance[1] * rows[1]) / (rows[0] + rows[1])
    welch = np.abs(moved) / np.sqrt(own[0] + own[1])
    student = np.abs(moved) / np.sqrt(both * (1 / rows[0] + 1 / rows[1]))
    p_value = 2 * np.maximum(special.stdtr(freedom, -welch), special.stdtr(rows[0] + rows[1] - 2, -student))
    return np.minimum(welch, student), p_value


def _median(values: _Floats, weight: _Floats) -> float:
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(mass, mass[-1] / 2)])
