from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from aisle.config import BranchCost, PolicyParameters
from aisle.decision.choice import compare
from aisle.decision.scored import ScoredProducts

ASKED = PolicyParameters(target_accuracy=0.95)


def scored(noise: float, seed: int = 0, rows: int = 2000, accuracy: float = 0.85) -> ScoredProducts:
    """Predictions of a fixed accuracy, ordered the worse the more `noise`."""
    rng = np.random.default_rng(seed)
    right = np.arange(rows) < accuracy * rows
    order = np.argsort(np.argsort(right + noise * rng.normal(size=rows)))
    return ScoredProducts(
        product_id=np.array([f"p{number}" for number in range(rows)], dtype=object),
        branch_id=np.where(np.arange(rows) % 2, "tools", "food").astype(object),
        confidence=(order + 1) / rows,
        right=right,
        allowed=np.ones(rows, dtype=bool),
        weight=np.ones(rows),
    )


def test_the_largest_coverage_at_the_target_wins_whatever_the_accuracy() -> None:
    comparison = compare(
        {"orders well": scored(0.4, accuracy=0.84), "more often right": scored(1.5, accuracy=0.88)}, {}, ASKED
    )
    assert comparison.chosen == "orders well"
    coverage = {row["candidate"]: row["coverage"] for row in comparison.candidates}
    assert coverage["orders well"] > coverage["more often right"] + 0.01
    assert "next is more often right" in comparison.reason


def test_rows_of_the_comparison() -> None:
    products = scored(0.5)
    facts = {"one": {"score_us": 90.0, "fit_seconds": 3.0, "peak_mb": 500.0, "model_mb": 12.0, "rows": 2000}}
    (row,) = compare({"one": products}, facts, ASKED).candidates
    assert row["accuracy"] == pytest.approx(0.85)
    assert (row["score_us"], row["fit_seconds"], row["peak_mb"], row["model_mb"]) == (90.0, 3.0, 500.0, 12.0)
    assert len(row["curve"]["coverage"]) == len(row["curve"]["accuracy"]) <= 200
    assert row["curve"]["coverage"][-1] == 1.0
    assert row["curve"]["accuracy"][-1] == pytest.approx(0.85)
    json.dumps(row, allow_nan=False)


def test_ties_go_to_the_smaller_gap_then_to_the_cheaper_prediction() -> None:
    """Swapping answers among the most confident changes the gap, not the coverage at the target."""
    best = scored(0.5)
    top = np.argsort(-best.confidence)[:2]
    right = best.right.copy()
    wrong = np.flatnonzero(~right & (best.confidence > 0.5))
    right[top], right[wrong[: top.size]] = False, True
    worse_gap = replace(best, right=right)
    facts = {"slow": {"score_us": 200.0}, "fast": {"score_us": 50.0}, "gap": {"score_us": 1.0}}
    comparison = compare({"gap": worse_gap, "slow": best, "fast": best}, facts, ASKED)
    gaps = {row["candidate"]: row["gap"] for row in comparison.candidates}
    objectives = [row["objective"] for row in comparison.candidates]
    assert gaps["gap"] > gaps["fast"] + 0.0005
    assert max(objectives) - min(objectives) <= 0.005
    assert comparison.chosen == "fast"
    assert "tied within 0.5%" in comparison.reason
    assert compare({"gap": worse_gap, "slow": best}, facts, ASKED).chosen == "slow"


def test_an_unknown_time_counts_as_slow() -> None:
    best = scored(0.5)
    assert compare({"unknown": best, "known": best}, {"known": {"score_us": 1e6}}, ASKED).chosen == "known"


def test_weights_decide_what_counts() -> None:
    """The candidate that is right where a row stands for many products."""
    rows = 1000
    heavy = np.arange(rows) < 100
    weight = np.where(heavy, 20.0, 1.0)
    base = replace(scored(0.5, rows=rows), weight=weight, confidence=np.full(rows, 0.5))
    comparison = compare({"heavy": replace(base, right=heavy), "light": replace(base, right=~heavy)}, {}, ASKED)
    assert [row["accuracy"] for row in comparison.candidates] == pytest.approx([2000 / 2900, 900 / 2900])


def test_products_that_always_go_to_people_are_not_coverage() -> None:
    products = replace(scored(0.5), right=np.ones(2000, dtype=bool), allowed=np.arange(2000) < 1500)
    (row,) = compare({"one": products}, {}, ASKED).candidates
    assert row["coverage"] == pytest.approx(0.75)


def test_at_a_fixed_coverage_accuracy_decides() -> None:
    asked = PolicyParameters(kind="coverage", coverage=0.5)
    products = scored(0.8)
    comparison = compare({"well": products, "badly": scored(3.0)}, {}, asked)
    assert comparison.chosen == "well"
    best_half = products.right[products.confidence > 0.5]
    assert comparison.candidates[0]["objective"] == pytest.approx(best_half.mean())


def test_at_a_price_the_saving_decides() -> None:
    asked = PolicyParameters(kind="cost", cost_of_error=10, cost_of_review=1)
    products = scored(0.8)
    comparison = compare({"well": products, "badly": scored(3.0)}, {}, asked)
    assert comparison.chosen == "well"
    costs = [
        np.where(products.confidence >= threshold, ~products.right * 10.0, 1.0).mean()
        for threshold in products.confidence
    ]
    assert comparison.candidates[0]["objective"] == pytest.approx(1 - min(costs))


def test_prices_of_branches_count() -> None:
    dear = PolicyParameters(kind="cost", cost_of_error=5, branch_costs={"food": BranchCost(error=1000)})
    plain = PolicyParameters(kind="cost", cost_of_error=5)
    products = scored(0.8)
    objectives = [compare({"one": products}, {}, asked).candidates[0]["objective"] for asked in (dear, plain)]
    assert objectives[0] < objectives[1]
    assert objectives[0] > 0


def test_reviews_that_cost_nothing_leave_nothing_to_save() -> None:
    asked = PolicyParameters(kind="cost", cost_of_review=0)
    assert compare({"one": scored(0.5)}, {}, asked).candidates[0]["objective"] == 0.0
