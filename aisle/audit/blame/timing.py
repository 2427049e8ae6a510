"""Slices of time, and what lies inside them: every slice as a whole, on one day, since a day, under one model version.

A change that lasts begins on a day: nothing but its rows from that day on shows it fully, and the days before are
like always. So the candidates are all slices × all times: (seller, since a day), (category, under a model version), and
the times by themselves, which are the slice of all rows at that time. Slices by themselves and times by themselves are
one family; the others, which look inside a time, are another, much larger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aisle.audit.blame.slices import SINCE, Slices, slice_name, texts_of

if TYPE_CHECKING:
    import pandas as pd

TIMES = ("model_version", "day")  # columns of time, in the order of who names rows that they share
_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]
_Truths = NDArray[np.bool_]


class Time(NamedTuple):
    """`since` a day, a `day` or a `model_version`; without a column all of the time."""

    column: str = ""
    value: str = ""


class Candidates:
    """Slices × times, m in all.

    Parameters
    ----------
    slices : Slices
        Of n rows, by columns that are no times.
    frame : DataFrame of n rows
    columns : sequence of str
        Those of time; `day` brings `since`, too. The ones that the frame lacks are passed over.
    inside : sequence of str
        Times (`model_version`, `day`, `since`) whose insides are candidates.

    Attributes
    ----------
    base, time : arrays of int, shape (m,)
        The slice, a place in `slices`, and the time, a place in `times`.
    inside : array of bool, shape (m,)
        Those of the second family: a slice inside a time.
    whole, every : arrays of int, shape (m,)
        The candidate that is the slice at all times, and the one that is all rows at its time.
    kind : array of str, shape (m,)
        Column of the time; empty for all of the time.
    column : array of int, shape (m,)
        Number of the slice's column.
    """

    def __init__(
        self,
        slices: Slices,
        frame: pd.DataFrame,
        columns: Sequence[str] = TIMES,
        inside: Sequence[str] = (*TIMES, SINCE),
    ):
        self.slices, self._codes = slices, {}
        self.times = [Time()]
        for column in (one for one in TIMES if one in columns and one in frame):
            codes, values = _codes_of(frame, column)
            self._codes[column] = codes
            self.times += [Time(column, value) for value in values]
        days = [one.value for one in self.times if one.column == "day"]
        self.times += [Time(SINCE, value) for value in days[:0:-1]]  # the last ones first: rows begin on that day
        kind = np.array([one.column for one in self.times], dtype=object)
        some = (one for one in (*self._codes, SINCE) if one in kind)
        self._first = {column: int(np.flatnonzero(kind == column)[0]) for column in some}
        every, wholes = np.arange(len(self.times)), np.arange(1, len(slices))
        held = np.flatnonzero(np.isin(kind, inside))
        self.base = np.concatenate([[0], wholes, np.zeros(len(every) - 1, int), np.tile(wholes, len(held))])
        self.time = np.concatenate([[0], np.zeros(len(wholes), int), every[1:], np.repeat(held, len(wholes))])
        self.inside = (self.base > 0) & (self.time > 0)
        self.kind = kind[self.time]
        wholes_at = np.zeros(len(slices), dtype=np.int64)
        wholes_at[self.base[self.time == 0]] = np.flatnonzero(self.time == 0)
        times_at = np.zeros(len(self.times), dtype=np.int64)
        times_at[self.time[self.base == 0]] = np.flatnonzero(self.base == 0)
        self.whole, self.every = wholes_at[self.base], times_at[self.time]
        self.column = np.array([list(dict.fromkeys(slices.columns)).index(one) for one in slices.columns])[self.base]

    @property
    def day(self) -> _Integers | None:
        """Number of the day of each row, shape (n,), in their order; None without days."""
        return self._codes.get("day")

    @property
    def since_code(self) -> _Integers:
        """Number of the day since which each candidate's rows are, as `day` counts; −1 for the others; shape (m,)."""
        if SINCE not in self._first or self.day is None:
            return np.full(len(self), -1)
        return np.where(self.kind == SINCE, int(self.day.max()) - (self.time - self._first[SINCE]), -1)

    def __len__(self) -> int:
        return len(self.base)

    def sums(self, values: _Floats) -> _Floats:
        """Σ of `values`, shape (n,), over the rows of each candidate, shape (m,)."""
        return np.asarray(self._tables(values)[self.base, self.time], dtype=np.float64)

    def _tables(self, values: NDArray[Any]) -> NDArray[Any]:
        """Σ of `values` over each slice at each time, shape (slices, times)."""
        found = np.zeros((len(self.slices), len(self.times)), dtype=values.dtype)
        for codes in self.slices.codes:
            low, high = int(codes.min()), int(codes.max()) + 1
            found[low:high, 0] = _counted(codes - low, values, high - low)
            for column, time in self._codes.items():
                many, first = int(time.max()) + 1, self._first[column]
                by = _counted((codes - low) * many + time, values, (high - low) * many).reshape(-1, many)
                found[low:high, first : first + many] = by
                if column == "day" and many > 1:
                    since = self._first[SINCE]
                    found[low:high, since : since + many - 1] = np.cumsum(by[:, :0:-1], axis=1, dtype=values.dtype)
        return found

    def members(self, number: int) -> _Truths:
        """Which rows belong to a candidate, shape (n,)."""
        column, _ = self.times[self.time[number]]
        inside = self.slices.members(int(self.base[number]))
        if not column:
            return inside
        codes = self._codes["day" if column == SINCE else column]
        at = int(self.time[number]) - self._first[column]
        return inside & (codes >= int(codes.max()) - at if column == SINCE else codes == at)

    def cost(self, tested: _Truths, before: Sequence[int] = ()) -> _Floats:
        """Logarithm of how many the column of each has of those that are `tested`, times that of its time; (m,).

        A time of those blamed `before` is paid for: what began with them on one day has only its slice to pay.
        """
        whole = np.zeros(len(self.slices), dtype=bool)
        whole[self.base[self.time == 0]] = tested[self.time == 0]
        of_slices = np.log(self.slices.choices_among(whole))
        of_times = np.zeros(len(self.times))
        times = (self.base == 0) & (self.time > 0)
        for kind in (*TIMES, SINCE):
            of_kind = times & (self.kind == kind)
            of_times[self.time[of_kind]] = np.log(max(int(tested[of_kind].sum()), 1))
        of_times[self.time[list(before)]] = 0.0
        return np.asarray(of_slices[self.base] + of_times[self.time])

    def same_rows(self, across: bool = True) -> _Integers:
        """Of each candidate the first one that holds the very same rows (without `across`: at the same time), (m,)."""
        rng = np.random.default_rng(0)
        marks = rng.integers(0, 2**63, size=self.slices.codes[0].size, dtype=np.uint64)
        total = self._tables(marks)
        if not across:
            total = total + rng.integers(0, 2**63, size=len(self.times), dtype=np.uint64)
        _, first, number = np.unique(total[self.base, self.time], return_index=True, return_inverse=True)
        return np.asarray(first[number], dtype=np.int64)

    def slice(self, number: int) -> tuple[str, str]:
        """Column and value; those of its time where it has no other."""
        base, time = int(self.base[number]), self.times[self.time[number]]
        return (self.slices.columns[base], self.slices.values[base]) if base or not time.column else tuple(time)

    def when(self, number: int) -> tuple[str, str]:
        """The time inside which a slice is meant: since which day, and within which day or model version."""
        column, value = self.times[self.time[number]]
        if column == SINCE:
            return value, ""
        return "", f"{column} = {value}" if column and self.inside[number] else ""

    def at_times_of(self, before: Sequence[int]) -> _Truths:
        """Slices inside the times of those blamed `before`, shape (m,)."""
        return np.asarray(self.inside & np.isin(self.time, self.time[list(before)]))

    def parts(self, number: int) -> _Truths:
        """Slices inside the time of a candidate that is a time (or all rows); none of any other; shape (m,)."""
        return np.asarray((self.time == self.time[number]) & (self.base > 0) & (self.base[number] == 0))

    def covered(self, number: int, parts: Sequence[int]) -> float:
        """Share of the rows of a candidate that are rows of `parts`."""
        inside = self.members(number)
        held = np.any([self.members(one) for one in parts], axis=0) if len(parts) else np.zeros_like(inside)
        return float((held & inside).sum() / max(inside.sum(), 1))

    def name(self, number: int) -> str:
        """For people, as `seller = Toolbarn since 2025-07-14`."""
        return slice_name(*self.slice(number), *self.when(number))

    def others(self, number: int, same: _Integers) -> tuple[str, ...]:
        """Names of others of the very same rows; of a slice inside times only one."""
        found, seen = [], {int(self.base[number])}
        for one in np.flatnonzero(same == same[number]).tolist():
            if one != number and not (self.inside[one] and int(self.base[one]) in seen):
                found.append(self.name(one))
                seen.add(int(self.base[one]))
        return tuple(found)


def _codes_of(frame: pd.DataFrame, column: str) -> tuple[_Integers, list[str]]:
    import pandas as pd

    codes, values = pd.factorize(texts_of(frame[column]), sort=True)
    return codes.astype(np.int64), [str(one) for one in values]


def _counted(codes: _Integers, values: NDArray[Any], many: int) -> NDArray[Any]:
    if values.dtype == np.float64:
        return np.bincount(codes, weights=values, minlength=many)
    total = np.zeros(many, dtype=values.dtype)
    np.add.at(total, codes, values)  # sums modulo 2⁶⁴: equal by chance once in 10¹⁹ pairs
    return total
