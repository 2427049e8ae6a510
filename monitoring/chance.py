"""What a day of n rows shows when nothing has changed: days drawn from the reference, again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.comparing import Comparable

_AT_ONCE = 2_000_000  # cells of one batch of simulated days
Groups = Sequence[tuple[NDArray[np.intp], float]]


@dataclass(frozen=True)
class Chance:
    """Distances of quiet days, and what they say of an observed one.

    Attributes
    ----------
    sorted_distances : dict of column to array of shape (days,), rising
    least : array of shape (days,), rising
        The smallest p-value that each quiet day has over all its columns.
    """

    sorted_distances: dict[str, NDArray[np.float64]]
    least: NDArray[np.float64]

    def limits(self, level: float) -> dict[str, float]:
        """Of each column, so that a quiet day exceeds any of them with a probability of at most `level`.

        All columns at one level of their own, the highest that the smallest p-values allow (Westfall & Young
        1993, "Resampling-based multiple testing"): columns that go together cost less than by Bonferroni.
        """
        days = len(self.least)
        own = self.least[max(int(np.floor(level * (days + 1))) - 1, 0)]
        place = min(max(int(np.ceil(days - own * (days + 1))), 0), days - 1)
        return {column: float(values[place]) for column, values in self.sorted_distances.items()}

    def median(self, column: str) -> float:
        """What every second quiet day exceeds."""
        return float(np.median(self.sorted_distances[column]))

    def p_value(self, column: str, distance: float) -> float:
        """That some column of a quiet day is as unusual as `column` is at this distance."""
        own = _p_values(self.sorted_distances[column], np.array([distance]))[0]
        return float((1 + np.searchsorted(self.least, own, side="right")) / (1 + len(self.least)))


def simulated(
    columns: Mapping[str, Comparable],
    copies: NDArray[np.int64],
    groups: Groups,
    rows: int,
    days: int,
    seed: int,
) -> Chance:
    """Distances of `days` quiet days of `rows` rows each.

    A day is drawn in three steps, so that its limits hold what is not known and what is no news:
    the reference is itself a sample, so its rows get random weights (the Bayesian bootstrap: Rubin 1981); its
    sellers and categories sell more on one day than on another, so those of a group are multiplied by Gamma
    variates of mean 1 and the group's variance; then come `rows` rows with these probabilities.
    One imagined row of no known value stands for all that the reference might have missed.

    Parameters
    ----------
    columns : the columns that are compared
    copies : array of int, shape (R,)
        The weights of the rows of the reference.
    groups : sequence of (codes of shape (R,), variance ≥ 0)
    """
    rng = np.random.default_rng([seed, rows])
    base = np.append(copies / copies.mean(), 1.0)
    batch = max(1, _AT_ONCE // len(base))
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in columns}
    for start in range(0, days, batch):
        size = min(batch, days - start)
        weight = base * rng.exponential(size=(size, len(base)))
        for codes, variance in groups:
            if variance > 0:
                times = rng.gamma(1 / variance, variance, size=(size, int(codes.max()) + 1))
                weight[:, :-1] *= np.maximum(times, 1e-12)[:, codes]
        drawn = rng.multinomial(rows, weight / weight.sum(axis=1, keepdims=True))
        counts = np.ascontiguousarray(drawn.T, dtype=np.float64)
        for name, column in columns.items():
            found[name].append(column.distances(counts))
    distances = {name: np.concatenate(parts) for name, parts in found.items()}
    ordered = {name: np.sort(values) for name, values in distances.items()}
    if not distances:
        return Chance({}, np.ones(days))
    least = np.min([_p_values(ordered[name], values) for name, values in distances.items()], axis=0)
    return Chance(ordered, np.sort(least))


def _p_values(ordered: NDArray[np.float64], distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of quiet days that are at least so far; one more counts as if it were (Davison & Hinkley 1997)."""
    beyond = len(ordered) - np.searchsorted(ordered, distances, side="left")
    return np.asarray((1 + beyond) / (1 + len(ordered)))
