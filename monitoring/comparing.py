"""Columns of the held-out frame as something to compare days with: whole copies for weights, rare values together.

Evidently takes no weights, so a row of weight w stands in the reference as about `COPIES` · w / mean(w)
equal rows. What is decided here and what a report shows are then the same figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.stats import wasserstein_distance

from aisle.errors import DataError

COPIES = 10  # of a row of mean weight
REST = "(rest)"  # values that are rare in the reference, and those that it never had
LEAST_SHARE, LEAST_ROWS = 0.01, 5  # of a value that is told apart
_LEAST_SPREAD = 0.001  # Evidently's


def whole_copies(weight: ArrayLike, names: Iterable[str]) -> NDArray[np.int64]:
    """How many equal rows stand for each of n rows, in proportion to `weight`; all 1 for equal weights.

    Rounded along the sorted weights, so that each weight keeps its share; the same in whatever order
    the rows come, where `names` are unique.

    Raises
    ------
    DataError
        For a weight that is null or not above zero.
    """
    mass = np.asarray(weight, dtype=np.float64)
    if not (np.isfinite(mass) & (mass > 0)).all():
        raise DataError("the held-out frame has a weight that is not above zero; register the model again")
    if not len(mass) or np.allclose(mass, mass[0], rtol=1e-9):
        return np.ones(len(mass), dtype=np.int64)
    order = np.lexsort((np.array(list(names), dtype=str), mass))
    reached = np.floor(np.cumsum(mass[order]) / mass[order].mean() * COPIES + 0.5).astype(np.int64)
    copies = np.empty(len(mass), dtype=np.int64)
    copies[order] = np.diff(reached, prepend=0)
    return copies


class Comparable(Protocol):
    """One column of the reference that days can be compared with.

    Attributes
    ----------
    method : str
        The distance, as Evidently calls it.
    """

    method: str

    def prepared(self, day: pd.Series) -> pd.Series:
        """The column of a day (or of the reference) as it is compared, and as a report should show it."""

    def distance(self, day: pd.Series) -> float | None:
        """How far a day is from the reference; None where it has no value."""

    def distances(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same for days made of rows of the reference, shape (days,).

        `counts`, shape (R + 1, days), says how often each of the R rows came, and last an imagined row that has
        no known value.
        """

    def told(self, day: pd.Series) -> str:
        """What changed, in a few words."""


class Numbers:
    """A column of numbers; null where there is none.

    The distance is Wasserstein's (the area between the two distribution functions: how far the mass must
    travel), in standard deviations of the reference.
    """

    method = "wasserstein"

    def __init__(self, values: pd.Series, copies: NDArray[np.int64]) -> None:
        numbers = values.to_numpy(dtype=np.float64)
        known = np.isfinite(numbers)
        self._values, codes = np.unique(numbers[known], return_inverse=True)
        self._mass = np.bincount(codes, copies[known])
        self._mean = float(np.average(self._values, weights=self._mass))
        spread = np.sqrt(np.average((self._values - self._mean) ** 2, weights=self._mass))
        self._spread = max(float(spread), _LEAST_SPREAD)
        self._tally = _tally(np.flatnonzero(known), codes, (len(self._values), len(numbers) + 1))

    def prepared(self, day: pd.Series) -> pd.Series:
        """Numbers stay as they are."""
        return day.astype(np.float64)

    def distance(self, day: pd.Series) -> float | None:
        """In standard deviations of the reference."""
        found = day.to_numpy(dtype=np.float64)
        found = found[np.isfinite(found)]
        if not len(found):
            return None
        return float(wasserstein_distance(self._values, found, self._mass)) / self._spread

    def distances(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (days,); 0 for a day without a value."""
        reached = np.cumsum(self._tally @ counts, axis=0)
        total = reached[-1]
        expected = np.cumsum(self._mass[:-1, None], axis=0) / self._mass.sum()
        apart = np.diff(self._values) @ np.abs(reached[:-1] / np.maximum(total, 1) - expected)
        return np.asarray(np.where(total > 0, apart / self._spread, 0.0))

    def told(self, day: pd.Series) -> str:
        """The means."""
        return f"mean {self._mean:.3g} → {day.mean():.3g}"


class Categories:
    """A column of categories, never null; rare values count together as `REST`.

    The distance is that of Jensen and Shannon: the root of the mean divergence of both distributions from their
    mean (natural logarithms; Endres & Schindelin 2003, "A new metric for probability distributions").
    """

    method = "jensenshannon"

    def __init__(self, values: pd.Series, copies: NDArray[np.int64]) -> None:
        mass = pd.Series(copies).groupby(values.to_numpy(dtype=object)).agg(["sum", "size"])
        share = mass["sum"] / mass["sum"].sum()
        kept = mass.index[(share >= LEAST_SHARE) & (mass["size"] >= LEAST_ROWS)]
        self.values = [*sorted(kept), REST]
        codes = self._coded(values)
        self._share = np.bincount(codes, copies, len(self.values)) / copies.sum()
        known = np.append(codes, len(self.values) - 1)  # the imagined row is one of the rest
        self._tally = _tally(np.arange(len(known)), known, (len(self.values), len(known)))

    def prepared(self, day: pd.Series) -> pd.Series:
        """Values that are not told apart become `REST`."""
        return day.where(day.isin(self.values), REST)

    def distance(self, day: pd.Series) -> float | None:
        """In [0, 0.833]."""
        if not len(day):
            return None
        return float(jensenshannon(self._share, self._shares(day)))

    def distances(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (days,); 0 for a day without rows."""
        found = self._tally @ counts
        total = found.sum(axis=0)
        share, expected = found / np.maximum(total, 1), self._share[:, None]
        middle = (share + expected) / 2
        divergence = (rel_entr(share, middle) + rel_entr(expected, middle)).sum(axis=0)
        return np.asarray(np.where(total > 0, np.sqrt(np.maximum(divergence, 0) / 2), 0.0))

    def told(self, day: pd.Series) -> str:
        """The value whose share changed most."""
        share = self._shares(day)
        most = int(np.argmax(np.abs(share - self._share)))
        return f"{self.values[most]} {100 * self._share[most]:.1f} % → {100 * share[most]:.1f} %"

    def _shares(self, day: pd.Series) -> NDArray[np.float64]:
        return np.asarray(np.bincount(self._coded(day), minlength=len(self.values)) / max(len(day), 1))

    def _coded(self, values: pd.Series) -> NDArray[np.intp]:
        codes = pd.Index(self.values).get_indexer(values.to_numpy(dtype=object))
        return np.where(codes < 0, len(self.values) - 1, codes)


def _tally(rows: NDArray[np.intp], codes: NDArray[np.intp], shape: tuple[int, int]) -> sparse.csr_array:
    """Adds up counts of rows by their codes; `shape` is (codes, rows)."""
    return sparse.csr_array((np.ones(len(rows)), (codes, rows)), shape=shape)
