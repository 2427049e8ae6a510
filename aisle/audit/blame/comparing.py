"""Two samples of rows compared slice by slice: in the share of each slice, and in what its rows are like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aisle.audit.blame.slices import ALL, UNKNOWN, Slices

if TYPE_CHECKING:
    import pandas as pd

WITHOUT_SHARE = (ALL, "day", "model_version")  # the reference has other days, and one model
LEAST_ROWS = 8  # of a slice in each sample for what its rows are like, in both together for its share
MOST_VALUES = 10  # of a column of text
_Floats = NDArray[np.float64]
_Truths = NDArray[np.bool_]


class Key(NamedTuple):
    """Which slice, and what of it: `share`, or the number of a mark."""

    slice: int
    what: str


@dataclass(frozen=True)
class Change:
    """One slice that may have changed; `mark` is the column of marks that did, −1 for its share."""

    slice: int
    what: str
    mark: int
    evidence: float
    p_value: float
    share_explained: float

    @property
    def key(self) -> Key:
        """What it is about, whatever the evidence."""
        return Key(self.slice, self.what)


@dataclass(frozen=True)
class Left:
    """Rows that no change explains so far, shape (n,): for shares, and for marks; and whether all rows have changed."""

    rows: _Truths
    marked: _Truths
    beyond: bool = False

    def without(self, change: Change, members: _Truths) -> Left:
        """Once `change` explains the `members` of its slice."""
        if members.all():  # from here on only what changed more than all did
            return Left(self.rows, self.marked, beyond=True)
        rows = self.rows & ~members if change.mark < 0 else self.rows
        return Left(rows, self.marked & ~members, self.beyond)


class Comparison:
    """Reference and window, one below the other, n rows in all.

    Parameters
    ----------
    slices : Slices of the n rows
    both : DataFrame of n rows
    is_window : array of bool, shape (n,)
    columns : sequence of str
        Of `both`: numbers become ranks in [0, 1], text one mark of 0 or 1 a common value.
    """

    def __init__(self, slices: Slices, both: pd.DataFrame, is_window: _Truths, columns: Sequence[str]):
        self.slices, self.both, self.is_window = slices, both, is_window
        given = both["weight"].to_numpy(dtype=np.float64) if "weight" in both else np.ones(len(both))
        self.weight = np.where(np.isnan(given), 1.0, given)
        self.marks: list[tuple[str, str, _Floats]] = [one for name in columns for one in self._marks_of(name)]
        self.by_share = np.array([column not in WITHOUT_SHARE for column in slices.columns])
        self.spread = self._spread()

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
            mass[sample] /= max(mass[sample].sum(), 1e-300)
        _, place = np.unique(values[known], return_inverse=True)
        held = np.bincount(place, weights=mass[known])
        ridit = np.full(values.shape, np.nan)
        ridit[known] = ((np.cumsum(held) - held / 2) / max(held.sum(), 1e-300))[place]
        return ridit

    def _spread(self) -> _Floats:
        """How much more counts vary from day to day than independent ones, of each slice's column; at least 1."""
        result = np.ones(len(self.slices))
        if "day" not in self.slices.columns:
            return result
        days = next(codes for codes in self.slices.codes if self.slices.columns[int(codes[0])] == "day")
        day = np.unique(days[self.is_window], return_inverse=True)[1]
        many = int(day.max(initial=0)) + 1
        for codes in self.slices.codes if many > 2 else []:
            low, own = int(codes.min()), codes[self.is_window] - codes.min()
            size = int(codes.max()) - low + 1
            table = np.bincount(own * many + day, minlength=size * many).reshape(size, many).astype(np.float64)
            expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
            common = expected.mean(axis=1) >= 1
            if common.any() and size > 1 and self.slices.columns[low] not in WITHOUT_SHARE:
                pearson = ((table - expected)[common] ** 2 / expected[common]).sum(axis=1) / (many - 1)
                result[low : low + size] = max(float(np.median(pearson)), 1.0)
        return result

    def changes(self, left: Left | None = None) -> list[Change]:
        """All that may have changed, among the rows that are `left`, with its evidence."""
        every = np.ones(len(self.both), dtype=bool)
        now = Left(every, every) if left is None else left
        found = list(self._shares(now.rows))
        for mark in range(len(self.marks)):
            found += self._marked(mark, now)
        return found

    def _shares(self, left: _Truths) -> Iterator[Change]:
        hits, sizes, shares = [], [], []
        for sample in (self.is_window & left, ~self.is_window & left):
            mass = np.where(sample, self.weight, 0.0)
            worth = mass.sum() ** 2 / max((mass**2).sum(), 1e-300)
            share = self.slices.sums(mass) / max(mass.sum(), 1e-300)
            hits.append(share * worth / self.spread)
            sizes.append(worth / self.spread)
            shares.append(share)
        total, all_rows = hits[0] + hits[1], sizes[0] + sizes[1]
        common = np.clip(total / np.maximum(all_rows, 1e-300), 1e-12, 1 - 1e-12)
        gain = sum(
            size * (special.kl_div(share, common) + special.kl_div(1 - share, 1 - common))
            for size, share in zip(sizes, shares, strict=True)
        )
        part = sizes[0] / np.maximum(all_rows, 1e-300)
        at_least = np.where(hits[0] > 0, special.betainc(np.maximum(hits[0], 1e-12), hits[1] + 1, part), 1.0)
        at_most = special.betainc(np.maximum(hits[1], 1e-12), hits[0] + 1, 1 - part)
        p_value = np.minimum(2 * np.minimum(at_least, np.where(hits[1] > 0, at_most, 1.0)), 1.0)
        moved = shares[0] - shares[1]
        some = self.by_share & (total >= LEAST_ROWS)
        cost = np.log(self.slices.choices_among(some))
        for number in np.flatnonzero(some).tolist():
            own = next(codes for codes in self.slices.codes if codes.min() <= number <= codes.max())
            whole = np.abs(moved[int(own.min()) : int(own.max()) + 1]).sum() / 2
            explained = float(np.clip(abs(moved[number]) / whole, 0, 1)) if whole > 0 else 0.0
            evidence = float(gain[number] - cost[number])
            yield Change(number, "share", -1, evidence, float(p_value[number]), explained)

    def _marked(self, mark: int, left: Left) -> Iterator[Change]:
        what, _, values = self.marks[mark]
        known = left.marked & ~np.isnan(values)
        value = np.where(known, values, 0.0)
        mean, variance, worth = [], [], []
        for sample in (self.is_window, ~self.is_window):
            mass = np.where(known & sample, self.weight, 0.0)
            total, squares = self.slices.sums(mass), self.slices.sums(mass**2)
            if sample is not self.is_window:  # a day and a new model have no rows of their own in the reference
                total, squares = (np.where(self.by_share, one, one[0]) for one in (total, squares))
            sums, powers = self.slices.sums(mass * value), self.slices.sums(mass * value**2)
            if sample is not self.is_window:
                sums, powers = (np.where(self.by_share, one, one[0]) for one in (sums, powers))
            size = np.maximum(total, 1e-300)
            mean.append(sums / size)
            worth.append(total**2 / np.maximum(squares, 1e-300))
            held = np.maximum(worth[-1], 2.0)
            variance.append(np.maximum(powers / size - mean[-1] ** 2, 0.25 / held) / (held - 1))
        moved, error = mean[0] - mean[1], np.sqrt(variance[0] + variance[1])
        if left.beyond:
            moved = moved - moved[0]
        freedom = (variance[0] + variance[1]) ** 2 / sum(
            one**2 / np.maximum(size - 1, 1) for one, size in zip(variance, worth, strict=True)
        )
        score = moved / error
        p_value = 2 * special.stdtr(freedom, -np.abs(score))
        part = self.slices.sums(np.where(known & self.is_window, self.weight, 0.0)) * moved
        some = (worth[0] >= LEAST_ROWS) & (worth[1] >= LEAST_ROWS)
        cost = np.log(self.slices.choices_among(some)) + np.log(len(self.marks))
        for number in np.flatnonzero(some).tolist():
            own, whole = abs(part[number]), float(part[0] * np.sign(part[number]))
            explained = float(own / max(own, whole)) if own else 0.0
            many = (
                worth[0][number] + worth[1][number]
            )  # the likelihood ratio of Student's t: at most n / 2 · log(1 + t² / n)
            evidence = float(many / 2 * np.log1p(score[number] ** 2 / many) - cost[number])
            yield Change(number, what, mark, evidence, float(p_value[number]), explained)

    def rates(self, change: Change) -> tuple[float, float]:
        """What to show of a change, in the window and in the reference: shares, or medians of a number."""
        inside = self.slices.members(change.slice)
        found = []
        for sample in (self.is_window, ~self.is_window):
            if change.mark < 0:
                found.append(float(self.weight[sample & inside].sum() / self.weight[sample].sum()))
                continue
            what, column, values = self.marks[change.mark]
            of = inside | (sample & ~self.is_window & (not self.by_share[change.slice]))
            rows = sample & of & ~np.isnan(values)
            shown = values if what != column else self.both[column].to_numpy(dtype=np.float64, na_value=np.nan)
            weight = self.weight[rows]
            found.append(
                float(np.average(shown[rows], weights=weight)) if what != column else _median(shown[rows], weight)
            )
        return found[0], found[1]

    def places(self, change: Change) -> _Floats:
        """Where rows stand in what changed, or in all columns for a share; shape (n, d)."""
        marks = [one for _, _, one in self.marks] if change.mark < 0 else [self.marks[change.mark][2]]
        return np.column_stack(marks) if marks else np.zeros((len(self.both), 1))


def _median(values: _Floats, weight: _Floats) -> float:
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(mass, mass[-1] / 2)])
