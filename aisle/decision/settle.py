"""From what the business asks for and the rows at hand to a policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aisle.bounds import weighted_interval
from aisle.config import PolicyParameters, ThresholdParameters
from aisle.decision.policy import REST, Policy
from aisle.decision.scored import ScoredProducts
from aisle.decision.threshold import (
    certified_threshold,
    certified_thresholds,
    cheapest_threshold,
    quantile_threshold,
)


def settle_policy(
    training: ScoredProducts,
    calibration: ScoredProducts,
    asked: PolicyParameters,
    how: ThresholdParameters,
    always_review: Iterable[str] = (),
) -> Policy:
    """Choose the threshold, or one a branch, and say what is to be expected of it.

    Parameters
    ----------
    training : ScoredProducts
        Out-of-fold scores of training rows: they fix what is looked at.
    calibration : ScoredProducts
        Rows with random labels, weighted by their chance of being drawn: they decide.
    always_review : iterable of category ids
        As given to both `ScoredProducts`.
    """
    by_branch = asked.by_branch or (asked.kind == "cost" and bool(asked.branch_costs))
    threshold: float | None = None
    branch_thresholds: dict[str, float | None] = {}
    if len(calibration) and len(training) and by_branch:
        branch_thresholds = _by_branch(training, calibration, asked, how)
    elif len(calibration) and len(training):
        threshold = _single(training, calibration, asked, how)
    automatic = threshold is not None or any(one is not None for one in branch_thresholds.values())
    policy = Policy(
        kind=asked.kind,
        target_accuracy=asked.target_accuracy,
        confidence_level=how.confidence_level,
        certificate="holdout" if automatic and asked.kind == "target_accuracy" else None,
        threshold=threshold,
        branch_thresholds=branch_thresholds,
        always_review=tuple(always_review),
    )
    return replace(policy, expected=_expected(policy, calibration, asked))


def _single(
    training: ScoredProducts, calibration: ScoredProducts, asked: PolicyParameters, how: ThresholdParameters
) -> float | None:
    if asked.kind == "coverage":
        return quantile_threshold(calibration, asked.coverage)
    if asked.kind == "cost":
        return cheapest_threshold(calibration, asked.cost_of_error, asked.cost_of_review)
    return certified_threshold(training, calibration, asked.target_accuracy, how.confidence_level, how.grid_size)


def _by_branch(
    training: ScoredProducts, calibration: ScoredProducts, asked: PolicyParameters, how: ThresholdParameters
) -> dict[str, float | None]:
    """A threshold for each large branch and each branch with its own prices, and `rest` for the others.

    Which branches are large follows from out-of-fold scores, so that pooling never depends on who
    fails later.
    """
    every = _expected_rows(training, training.branch_id, len(calibration))
    named = {name for name, many in every.items() if asked.by_branch and many >= how.min_branch_rows}
    if asked.kind == "cost":
        named |= set(asked.branch_costs)
    seen, drawn = _groups(training, named), _groups(calibration, named)
    expected = _expected_rows(training, seen, len(calibration))
    if asked.kind == "target_accuracy":
        return certified_thresholds(
            {name: training.only(seen == name) for name in expected},
            {name: calibration.only(drawn == name) for name in expected},
            asked.target_accuracy,
            how.confidence_level,
            how.grid_size,
            {name: many / len(calibration) for name, many in expected.items()},
        )
    if asked.kind == "coverage":
        return {name: quantile_threshold(calibration.only(drawn == name), asked.coverage) for name in expected}
    thresholds: dict[str, float | None] = {}
    for name in sorted(named | {REST}):
        # Too few rows of its own say little; all rows together, at the branch's prices, say more.
        own = calibration.only(drawn == name) if expected.get(name, 0) >= how.min_branch_rows else calibration
        thresholds[name] = cheapest_threshold(own, *prices_of(name, asked))
    return thresholds


def _groups(products: ScoredProducts, named: set[str]) -> NDArray[np.object_]:
    return np.array([one if one in named else REST for one in products.branch_id], dtype=object)


def _expected_rows(training: ScoredProducts, groups: NDArray[np.object_], rows: int) -> dict[str, float]:
    """Calibration rows to be expected in each group, by its share of the training weight."""
    total = training.weight.sum()
    return {name: float(training.weight[groups == name].sum() / total * rows) for name in sorted(set(groups))}


def prices_of(branch_id: str, asked: PolicyParameters) -> tuple[float, float]:
    """The prices of an error and of a review in a branch; the general ones where it has none of its own."""
    own = asked.branch_costs.get(branch_id)
    error = asked.cost_of_error if own is None or own.error is None else own.error
    review = asked.cost_of_review if own is None or own.review is None else own.review
    return error, review


def _expected(policy: Policy, calibration: ScoredProducts, asked: PolicyParameters) -> dict[str, float | int | None]:
    """Coverage, accuracy with its 95 % interval, and cost, on the calibration rows."""
    accepted = calibration.allowed & (calibration.confidence >= policy.limits(calibration.branch_id))
    weight = calibration.weight
    if not len(calibration):
        return {"coverage": 0.0, "accuracy": None, "accuracy_low": None, "accuracy_high": None, "rows": 0}
    accuracy, low, high = weighted_interval(calibration.right[accepted], weight[accepted])
    expected: dict[str, float | int | None] = {
        "coverage": float(weight[accepted].sum() / weight.sum()),
        "accuracy": accuracy if accepted.any() else None,
        "accuracy_low": low if accepted.any() else None,
        "accuracy_high": high if accepted.any() else None,
        "rows": len(calibration),
    }
    if asked.kind == "cost":
        expected["cost_per_product"] = float(np.average(costs(calibration, accepted, asked), weights=weight))
    return expected


def costs(products: ScoredProducts, accepted: NDArray[np.bool_], asked: PolicyParameters) -> NDArray[np.float64]:
    """What each product costs when `accepted` are decided automatically, shape (n,), in the unit of the prices."""
    prices = {name: prices_of(name, asked) for name in set(products.branch_id)}
    error = np.array([prices[name][0] for name in products.branch_id], dtype=np.float64)
    review = np.array([prices[name][1] for name in products.branch_id], dtype=np.float64)
    return np.where(accepted, np.where(products.right, 0.0, error), review)
