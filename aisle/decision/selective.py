"""Accuracy and coverage of decisions that are made only above a threshold of confidence.

Words follow the literature on selective classification (El-Yaniv & Wiener 2010, "On the
foundations of noise-free selective classification"; Geifman & El-Yaniv 2017, "Selective
classification for deep neural networks"): coverage is the share of products accepted,
accuracy the share right among them (1 − selective risk).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Curve:
    """The accuracy-coverage curve: one point a distinct confidence, most confident first.

    Attributes
    ----------
    threshold : array of shape (m,)
        Accept where confidence ≥ threshold; falling.
    coverage, accuracy : arrays of shape (m,)
        Shares in [0, 1]; `coverage` rises to 1.
    """

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    def thinned(self, points: int = 200) -> Curve:
        """At most about `points` points of the curve, evenly by coverage, first and last among them."""
        if self.coverage.size <= points:
            return self
        wanted = np.linspace(self.coverage[0], self.coverage[-1], points)
        keep = np.unique(np.searchsorted(self.coverage, wanted - 1e-12).clip(max=self.coverage.size - 1))
        return Curve(self.threshold[keep], self.coverage[keep], self.accuracy[keep])


def accuracy_coverage_curve(confidence: ArrayLike, right: ArrayLike, weight: ArrayLike | None = None) -> Curve:
    """The curve over all thresholds at which some product is accepted.

    Products of equal confidence are accepted together, so no order among ties is invented.

    Parameters
    ----------
    confidence : array-like of shape (n,), in [0, 1]
    right : array-like of shape (n,), of truth values
        Whether the top category is right.
    weight : array-like of shape (n,), positive, optional
        For instance 1 / audit_probability; 1 each by default.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(right, dtype=np.float64)
    weight = np.ones_like(confidence) if weight is None else np.asarray(weight, dtype=np.float64)
    if confidence.size == 0:
        empty = np.empty(0)
        return Curve(empty, empty, empty)
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    accepted = np.cumsum(weight[order])
    correct = np.cumsum(weight[order] * right[order])
    last_of_ties = np.append(sorted_confidence[1:] != sorted_confidence[:-1], True)
    accepted, correct = accepted[last_of_ties], correct[last_of_ties]
    return Curve(sorted_confidence[last_of_ties], accepted / accepted[-1], correct / accepted)


def perfect_curve(right: ArrayLike, weight: ArrayLike | None = None) -> Curve:
    """The curve of a perfect ordering of the same predictions: every right one before any wrong one."""
    right = np.asarray(right, dtype=np.float64)
    weight = np.ones_like(right) if weight is None else np.asarray(weight, dtype=np.float64)
    order = np.argsort(-right, kind="stable")
    accepted, correct = np.cumsum(weight[order]), np.cumsum(weight[order] * right[order])
    coverage = accepted / accepted[-1] if right.size else accepted
    return Curve(np.linspace(1, 0, right.size), coverage, correct / accepted)


def coverage_at(
    target_accuracy: float, confidence: ArrayLike, right: ArrayLike, weight: ArrayLike | None = None
) -> float:
    """The largest coverage whose accuracy is at least `target_accuracy` (0 where none is).

    A reading of the curve with hindsight, to compare orderings with; it promises nothing.
    """
    curve = accuracy_coverage_curve(confidence, right, weight)
    enough = curve.accuracy >= target_accuracy
    return float(curve.coverage[enough].max(initial=0.0))


def gap(confidence: ArrayLike, right: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean distance in accuracy between a perfect ordering's curve and the actual one, in [0, 1].

    Averaged over the coverages at which one product more is accepted (1/n, 2/n, …, 1 where all
    weigh the same; ties in their mean order). 0 is perfect; the sum of all reasons why a
    selective classifier is not (Rabanser & Papernot 2025, "What does it take to build a
    performant selective classifier?").
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(right, dtype=np.float64)
    if right.size == 0:
        return 0.0
    weight = np.ones_like(right) if weight is None else np.asarray(weight, dtype=np.float64)
    order = np.argsort(-confidence, kind="stable")
    mass = weight[order]
    _, tie = np.unique(-confidence[order], return_inverse=True)
    share_right = np.bincount(tie, mass * right[order]) / np.bincount(tie, mass)
    accepted = np.cumsum(mass)
    actual = np.cumsum(mass * share_right[tie]) / accepted
    perfect = np.minimum(1.0, np.sum(weight * right) / accepted)
    return float(np.average(perfect - actual, weights=mass))


def calibration_error(
    confidence: ArrayLike, right: ArrayLike, bins: int = 15, weight: ArrayLike | None = None
) -> float:
    """Expected calibration error over `bins` bins of equal count, in [0, 1].

    Mean distance between confidence and share right (Naeini, Cooper & Hauskrecht 2015; equal
    counts after Nguyen & O'Connor 2015).
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(right, dtype=np.float64)
    if right.size == 0:
        return 0.0
    weight = np.ones_like(right) if weight is None else np.asarray(weight, dtype=np.float64)
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(bins, right.size))
    distances = [abs(float(np.sum(weight[part] * (confidence[part] - right[part])))) for part in parts]
    return float(sum(distances) / weight.sum())
