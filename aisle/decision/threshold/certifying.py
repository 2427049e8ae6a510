"""Certified thresholds: one, or one a group of products that hold together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.bounds import (
    CAUTION,
    betting_count_p_value,
    betting_p_value,
    binomial_p_value,
    clustered_p_value,
    design_effect,
    worth_in_rows,
)
from aisle.decision.scored import ScoredProducts
from aisle.decision.threshold.lookahead import look_ahead
from aisle.decision.threshold.planning import plan_steps, plan_walk


def p_value(calibration: ScoredProducts, threshold: float, target_accuracy: float) -> float:
    """P-value of "accuracy among products accepted at `threshold` is below `target_accuracy`".

    Exact (binomial) on rows of equal audit probability: all rows, or the evenly drawn part of
    them. By betting on all rows where too few would be left. Rows count as independent.
    """
    accepted = calibration.allowed & (calibration.confidence >= threshold)
    if calibration.exact:
        accepted &= calibration.evenly_drawn
        errors = int(np.count_nonzero(~calibration.right[accepted]))
        return binomial_p_value(errors, int(np.count_nonzero(accepted)), 1 - target_accuracy)
    rows = calibration.drawn_order[accepted[calibration.drawn_order]]
    return betting_p_value(
        ~calibration.right[rows], calibration.weight[rows] / calibration.weight.max(), 1 - target_accuracy
    )


def certified_threshold(
    training: ScoredProducts,
    calibration: ScoredProducts,
    target_accuracy: float,
    confidence_level: float = 0.95,
    grid_size: int = 200,
) -> float | None:
    """The threshold of largest coverage certified on the calibration rows, or None where none is.

    With probability ≥ `confidence_level` over calibration rows, accuracy among products accepted
    (allowed, and confidence ≥ threshold) is ≥ `target_accuracy`; nothing accepted breaks nothing.
    Where the products have clusters, over calibrations of whole clusters, approximately.
    """
    return certified_thresholds({"": training}, {"": calibration}, target_accuracy, confidence_level, grid_size)[""]


def certified_thresholds(
    training: Mapping[str, ScoredProducts],
    calibration: Mapping[str, ScoredProducts],
    target_accuracy: float,
    confidence_level: float = 0.95,
    grid_size: int = 200,
    share: Mapping[str, float] | None = None,
) -> dict[str, float | None]:
    """One threshold a group of products, all certified together.

    The level is shared evenly among the groups whose walk has any prospect. A group that passes
    to the end of its walk needs its share no longer and leaves it to the others, which go on
    from where they stopped (the graphical procedure of Bretz, Maurer, Brannath & Posch 2009, "A
    graphical approach to sequentially rejective multiple test procedures"; Bonferroni-Holm for
    walks of one step).

    Parameters
    ----------
    training, calibration : mappings of the same groups to their products
    grid_size : int
        Thresholds looked at where the test is not the exact one.
    share : mapping of groups to float, optional
        Share of all calibration rows to be expected in each group; 1 by default.
    """
    level = 1 - confidence_level
    total = sum(_rows_for_a_test(one) for one in calibration.values())
    walks: dict[str, _Walking] = {}
    for name, rows in calibration.items():
        kind = _Clustered if rows.cluster is not None else _Exact if rows.exact else _Betting
        expected = total * (share or {}).get(name, 1.0)
        walk = kind(training[name], rows, expected, target_accuracy, level / len(training), grid_size)
        if walk.prospect:
            walks[name] = walk
    shares = dict.fromkeys(walks, level / max(len(walks), 1))
    found: dict[str, float | None] = dict.fromkeys(training)
    while True:
        finished = []
        for name in shares:
            found[name], to_the_end = walks[name].reached(shares[name])
            if to_the_end:
                finished.append(name)
        if not finished or len(finished) == len(shares):
            return found
        freed = sum(shares.pop(name) for name in finished)
        shares = {name: one + freed / len(shares) for name, one in shares.items()}


def _rows_for_a_test(calibration: ScoredProducts) -> float:
    evenly = calibration.exact or calibration.cluster is not None
    return calibration.even_rows if evenly else worth_in_rows(calibration.weight)


class _Walking(Protocol):
    """A way through a group's thresholds."""

    prospect: bool

    def reached(self, level: float) -> tuple[float | None, bool]:
        """The last threshold certified at `level`, and whether the walk went to its end; growing with `level`."""


class _Exact:
    """Every threshold of the calibration rows below the start, by the exact tests that look ahead."""

    def __init__(
        self, training: ScoredProducts, calibration: ScoredProducts, rows: float, target: float, level: float, grid: int
    ) -> None:
        start = plan_walk(training, rows, target, level).start
        drawn = calibration.only(calibration.allowed & calibration.evenly_drawn)
        self.prospect = start is not None and len(drawn) > 0
        if start is None or not len(drawn):
            return
        order = np.argsort(-drawn.confidence, kind="stable")
        confidence = drawn.confidence[order]
        below = np.unique(confidence[confidence < start])[::-1]
        self.thresholds = np.append(start, below)
        self.accepted = np.searchsorted(-confidence, -self.thresholds, side="right")
        self.errors = np.append(0, np.cumsum(~drawn.right[order]))[self.accepted]
        self.limit = 1 - target

    def reached(self, level: float) -> tuple[float | None, bool]:
        sets = look_ahead(int(self.accepted[-1]), self.limit, level)
        last, every = sets.reached(self.accepted[None, :], self.errors[None, :])
        return (float(self.thresholds[last[0]]) if last[0] >= 0 else None), bool(every[0])


class _Betting:
    """Steps of equal coverage, each by betting, to the first failure."""

    def __init__(
        self, training: ScoredProducts, calibration: ScoredProducts, rows: float, target: float, level: float, grid: int
    ) -> None:
        self.thresholds = plan_steps(training, rows, target, level, grid, betting_count_p_value)
        self.prospect = self.thresholds.size > 0
        self.calibration, self.target, self.p_values = calibration, target, [0.0]

    def reached(self, level: float) -> tuple[float | None, bool]:
        while self.p_values[-1] <= level and len(self.p_values) <= self.thresholds.size:
            step = float(self.thresholds[len(self.p_values) - 1])
            self.p_values.append(p_value(self.calibration, step, self.target))
        return _last_before_a_failure(self.thresholds, np.array(self.p_values[1:]), level)


class _Clustered:
    """Steps of equal coverage, each by an approximate test that counts whole clusters, to the first failure.

    The design effect at each threshold is the greater of two: that of the calibration rows, and
    that of the out-of-fold errors, which knows clusters that the calibration missed.
    """

    def __init__(
        self, training: ScoredProducts, calibration: ScoredProducts, rows: float, target: float, level: float, grid: int
    ) -> None:
        drawn = calibration.only(calibration.evenly_drawn)
        self.thresholds, foreseen = clustered_steps(training, rows, _rows_per_cluster(drawn), target, level, grid)
        self.prospect = self.thresholds.size > 0
        errors, accepted = counts_by_cluster(drawn, self.thresholds)
        effect = np.maximum(design_effect(errors, accepted)[0], foreseen)
        clusters = np.count_nonzero(accepted, axis=0).astype(np.float64)
        self.p_values = clustered_p_value(errors.sum(axis=0), accepted.sum(axis=0), clusters, 1 - target, effect)

    def reached(self, level: float) -> tuple[float | None, bool]:
        return _last_before_a_failure(self.thresholds, self.p_values, level)


def clustered_steps(
    training: ScoredProducts, rows: float, rows_per_cluster: float, target_accuracy: float, level: float, grid_size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Thresholds of a walk that counts whole clusters, and the design effect to be expected at each.

    That of the out-of-fold errors for clusters of another size: what exceeds 1 is in proportion to
    it (Kish 1965, "Survey sampling": 1 + correlation within clusters · (size − 1)).

    Parameters
    ----------
    rows, rows_per_cluster : float
        Of the calibration rows expected.
    """
    size = rows_per_cluster / max(_rows_per_cluster(training), 1.0)

    def effect(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        of_training = design_effect(*counts_by_cluster(training, thresholds))[0]
        expected: NDArray[np.float64] = 1 + size * np.maximum(of_training - 1, 0)
        return expected

    thresholds = plan_steps(
        training, lambda some: rows / (CAUTION * effect(some)), target_accuracy, level, grid_size, binomial_p_value
    )
    return thresholds, effect(thresholds)


def _rows_per_cluster(products: ScoredProducts) -> float:
    return (
        len(products) / len(set(products.cluster.tolist())) if products.cluster is not None and len(products) else 0.0
    )


def _last_before_a_failure(
    thresholds: NDArray[np.float64], p_values: NDArray[np.float64], level: float
) -> tuple[float | None, bool]:
    passed = int(np.cumprod(p_values <= level).sum())
    return (float(thresholds[passed - 1]) if passed else None), passed == thresholds.size


def counts_by_cluster(
    products: ScoredProducts, thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wrong and all products accepted in each cluster at each threshold, both of shape (k, m).

    Parameters
    ----------
    thresholds : array of shape (m,), falling
    """
    if products.cluster is None:
        raise ValueError("the products have no clusters")
    numbers, cluster = np.unique(products.cluster, return_inverse=True)
    step = np.searchsorted(-thresholds, -products.confidence)  # the first threshold that accepts it
    counted = products.allowed & (step < thresholds.size)
    accepted = np.zeros((numbers.size, thresholds.size))
    np.add.at(accepted, (cluster[counted], step[counted]), 1.0)
    wrong = counted & ~products.right
    errors = np.zeros_like(accepted)
    np.add.at(errors, (cluster[wrong], step[wrong]), 1.0)
    return np.cumsum(errors, axis=1), np.cumsum(accepted, axis=1)
