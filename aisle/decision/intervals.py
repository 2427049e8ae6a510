"""Intervals for what a policy will do, honest although its threshold was read off the same rows.

A fixed coverage
    The threshold is an order statistic of the confidences and knows nothing of the labels. The
    share of the flow above it has a Beta distribution (Wilks 1941, "Determination of sample sizes
    for setting tolerance limits"), that of Clopper & Pearson; and the products strictly above it
    are, given the threshold, a random sample of those above it, so that the exact interval of
    their accuracy holds too.
A target accuracy
    The thresholds looked at were fixed before; coverage and accuracy have the exact interval of
    the one taken.
The lowest cost
    The threshold is the one at which these rows happened to look cheapest, so its cost reads too
    low. The intervals hold at once for all thresholds that might have been chosen: those that
    look cheapest in any of the bootstrap samples; the band is the bootstrap distribution of the
    greatest deviation among them (van der Vaart & Wellner 1996, "Weak convergence and empirical
    processes", on the bootstrap of a supremum).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.bounds import weighted_interval
from aisle.decision.scored import ScoredProducts

LEVEL = 0.95
_DRAWS = 400
_SEED = 20_001
_AT_A_TIME = 2_000_000  # numbers held at once

Interval = tuple[float, float]


def share_interval(
    true: NDArray[np.bool_], weight: NDArray[np.float64], level: float = LEVEL
) -> tuple[float | None, float | None]:
    """Two-sided interval of a share, exact where the rows weigh the same; (None, None) without rows."""
    if not true.size:
        return None, None
    _, low, high = weighted_interval(true, weight, level)
    return low, high


@dataclass(frozen=True)
class Priced:
    """Products that share a threshold and prices.

    Attributes
    ----------
    members : array of shape (n,), of truth values
        The products that the threshold decides; all groups together are all products.
    asked : array of shape (n,), of truth values
        The products on which it was chosen as the cheapest.
    threshold : float
        Infinite where all go to people.
    error, review : float
    """

    members: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    threshold: float
    error: float
    review: float


class _Ordered:
    """The products of a mask that may be accepted, the surest first, and sums over the first 0, 1, …, m of them."""

    def __init__(self, products: ScoredProducts, mask: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(mask & products.allowed)
        self.rows = rows[np.argsort(-products.confidence[rows], kind="stable")]
        self.confidence = products.confidence[self.rows]
        self.wrong = (~products.right[self.rows]).astype(np.float64)

    def place(self, threshold: float) -> int:
        """How many are accepted at `threshold`."""
        return int(np.searchsorted(-self.confidence, -threshold, side="right"))

    def sums(self, value: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted sums of `value` (shape (m,)) over the first ones, shape (draws, m + 1)."""
        start = np.zeros((weight.shape[0], 1))
        return np.hstack([start, np.cumsum(weight[:, self.rows] * value, axis=1)])

    def cheapest(self, error: float, review: float, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """The threshold at which each of the draws looks cheapest, shape (draws,); infinite: review everything."""
        place = self.sums(error * self.wrong - review, weight).argmin(axis=1)
        thresholds = np.append(np.inf, self.confidence)
        return np.asarray(thresholds[place], dtype=np.float64)


def cost_intervals(
    calibration: ScoredProducts, groups: Sequence[Priced], level: float = LEVEL, draws: int = _DRAWS
) -> dict[str, Interval]:
    """Intervals of `coverage`, `accuracy` and `cost` (of a product) at the cheapest thresholds.

    Each holds the flow's true value with probability ≥ `level`, about. Where nothing is accepted
    the accuracy is left out.
    """
    weight = calibration.weight[None, :]
    ordered = [(_Ordered(calibration, one.members), _Ordered(calibration, one.asked), one) for one in groups]
    ranges = [
        (mine.place(float(chosen.max())), mine.place(float(chosen.min())))
        for mine, asked, one in ordered
        for chosen in [np.append(_chosen(asked, one, calibration, draws), one.threshold)]
    ]
    values = _values(ordered, calibration)
    review = sum(one.review * one.members for one in groups)
    deviations: dict[str, list[NDArray[np.float64]]] = {name: [] for name in values}
    for resampled in _resamples(calibration, draws):
        total, all_total = resampled.sum(axis=1, keepdims=True), weight.sum()
        for name, (each, _) in values.items():
            constant = (resampled @ review) / total[:, 0] - (weight @ review)[0] / all_total if name == "cost" else 0.0
            highest = lowest = constant
            for (mine, _, _), value, (first, last) in zip(ordered, each, ranges, strict=True):
                difference = mine.sums(value, resampled) / total - mine.sums(value, weight) / all_total
                among = difference[:, first : last + 1]
                highest, lowest = highest + among.max(axis=1), lowest + among.min(axis=1)
            deviations[name].append(np.stack([np.asarray(lowest), np.asarray(highest)]))
    tail = (1 - level) / 2
    ends = {}
    for name, (_, estimate) in values.items():
        lowest, highest = np.concatenate(deviations[name], axis=1)
        ends[name] = (float(estimate - np.quantile(highest, 1 - tail)), float(estimate - np.quantile(lowest, tail)))
    return ends


_Each = list[tuple[_Ordered, _Ordered, Priced]]


def _values(ordered: _Each, products: ScoredProducts) -> dict[str, tuple[list[NDArray[np.float64]], float]]:
    """For each figure, what an accepted product adds to it in each group, and the figure itself."""
    total = products.weight.sum()
    mass = errors = cost = 0.0
    for mine, _, one in ordered:
        accepted = mine.rows[: mine.place(one.threshold)]
        weight = products.weight[accepted]
        wrong = float(weight[~products.right[accepted]].sum() / total)
        mass, errors = mass + float(weight.sum() / total), errors + wrong
        reviewed = float(products.weight[one.members].sum() - weight.sum()) / total
        cost += one.error * wrong + one.review * reviewed
    found = {
        "coverage": ([np.ones(mine.rows.size) for mine, _, _ in ordered], mass),
        "cost": ([one.error * mine.wrong - one.review for mine, _, one in ordered], cost),
    }
    if mass > 0:  # linearised: the share right among a share that varies itself
        right = 1 - errors / mass
        found["accuracy"] = ([(1 - mine.wrong - right) / mass for mine, _, _ in ordered], right)
    return found


def _chosen(asked: _Ordered, group: Priced, products: ScoredProducts, draws: int) -> NDArray[np.float64]:
    parts = [asked.cheapest(group.error, group.review, one) for one in _resamples(products, draws)]
    return np.concatenate(parts)


def _resamples(products: ScoredProducts, draws: int) -> Iterator[NDArray[np.float64]]:
    """Weights of bootstrap samples, in blocks of shape (some draws, n); always the same ones."""
    rng, rows = np.random.default_rng(_SEED), len(products)
    block = max(1, _AT_A_TIME // rows)
    for start in range(0, draws, block):
        times = rng.multinomial(rows, np.full(rows, 1 / rows), size=min(block, draws - start))
        yield times * products.weight
