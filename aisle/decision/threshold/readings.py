"""Thresholds that are read off the products' curve and promise nothing: a fixed coverage, the lowest cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.decision.scored import ScoredProducts


def points_at(coverage: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the first points that reach each coverage, each once, rising."""
    return np.unique(np.searchsorted(coverage, wanted - 1e-12).clip(max=coverage.size - 1))


def quantile_threshold(products: ScoredProducts, coverage: float) -> float | None:
    """The highest threshold that accepts at least `coverage` of the products' weight.

    All that may be accepted, where that is less; None where nothing may or `coverage` is 0.
    """
    curve = products.curve
    if curve.coverage.size == 0 or coverage <= 0:
        return None
    if coverage >= 1:
        return 0.0
    return float(curve.threshold[points_at(curve.coverage, np.array([coverage]))[0]])


def cost_per_product(products: ScoredProducts, cost_of_error: float, cost_of_review: float) -> NDArray[np.float64]:
    """Mean cost of a product at each point of the products' curve, in the unit of the prices."""
    curve = products.curve
    cost: NDArray[np.float64] = (
        curve.coverage * (1 - curve.accuracy) * cost_of_error + (1 - curve.coverage) * cost_of_review
    )
    return cost


def cheapest_threshold(products: ScoredProducts, cost_of_error: float, cost_of_review: float) -> float | None:
    """The threshold of least mean cost, or None where nothing is cheaper than reviewing everything.

    Chow 1970, "On optimum recognition error and reject tradeoff": with a calibrated confidence it
    lies near 1 − cost_of_review / cost_of_error; the calibration rows say where it really is.
    """
    cost = cost_per_product(products, cost_of_error, cost_of_review)
    if cost.size == 0 or cost.min() >= cost_of_review:
        return None
    return float(products.curve.threshold[int(np.argmin(cost))])
