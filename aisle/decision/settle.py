"""From what the business asks for and the rows at hand to a policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aisle.config import PolicyParameters, ThresholdParameters
from aisle.decision.intervals import Priced, cost_intervals, share_interval
from aisle.decision.policy import REST, Policy
from aisle.decision.scored import ScoredProducts
from aisle.decision.starts import Starts, certified_start, worth_trying
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
    branches: tuple[ScoredProducts, ScoredProducts] | None = None,
) -> Policy:
    """Choose the threshold, or one a branch, and say what is to be expected of it.

    Parameters
    ----------
    training : ScoredProducts
        Out-of-fold scores of training rows, at the level that is asked for: they fix what is looked at.
    calibration : ScoredProducts
        Rows with random labels, weighted by their chance of being drawn: they decide.
    always_review : iterable of category ids
        As given to both `ScoredProducts`.
    branches : the same two, scored at level 'branch', optional
        For the branch that people start in; without them there is none.
    """
    planned = _start_is_planned(training, calibration, asked, how, branches)
    level = 1 - how.confidence_level
    # Both promises hold together: what the second may spend, the first does without.
    spent = level * asked.branch_start_share if asked.kind == "target_accuracy" else level
    how_sure = replace(how, confidence_level=1 - (level - spent)) if planned and spent < level else how
    threshold: float | None = None
    groups: list[Priced] = []
    branch_thresholds: dict[str, float | None] = {}
    if len(calibration) and len(training):
        if asked.by_branch or (asked.kind == "cost" and asked.branch_costs):
            branch_thresholds, groups = _by_branch(training, calibration, asked, how_sure)
        else:
            threshold, groups = _single(training, calibration, asked, how_sure)
    automatic = threshold is not None or any(one is not None for one in branch_thresholds.values())
    policy = Policy(
        kind=asked.kind,
        target_accuracy=asked.target_accuracy,
        confidence_level=how.confidence_level,
        certificate="holdout" if automatic and asked.kind == "target_accuracy" else None,
        threshold=threshold,
        branch_thresholds=branch_thresholds,
        always_review=tuple(always_review),
        level=asked.level,
        clusters=how.clusters,
    )
    if planned and branches is not None:
        policy = _with_start(policy, training, calibration, branches, asked, spent)
    return replace(policy, expected=_expected(policy, calibration, groups, branches))


def _start_is_planned(
    training: ScoredProducts,
    calibration: ScoredProducts,
    asked: PolicyParameters,
    how: ThresholdParameters,
    branches: tuple[ScoredProducts, ScoredProducts] | None,
) -> bool:
    """Whether a branch start is looked for; known before a score or label of a calibration row is."""
    if branches is None or asked.level != "leaf" or not asked.branch_start_share:
        return False
    spent = (1 - how.confidence_level) * (asked.branch_start_share if asked.kind == "target_accuracy" else 1)
    return worth_trying(
        Starts.of(training, branches[0]),
        calibration.even_rows,
        asked.target_accuracy,
        asked.branch_start_accuracy,
        spent,
    )


def _with_start(
    policy: Policy,
    training: ScoredProducts,
    calibration: ScoredProducts,
    branches: tuple[ScoredProducts, ScoredProducts],
    asked: PolicyParameters,
    spent: float,
) -> Policy:
    start = certified_start(
        Starts.of(training, branches[0]),
        Starts.of(calibration, branches[1]),
        policy.start_below,
        asked.branch_start_accuracy,
        spent,
    )
    accuracy = None if start is None else asked.branch_start_accuracy
    return replace(policy, branch_start=start, branch_start_accuracy=accuracy)


def _single(
    training: ScoredProducts, calibration: ScoredProducts, asked: PolicyParameters, how: ThresholdParameters
) -> tuple[float | None, list[Priced]]:
    if asked.kind == "coverage":
        return quantile_threshold(calibration, asked.coverage), []
    if asked.kind == "cost":
        prices = asked.cost_of_error, asked.cost_of_review
        threshold = cheapest_threshold(calibration, *prices)
        every = np.ones(len(calibration), dtype=bool)
        return threshold, [Priced(every, every, np.inf if threshold is None else threshold, *prices)]
    return certified_threshold(training, calibration, asked.target_accuracy, how.confidence_level, how.grid_size), []


def _by_branch(
    training: ScoredProducts, calibration: ScoredProducts, asked: PolicyParameters, how: ThresholdParameters
) -> tuple[dict[str, float | None], list[Priced]]:
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
        certified = certified_thresholds(
            {name: training.only(seen == name) for name in expected},
            {name: calibration.only(drawn == name) for name in expected},
            asked.target_accuracy,
            how.confidence_level,
            how.grid_size,
            {name: many / len(calibration) for name, many in expected.items()},
        )
        return certified, []
    if asked.kind == "coverage":
        return {name: quantile_threshold(calibration.only(drawn == name), asked.coverage) for name in expected}, []
    thresholds: dict[str, float | None] = {}
    groups = []
    for name in sorted(named | {REST}):
        # Too few rows of its own say little; all rows together, at the branch's prices, say more.
        members = np.asarray(drawn == name)
        own = members if expected.get(name, 0) >= how.min_branch_rows else np.ones_like(members)
        prices = prices_of(name, asked)
        cheapest = thresholds[name] = cheapest_threshold(calibration.only(own), *prices)
        groups.append(Priced(members, own, np.inf if cheapest is None else cheapest, *prices))
    return thresholds, groups


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


def _expected(
    policy: Policy,
    calibration: ScoredProducts,
    priced: Sequence[Priced],
    branches: tuple[ScoredProducts, ScoredProducts] | None,
) -> dict[str, float | int | None]:
    """Coverage, accuracy and cost with their 95 % intervals, and what people start with."""
    names = ("coverage", "coverage_low", "coverage_high", "accuracy", "accuracy_low", "accuracy_high")
    if not len(calibration):
        return {**dict.fromkeys(names), "coverage": 0.0, "rows": 0}
    limits, weight = policy.limits(calibration.branch_id), calibration.weight
    accepted = calibration.allowed & (calibration.confidence >= limits)
    # What a quantile was read at decides nothing: it is at the threshold by construction.
    counted = accepted & (calibration.confidence > limits) if policy.kind == "coverage" else accepted
    values = dict(
        zip(
            names,
            (
                float(weight[accepted].sum() / weight.sum()),
                *(share_interval(accepted, weight) if policy.automatic else (0.0, 0.0)),
                float(np.average(calibration.right[accepted], weights=weight[accepted])) if accepted.any() else None,
                *share_interval(calibration.right[counted], weight[counted]),
            ),
            strict=True,
        )
    )
    if policy.kind == "cost":
        values |= _costs(policy, calibration, accepted, priced)
    if policy.branch_start is not None and branches is not None:
        values |= _started(policy, calibration, branches[1])
    return {**values, "rows": len(calibration)}


def _costs(
    policy: Policy, calibration: ScoredProducts, accepted: NDArray[np.bool_], priced: Sequence[Priced]
) -> dict[str, float | None]:
    cost = np.zeros(len(calibration))
    for one in priced:
        each = np.where(accepted, np.where(calibration.right, 0.0, one.error), one.review)
        cost = np.where(one.members, each, cost)
    mean = float(np.average(cost, weights=calibration.weight))
    found: dict[str, float | None] = {"cost_per_product": mean}
    if not policy.automatic:
        return {**found, "cost_per_product_low": mean, "cost_per_product_high": mean}
    ends = cost_intervals(calibration, priced)
    for name, (low, high) in ends.items():
        known = "cost_per_product" if name == "cost" else name
        limit = np.inf if name == "cost" else 1.0
        found |= {f"{known}_low": max(low, 0.0), f"{known}_high": min(high, limit)}
    return found


def _started(policy: Policy, calibration: ScoredProducts, branches: ScoredProducts) -> dict[str, float | None]:
    assert policy.branch_start is not None
    unsure = ~(calibration.allowed & (calibration.confidence >= policy.start_below))
    started = unsure & (branches.confidence >= policy.branch_start)
    right, weight = branches.right[started], branches.weight[started]
    low, high = share_interval(right, weight)
    return {
        "start_coverage": float(weight.sum() / branches.weight.sum()),
        "start_accuracy": float(np.average(right, weights=weight)) if started.any() else None,
        "start_accuracy_low": low,
        "start_accuracy_high": high,
    }
