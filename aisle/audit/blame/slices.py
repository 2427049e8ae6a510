"""Slices of rows that may be to blame: their names, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

SLICES = ("seller", "branch_id", "category_id", "day", "model_version")
PAIRS = (("seller", "branch_id"),)
SINCE = "since"  # the column of slices that last from a day to the end
ALL = "all"  # the slice of all rows: who is to blame where nobody stands out
UNKNOWN = "(unknown)"
LEVEL = 0.1  # of all slices that are blamed, the share that may be blamed by chance
MOST_TELLING = 10
_BETWEEN = " × "
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blamed:
    """One slice that is to blame.

    Attributes
    ----------
    column, value : str
        The slice: rows whose `column` is `value`. `all` for all rows; a pair as `seller × branch_id`; `since` for
        the rows from a day to the end.
    rows : int
        Audits of the slice, or its rows in the window for a shift.
    share_explained : float in [0, 1]
        Of the excess errors, what this slice adds to those before it; or of the shift, what it brings by itself.
    rate, expected_rate : float
        For errors the error rate, weighted, and the one that was to be expected. For a shift the slice's
        share of the window and of the reference; or where `change` names a column its median, or share, there.
    p_value, q_value : float in [0, 1]
        Of the test, and of the smallest share of false discoveries at which the slice would be blamed.
    products : tuple of str
        At most ten product_ids, the most telling ones first.
    change : str
        `errors`, `share` (it grew or shrank), or what changed within the slice: `title_length`, `language = de`.
    evidence : float
        Logarithm of how many times more likely the rows are if this slice changed than if nothing did,
        less what looking at so many slices costs; each given those before it.
    same : tuple of str
        Other slices of the very same rows, as `column = value`: no data can tell them apart.
    since : str
        The first day of a slice that is to blame from then on only, as `2025-07-14`; empty for all of the window.
    within : str
        The only day, or model version, on which the slice is to blame, as `day = 2025-07-14`; empty for all.
    answers : tuple of (str, int)
        What people answered instead of the decisions that were wrong, and how often, most frequent first.
    """

    column: str
    value: str
    rows: int
    share_explained: float
    rate: float
    expected_rate: float
    p_value: float
    q_value: float
    products: tuple[str, ...]
    change: str = "errors"
    evidence: float = 0.0
    same: tuple[str, ...] = ()
    since: str = ""
    within: str = ""
    answers: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """The slice and its time for people, as `seller = Toolbarn since 2025-07-14`."""
        return slice_name(self.column, self.value, self.since, self.within)


def slice_name(column: str, value: str, since: str = "", within: str = "") -> str:
    """A slice and its time for people, as `seller = Toolbarn since 2025-07-14`; `all` for all rows."""
    if column == SINCE:
        return f"{SINCE} {value}"
    said = ALL if column == ALL else f"{column} = {value}"
    return said + (f" {SINCE} {since}" if since else "") + (f" within {within}" if within else "")


@dataclass(frozen=True)
class Slices:
    """All slices of n rows, laid end to end: those of the first column, of the second, …

    Attributes
    ----------
    columns, values : list of k str
    codes : list of arrays of int, shape (n,)
        Of each column, the slice of each row: a place in `columns` and `values`.
    """

    columns: list[str]
    values: list[str]
    codes: list[NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.columns)

    def sums(self, values: _Floats) -> _Floats:
        """Σ of `values`, shape (n,), over the rows of each slice, shape (k,)."""
        total = np.zeros(len(self))
        for codes in self.codes:
            total += np.bincount(codes, weights=values, minlength=len(self))
        return total

    def choices_among(self, some: NDArray[np.bool_]) -> _Floats:
        """How many of `some` slices the column of each one has, at least 1, and for a pair the product; shape (k,)."""
        result, of = np.ones(len(self)), {}
        for codes in self.codes:
            low, high = int(codes.min()), int(codes.max()) + 1
            column = self.columns[low]
            of[column] = max(float(some[low:high].sum()), 1.0)
            parts = [of[one] for one in column.split(_BETWEEN) if one in of]
            result[low:high] = np.prod(parts)
        return result

    def members(self, number: int) -> NDArray[np.bool_]:
        """Which rows belong to a slice, shape (n,)."""
        own = next(codes for codes in self.codes if codes.min() <= number <= codes.max())
        return np.asarray(own == number)


def slices_of(frame: pd.DataFrame, columns: Sequence[str] = SLICES, pairs: Sequence[tuple[str, str]] = ()) -> Slices:
    """All slices of the rows of `frame` by its `columns` and `pairs` of them; columns that it lacks are passed over.

    A slice of all rows comes first. Rows of a pair's both columns make a slice of their own; where one
    value of a column goes with one value of the other only, the pair is the same set as that.
    """
    import pandas as pd

    needed = {*columns, *(name for pair in pairs for name in pair)}
    texts = {one: texts_of(frame[one]) for one in needed if one in frame}
    named: list[tuple[str, Any]] = [(ALL, pd.Series(ALL, index=frame.index))]
    named += [(one, texts[one]) for one in columns if one in texts]
    for one, other in pairs:
        if one in texts and other in texts:
            named.append((one + _BETWEEN + other, texts[one] + _BETWEEN + texts[other]))
    found_columns: list[str] = []
    found_values: list[str] = []
    codes = []
    for column, text in named:
        number, values = pd.factorize(text, sort=True)
        codes.append(number.astype(np.int64) + len(found_values))
        found_columns += [column] * len(values)
        found_values += [str(value) for value in values]
    return Slices(found_columns, found_values, codes)


def texts_of(values: pd.Series) -> pd.Series:
    """Values as text; a time as its day, nothing as `(unknown)`."""
    import pandas as pd

    shown = values.dt.strftime("%Y-%m-%d") if pd.api.types.is_datetime64_any_dtype(values) else values
    return shown.astype(object).where(shown.notna(), UNKNOWN).astype(str)
